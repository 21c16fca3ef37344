/** Web storage without a browser: what a test cannot make a real one do. */
import type { Version } from 'tokenkeep';
import { webStorage } from 'tokenkeep/browser';
import { register, storageConformance } from 'tokenkeep/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stubBrowserLocks } from '../../support/browser.ts';

/** It cannot distinguish this process from a browser. */
beforeEach(() => stubBrowserLocks());

/** As much of a `Storage` as is used. */
class Area {
  readonly values = new Map<string, string>();
  getItem(name: string): string | null {
    return this.values.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    this.values.set(name, String(value));
  }
  removeItem(name: string): void {
    this.values.delete(name);
  }
}

const area = () => new Area() as unknown as Storage & Area;
const domError = (name: string) => () => {
  throw new DOMException('on purpose', name);
};

/** A key of its own for each test: what was written is witnessed for a while, as it is between tabs. */
let key = '';
let count = 0;
beforeEach(() => {
  key = `key ${count++}`;
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('the note of a tab about its latest versions', () => {
  const heldLocks = async () => {
    const { held = [] } = await navigator.locks.query();
    return held.flatMap(({ name }) => (name?.includes(`${key}|`) ? name : []));
  };

  test('leaves no timer, and one lock for an item until the page sleeps', async () => {
    const page = new EventTarget();
    vi.stubGlobal('window', page);
    vi.stubGlobal('document', new EventTarget());
    const open = new Set<unknown>();
    const { setTimeout, clearTimeout } = globalThis;
    vi.stubGlobal('setTimeout', (run: () => void, ms: number) => {
      const timer = setTimeout(() => {
        open.delete(timer);
        run();
      }, ms);
      open.add(timer);
      return timer;
    });
    vi.stubGlobal('clearTimeout', (timer: never) => {
      open.delete(timer);
      clearTimeout(timer);
    });
    const storage = webStorage(area());
    let version: Version | undefined;
    for (let count = 0; count < 3; count++) version = await storage.write(key, { count }, version);
    expect(open).toEqual(new Set());
    expect(await heldLocks()).toHaveLength(1);
    page.dispatchEvent(new Event('pagehide'));
    await vi.waitFor(async () => expect(await heldLocks()).toEqual([]));
  });

  test('is valid for ten seconds: a storage cleared since then blocks no caller', async () => {
    const shared = area();
    await webStorage(shared).write(key, {}, undefined);
    shared.values.clear();
    const now = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(now + 10_001);
    const waits = vi.fn();
    vi.stubGlobal('setTimeout', waits);
    expect(await webStorage(shared).read(key)).toBeUndefined();
    expect(waits).not.toHaveBeenCalled();
  });
});

describe('keeps every law', () => {
  register(
    test,
    storageConformance(() => {
      const shared = area();
      let isFull = false;
      const { setItem } = shared;
      shared.setItem = (name, value) =>
        isFull ? domError('QuotaExceededError')() : setItem.call(shared, name, value);
      const prefix = `kit ${count++} `;
      const open = () => webStorage(shared, { prefix });
      return {
        storage: open(),
        reopen: open,
        breakDown() {
          isFull = true;
          return () => {
            isFull = false;
          };
        },
      };
    }),
  );
});

test('one item a session, written whole, under a name with a prefix', async () => {
  const shared = area();
  await webStorage(shared).write('app/default', { token: 'x' }, undefined);
  await webStorage(shared, { prefix: 'other ' }).write('app/default', {}, undefined);
  expect([...shared.values.keys()]).toEqual(['tokenkeep:app/default', 'other app/default']);
});

test.each([
  ['SecurityError', 'blocks'],
  ['QuotaExceededError', 'full'],
  ['NS_ERROR_DOM_QUOTA_REACHED', 'full'],
  ['UnknownError', 'failed'],
])('a storage that throws %s: a StorageError that says so', async (name, says) => {
  const broken = { ...area(), getItem: () => null, setItem: domError(name), removeItem: domError(name) };
  const storage = webStorage(broken as unknown as Storage);
  await expect(storage.write(key, { secret: 'canary' }, undefined)).rejects.toMatchObject({
    code: 'ERR_STORAGE',
    operation: 'write',
    conflict: false,
    message: expect.stringContaining(says),
  });
  await expect(storage.delete(key)).rejects.toMatchObject({ code: 'ERR_STORAGE', operation: 'delete' });
});

test('a getter that throws is caught when a function is handed in', async () => {
  const storage = webStorage(domError('SecurityError') as () => Storage);
  await expect(storage.read(key)).rejects.toMatchObject({ code: 'ERR_STORAGE', operation: 'read' });
  expect(storage.watch?.(key, () => undefined)).toBeTypeOf('function');
});

test.each(['', 'undefined', 'null', '{"version":', '[]', '{"version":7,"record":{}}', '"text"'])(
  'B51: %j is returned as it is, and can be replaced',
  async (text) => {
    const shared = area();
    shared.setItem(`tokenkeep:${key}`, text);
    const storage = webStorage(shared);
    const found = await storage.read(key);
    expect(found?.record).toBe(text);
    await storage.write(key, { ours: true }, found?.version);
    expect((await storage.read(key))?.record).toEqual({ ours: true });
    await expect(storage.write(key, {}, found?.version)).rejects.toMatchObject({ conflict: true });
  },
);

test('a version is newer than the one before, also when the clock goes back', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 2_000_000 });
  const storage = webStorage(area());
  const first = await storage.write(key, {}, undefined);
  vi.setSystemTime(1_000_000);
  const second = await storage.write(key, {}, first);
  expect(Number.parseInt(String(second), 10)).toBeGreaterThan(Number.parseInt(String(first), 10));
  vi.useRealTimers();
});

