import { describe, expect, test } from 'vitest';
import { memoryLock } from '../../src/memory/memory-lock.ts';
import { memoryStorage } from '../../src/memory/memory-storage.ts';
import { takingTurns } from '../../src/memory/turns.ts';
import { lockConformance, register, storageConformance } from '../../src/testing/index.ts';

describe('memoryStorage()', () => {
  // Its values die with it, and memory does not break down.
  register(
    test,
    storageConformance(() => ({ storage: memoryStorage() }), { reopen: false, breakDown: false }),
  );

  test('brings a lock that reaches as far', () => {
    const storage = memoryStorage();
    expect(storage.lock?.reach).toBe(storage.reach);
  });
});

describe('memoryLock()', () => {
  register(
    test,
    lockConformance(() => ({ lock: memoryLock() }), { reopen: false, holderDeath: false }),
  );
});

describe('taking turns', () => {
  test('lets so many run at a time, in the order they came', async () => {
    const turns = takingTurns(3);
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const task = (index: number) => async () => {
      order.push(index);
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => turns.take(task(index))));
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(most).toBe(3);
    expect(turns.idle).toBe(true);
  });

  test('an abort takes a waiting task out of the queue, and leaves a running one alone', async () => {
    const turns = takingTurns(1);
    const controller = new AbortController();
    let finish: () => void = () => undefined;
    const running = turns.take(
      () => new Promise<string>((resolve) => (finish = () => resolve('done'))),
      controller.signal,
    );
    const waiting = turns.take(async () => 'never', controller.signal);
    const refused = expect(waiting).rejects.toThrow('enough');
    controller.abort(new Error('enough'));
    await refused;
    finish();
    expect(await running).toBe('done');
  });
});
