/** Web Locks without a browser: Node has them for its own threads. Time stands still until a test moves it. */
import { memoryStorage, TokenManager } from 'tokenkeep';
import { webLock, webStorage } from 'tokenkeep/browser';
import { lockConformance, register } from 'tokenkeep/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stubBrowserLocks } from '../../support/browser.ts';

let count = 0;
let name = '';
beforeEach(() => {
  name = `name ${count++}`;
});

describe('keeps every law', () => {
  register(
    test,
    lockConformance(
      () => {
        const prefix = `kit ${count++} `;
        const open = () => {
          const { reach, request } = webLock();
          const prefixed: typeof request = (one, options, callback) =>
            request(prefix + one, options, callback);
          return { reach, request: prefixed };
        };
        return { lock: open(), reopen: open };
      },
      { holderDeath: false },
    ),
  );
});

const lease = 50_000;

describe('holders that sleep', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Moves the time, and lets the lock manager, which has none, do its work in between. */
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      await vi.advanceTimersByTimeAsync(500);
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** A holder of the lock, until it is released. */
  async function holder(lock = webLock({ lease })) {
    const { promise, resolve: end } = Promise.withResolvers<string>();
    const { promise: granted, resolve: grant } = Promise.withResolvers<void>();
    const result = lock.request(name, {}, () => {
      grant();
      return promise;
    });
    await granted;
    return { end, result };
  }

  /** Someone who waits, and notes that it runs. */
  function waiter(lock = webLock({ lease }), run: () => Promise<void> = async () => undefined) {
    const state = { ran: false };
    const result = lock.request(name, {}, async () => {
      state.ran = true;
      await run();
    });
    result.catch(() => undefined);
    return { state, result };
  }

  test('WL-07, WL-08: a holder is waited for during its lease, and then someone takes over; its own result is still its own', async () => {
    const sleeper = await holder();
    const { state, result } = waiter();
    await pass(lease - 1_000);
    expect(state.ran).toBe(false);
    await pass(lease * 0.1 + 2_000);
    expect(state.ran).toBe(true);
    await result;
    sleeper.end('late');
    expect(await sleeper.result).toBe('late');
    await webLock().request(name, {}, async () => undefined);
  });

  test('of several one takes over at a time', async () => {
    await holder();
    let inside = 0;
    let most = 0;
    const waiters = Array.from({ length: 8 }, () =>
      waiter(webLock({ lease }), async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        inside--;
      }),
    );
    await pass(lease * 1.1 + 60_000);
    expect(waiters.map(({ state }) => state.ran)).toEqual(waiters.map(() => true));
    expect(most).toBe(1);
  });

  test('living holders are never robbed, however long one waits behind them', async () => {
    let inside = 0;
    let most = 0;
    const run = async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, lease * 0.8));
      inside--;
    };
    const waiters = Array.from({ length: 4 }, () => waiter(webLock({ lease }), run));
    await pass(lease * 4);
    expect(waiters.map(({ state }) => state.ran)).toEqual([true, true, true, true]);
    expect(most).toBe(1);
  });

  test('a holder that was robbed while it woke up in the guard begins again, and nobody runs beside it', async () => {
    const sleeper = await holder();
    const first = waiter();
    const second = waiter();
    await pass(lease * 1.1 + 2_000);
    await Promise.all([first.result, second.result]);
    sleeper.end('late');
    await sleeper.result;
  });

  test('a waiter that watched only now and then has seen enough as well', async () => {
    await holder();
    const lock = webLock({ lease });
    for (let attempt = 0; attempt < 3; attempt++) {
      const leaving = new AbortController();
      const result = lock.request(name, { signal: leaving.signal }, async () => undefined);
      await pass(lease / 3);
      leaving.abort(new Error('impatient'));
      await expect(result).rejects.toThrow('impatient');
    }
    const { state } = waiter(lock);
    await pass(lease * 0.2);
    expect(state.ran).toBe(true);
  });

  test('a waiter that slept has not watched: after a night a holder gets a moment to wake up', async () => {
    await holder();
    const { state } = waiter();
    await pass(2_000);
    vi.setSystemTime(Date.now());
    const { now } = performance;
    vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + 8 * 3_600_000);
    await pass(6_000);
    expect(state.ran).toBe(false);
    await pass(lease);
    expect(state.ran).toBe(true);
  });

  test('a tab that freezes in the guard is not waited for either, and does not act when it wakes up', async () => {
    const guard = `tokenkeep.guard:${name}`;
    let frozen = true;
    const over = navigator.locks
      .request(guard, () => new Promise((_resolve, reject) => setTimeout(reject, 3_600_000)))
      .catch(() => {
        frozen = false;
      });
    const { state, result } = waiter();
    await pass(4_000);
    expect(state.ran).toBe(false);
    await pass(8_000);
    expect(state.ran).toBe(true);
    await result;
    await over;
    expect(frozen).toBe(false);
  });
});