test('a tab that does not see yet what another one has stored waits until it does', async () => {
  const shared = area();
  const behind = area();
  const version = await webStorage(shared).write(key, { step: 1 }, undefined);
  behind.setItem(`tokenkeep:${key}`, shared.getItem(`tokenkeep:${key}`) ?? '');
  const next = await webStorage(shared).write(key, { step: 2 }, version);
  const asked = vi.spyOn(behind, 'getItem');
  const reading = webStorage(behind).read(key);
  await expect.poll(() => asked).toHaveBeenCalled();
  behind.setItem(`tokenkeep:${key}`, shared.getItem(`tokenkeep:${key}`) ?? '');
  expect(await reading).toEqual({ record: { step: 2 }, version: next });
});

test('a tab that still sees what another one has removed waits until it does not', async () => {
  const [shared, behind] = [area(), area()];
  const version = await webStorage(shared).write(key, { step: 1 }, undefined);
  behind.setItem(`tokenkeep:${key}`, shared.getItem(`tokenkeep:${key}`) ?? '');
  await webStorage(shared).delete(key, version);
  const asked = vi.spyOn(behind, 'getItem');
  const reading = webStorage(behind).read(key);
  await expect.poll(() => asked).toHaveBeenCalled();
  behind.removeItem(`tokenkeep:${key}`);
  expect(await reading).toBeUndefined();
});

test('a sessionStorage, which no other tab sees, waits for nobody', async () => {
  const [shared, own] = [area(), area()];
  vi.stubGlobal('sessionStorage', own);
  await webStorage(shared).write(key, {}, undefined);
  expect(await webStorage(own).read(key)).toBeUndefined();
});

test('without Web Locks it works on its own, and its lock is missing loudly', async () => {
  vi.stubGlobal('navigator', {});
  const storage = webStorage(area());
  const version = await storage.write(key, { step: 1 }, undefined);
  expect(await storage.read(key)).toEqual({ record: { step: 1 }, version });
  expect(() => storage.lock).toThrow(expect.objectContaining({ code: 'ERR_CONFIGURATION' }));
});
