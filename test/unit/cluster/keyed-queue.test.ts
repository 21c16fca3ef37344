import { expect, test } from 'vitest';
import { KeyedQueue } from '../../../src/cluster/keyed-queue.ts';

test('one at a time enters, in the order they came; other names do not wait', async () => {
  const line = new KeyedQueue();
  const order: string[] = [];
  const enter = async (name: string, label: string) => {
    const leave = await line.acquire(name, undefined);
    order.push(`${label} in`);
    await Promise.resolve();
    order.push(`${label} out`);
    leave();
  };
  await Promise.all([enter('a', 'first'), enter('a', 'second'), enter('a', 'third')]);
  expect(order).toEqual(['first in', 'first out', 'second in', 'second out', 'third in', 'third out']);
  const leave = await line.acquire('a', undefined);
  (await line.acquire('b', undefined))();
  leave();
});

test('an abort leaves the queue while waiting, but not after its turn has begun', async () => {
  const line = new KeyedQueue();
  const [inside, waiting] = [new AbortController(), new AbortController()];
  const leave = await line.acquire('a', inside.signal);
  const refused = expect(line.acquire('a', waiting.signal)).rejects.toThrow('enough');
  let entered = false;
  const last = line.acquire('a', undefined).then((leaveLast) => {
    entered = true;
    leaveLast();
  });
  waiting.abort(new Error('enough'));
  await refused;
  inside.abort(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(entered).toBe(false);
  leave();
  await last;
  await expect(line.acquire('a', AbortSignal.abort(new Error('aborted before')))).rejects.toThrow(
    'aborted before',
  );
});
