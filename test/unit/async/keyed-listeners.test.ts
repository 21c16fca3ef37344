/** Listeners by key: isolated from each other and from the code that makes the change. */
import { expect, test, vi } from 'vitest';
import { KeyedListeners } from '../../../src/async/keyed-listeners.ts';

test('notifies the listeners of a key after the code that runs now, each once for each subscription', async () => {
  const listeners = new KeyedListeners();
  const [one, other] = [vi.fn(), vi.fn()];
  listeners.subscribe('key', one);
  listeners.subscribe('key', one);
  listeners.subscribe('other key', other);
  listeners.notify('key');
  expect(one).not.toHaveBeenCalled();
  await Promise.resolve();
  expect(one).toHaveBeenCalledTimes(2);
  expect(other).not.toHaveBeenCalled();
});

test('does not call a listener that has unsubscribed while the notification was on its way', async () => {
  const listeners = new KeyedListeners();
  const listener = vi.fn();
  const unsubscribe = listeners.subscribe('key', listener);
  listeners.notify('key');
  unsubscribe();
  await Promise.resolve();
  expect(listener).not.toHaveBeenCalled();
});

test('an error of a listener reaches no one else', async () => {
  const listeners = new KeyedListeners();
  const listener = vi.fn();
  listeners.subscribe('key', () => {
    throw new Error('broken');
  });
  listeners.subscribe('key', listener);
  listeners.notify('key');
  await Promise.resolve();
  expect(listener).toHaveBeenCalledOnce();
});

test('notifies the listeners of all keys, except those that a listener before them unsubscribes', async () => {
  const listeners = new KeyedListeners();
  const called: string[] = [];
  const unsubscribe: (() => void)[] = [];
  for (const key of ['a', 'b']) {
    unsubscribe.push(
      listeners.subscribe(key, () => {
        called.push(key);
        unsubscribe[1]?.();
      }),
    );
  }
  for (const key of listeners.keys) listeners.notify(key);
  await Promise.resolve();
  expect(called).toEqual(['a']);
});

test('has no keys when every subscription has ended', () => {
  const listeners = new KeyedListeners();
  expect(listeners.keys).toEqual([]);
  const unsubscribe = [listeners.subscribe('key', vi.fn()), listeners.subscribe('key', vi.fn())];
  unsubscribe[0]?.();
  unsubscribe[0]?.();
  expect(listeners.keys).toEqual(['key']);
  unsubscribe[1]?.();
  expect(listeners.keys).toEqual([]);
  listeners.subscribe('key', vi.fn());
  unsubscribe[1]?.();
  expect(listeners.keys).toEqual(['key']);
});