describe('where there are none', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test('WL-01: webLock() throws a ConfigurationError with a remedy', () => {
    vi.stubGlobal('navigator', {});
    expect(() => webLock()).toThrow(expect.objectContaining({ code: 'ERR_CONFIGURATION' }));
    vi.stubGlobal('isSecureContext', false);
    expect(() => webLock()).toThrow(/https/);
  });

  test('WL-01: a page to which they are refused gets a ConfigurationError when it asks', async () => {
    const request = () => Promise.reject(new DOMException('opaque origin', 'SecurityError'));
    vi.stubGlobal('navigator', { locks: { request, query: async () => ({}) } });
    const asked = webLock().request('name', {}, async () => undefined);
    await expect(asked).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' });
  });
});

test('WL-02: no name begins with a hyphen, and none is too long', async () => {
  const names: string[] = [];
  const { request } = navigator.locks;
  const spy = vi.spyOn(navigator.locks, 'request') as unknown as { mockImplementation(run: unknown): void };
  spy.mockImplementation((...parameters: [string]) => {
    names.push(parameters[0]);
    return request.apply(navigator.locks, parameters as never);
  });
  for (const one of ['-a', '--', 'x'.repeat(2_000)]) await webLock().request(one, {}, async () => undefined);
  vi.restoreAllMocks();
  expect(names.filter((one) => one.startsWith('-') || one.length > 1_024)).toEqual([]);
  expect(new Set(names).size).toBe(9);
});

describe('how far it reaches', () => {
  const manager = (storage = webStorage(() => ({}) as Storage)) =>
    new TokenManager({
      clientId: 'app',
      authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
      protectedResources: ['https://api.example.com/'],
      storage,
      lock: webLock(),
    });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test('WL-10: in Node one process, so that no storage gets it that reaches farther', () => {
    expect(webLock().reach).toBe('process');
    expect(manager).toThrow(expect.objectContaining({ code: 'ERR_CONFIGURATION' }));
    manager(memoryStorage());
  });

  test.each(['document', 'WorkerGlobalScope'] as const)(
    'WL-03: where there is a %s all of its origin, as far as its storages',
    (name) => {
      const { locks } = navigator;
      stubBrowserLocks(name);
      expect(webLock().reach).toBe('machine');
      manager();
      // K7a: a DOM for Node beside the locks of Node.
      vi.stubGlobal('navigator', { locks });
      expect(webLock().reach).toBe('process');
      expect(manager).toThrow(expect.objectContaining({ code: 'ERR_CONFIGURATION' }));
    },
  );
});

test('WL-05: a signal ends the wait, not the holding', async () => {
  const controller = new AbortController();
  const lock = webLock();
  const held = lock.request(name, { signal: controller.signal }, async () => {
    const waiting = lock.request(name, { signal: controller.signal }, async () => 'never');
    controller.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    return 'done';
  });
  expect(await held).toBe('done');
});

test('WL-06: it is free again when the callback settles, also when it throws', async () => {
  const lock = webLock();
  await expect(lock.request(name, {}, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
  expect(await lock.request(name, {}, async () => 'next')).toBe('next');
});
