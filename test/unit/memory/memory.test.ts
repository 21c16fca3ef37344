import { AsyncLocalStorage } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { limitConcurrency } from '../../../src/async/limit-concurrency.ts';
import { memoryLock } from '../../../src/memory/memory-lock.ts';
import { memoryStorage } from '../../../src/memory/memory-storage.ts';
import { lockConformance, register, storageConformance } from '../../../src/testing/index.ts';

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

  test('shares the texts of what was written and read: a token is in memory once', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const megabytes = 4;
    const storage = memoryStorage();
    const record = { accessTokens: { '': { token: 'x'.repeat(megabytes * 2 ** 20) } } };
    JSON.stringify(record); // makes one piece of the text
    const before = heap();
    await storage.write('key', record, undefined);
    const reads = [await storage.read('key'), await storage.read('key')];
    expect((heap() - before) / 2 ** 20).toBeLessThan(megabytes);
    expect(reads.map((read) => read?.record)).toEqual([record, record]);
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
    const turns = limitConcurrency(3);
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
    await Promise.all(Array.from({ length: 20 }, (_, index) => turns.run(task(index))));
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(most).toBe(3);
    expect(turns.idle).toBe(true);
  });

  test('an abort takes a waiting task out of the queue, and leaves a running one alone', async () => {
    const turns = limitConcurrency(1);
    const controller = new AbortController();
    let finish: () => void = () => undefined;
    const running = turns.run(
      () => new Promise<string>((resolve) => (finish = () => resolve('done'))),
      controller.signal,
    );
    const waiting = turns.run(async () => 'never', controller.signal);
    const refused = expect(waiting).rejects.toThrow('enough');
    controller.abort(new Error('enough'));
    await refused;
    finish();
    expect(await running).toBe('done');
  });

  test('a caller that arrives between two turns waits behind the queue', async () => {
    const turns = limitConcurrency(1);
    const order: string[] = [];
    const note = (name: string) => async () => void order.push(name);
    const first = turns.run(async () => order.push('first'));
    const second = turns.run(note('second'));
    const late = first.then(() => turns.run(note('late')));
    await Promise.all([second, late]);
    expect(order).toEqual(['first', 'second', 'late']);
    expect(turns.idle).toBe(true);
  });

  test('the next task runs after one that throws', async () => {
    const turns = limitConcurrency(1);
    const failing = turns.run(() => {
      throw new Error('broken');
    });
    const next = turns.run(async () => 'done');
    await expect(failing).rejects.toThrow('broken');
    expect(await next).toBe('done');
    expect(turns.idle).toBe(true);
  });

  test('new callers get a turn after the queue was empty, and after a caller has left it', async () => {
    const turns = limitConcurrency(1);
    const order: number[] = [];
    for (const round of [1, 2, 3]) {
      const controller = new AbortController();
      const running = turns.run(async () => order.push(round));
      const leaving = turns.run(async () => order.push(-1), controller.signal);
      const waiting = turns.run(async () => order.push(round * 10));
      controller.abort(new Error('enough'));
      await expect(leaving).rejects.toThrow('enough');
      await Promise.all([running, waiting]);
    }
    expect(order).toEqual([1, 10, 2, 20, 3, 30]);
  });

  test('a task that waited runs in the async context of its own caller', async () => {
    const context = new AsyncLocalStorage<string>();
    const turns = limitConcurrency(1);
    const seen = await Promise.all(
      ['first', 'second', 'third'].map((name) =>
        context.run(name, () => turns.run(async () => context.getStore())),
      ),
    );
    expect(seen).toEqual(['first', 'second', 'third']);
  });
});
