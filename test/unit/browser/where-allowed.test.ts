/** A browser that blocks site data, as a page sees it. */
import { memoryStorage, type TokenStorage } from 'tokenkeep';
import { indexedDbKeys, indexedDbStorage, webStorage, whereAllowed } from 'tokenkeep/browser';
import { memoryKeys } from 'tokenkeep/dpop';
import { register, storageConformance } from 'tokenkeep/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stubBrowserLocks } from '../../support/browser.ts';
import { explained } from '../../support/explained.ts';
import { installIndexedDb } from '../../support/indexed-db.ts';
import { openManager } from '../../support/open-manager.ts';

installIndexedDb();

/** Node 25 and newer have one. */
const ofNode = Object.getOwnPropertyDescriptor(globalThis, 'localStorage');
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  Reflect.deleteProperty(globalThis, 'localStorage');
  if (ofNode) Object.defineProperty(globalThis, 'localStorage', ofNode);
});

const denied = () => {
  throw new DOMException('Access is denied for this document.', 'SecurityError');
};

/** A page in which the browser blocks site data. Chromium reports an unknown error for a database. */
function block(get: () => unknown = denied): void {
  vi.stubGlobal('document', new EventTarget());
  Object.defineProperty(globalThis, 'localStorage', { configurable: true, get });
  stubBrowserLocks();
  vi.spyOn(indexedDB, 'open').mockImplementation(() => {
    throw new DOMException('The user denied permission to access the database.', 'UnknownError');
  });
}

let count = 0;
const both = () => whereAllowed(indexedDbStorage({ name: `allowed ${count++}` }), memoryStorage());

describe('where site data is allowed every law of a storage is kept', () => {
  beforeEach(() => stubBrowserLocks());
  register(
    test,
    storageConformance(
      () => {
        const name = `allowed ${count++}`;
        const open = () => whereAllowed(indexedDbStorage({ name }), memoryStorage());
        return { storage: open(), reopen: open };
      },
      { breakDown: false },
    ),
  );
});

describe('where site data is blocked', () => {
  test('keeps sessions in memory under its lock, and the manager emits one event for each', async () => {
    block();
    const { manager, server, events, call } = await openManager({ manager: { storage: both() } });
    const told: unknown[] = [];
    manager.on('storageUnavailable', ({ session, reason }) => told.push(`${session}: ${reason}`));
    server.expire();
    expect(await Promise.all([call(), call()])).toEqual([200, 200]);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
    expect(events.map(({ type }) => type)).toEqual(['refreshed']);
    expect(told).toEqual([]); // the event was emitted at the login
    await manager.forSession('another').setTokens(server.signIn());
    await manager.forSession('another').getTokens();
    expect(told).toEqual(['another: site data blocked']);
    await manager.signOut();
    await manager.close();
  });

  test('watches what other managers store in memory', async () => {
    block();
    const storage = both();
    const changed = vi.fn();
    const unwatch = storage.watch?.('key', changed);
    await storage.write('key', {}, undefined);
    await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce());
    unwatch?.();
    storage.watch?.('key', changed)();
    await storage.delete('key');
    expect(changed).toHaveBeenCalledOnce();
  });

  test('keeps keys in memory as well', async () => {
    block();
    const keys = whereAllowed(indexedDbKeys({ name: 'keys' }), memoryKeys());
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
    await keys.write('thumb', pair);
    expect(await keys.read('thumb')).toEqual(pair);
    await keys.delete('thumb');
    expect(await keys.read('thumb')).toBeUndefined();
  });

  test('keeps the choice until a reload, so that sessions in memory are not abandoned', async () => {
    block();
    const storage = both();
    const version = await storage.write('key', { step: 1 }, undefined);
    Object.defineProperty(globalThis, 'localStorage', { configurable: true, value: {} });
    vi.mocked(indexedDB.open).mockRestore();
    expect(await storage.read('key')).toEqual({ record: { step: 1 }, version });
    expect(storage.unavailable?.()).toBe('site data blocked');
  });

  test('without a declaration the error names the reason and the remedy', async () => {
    block();
    const words = /blocks site data .* whereAllowed\(indexedDbStorage\(\), memoryStorage\(\)\)/;
    await expect(indexedDbStorage({ name: 'x' }).read('key')).rejects.toThrow(words);
    await expect(webStorage(() => globalThis.localStorage).read('key')).rejects.toThrow(words);
    vi.stubGlobal('origin', 'null');
    await expect(indexedDbStorage({ name: 'x' }).read('key')).rejects.toThrow(/has no origin.* whereAllowed/);
  });
});

test.each([
  ['a database that fails', () => new DOMException('disk', 'UnknownError')],
  ['a full disk', () => new DOMException('full', 'QuotaExceededError')],
])('%s is an error, and no reason to keep sessions in memory', async (_what, error) => {
  block(() => ({}));
  vi.mocked(indexedDB.open).mockImplementation(() => {
    throw error();
  });
  const storage = both();
  await expect(storage.read('key')).rejects.toMatchObject({ code: 'ERR_STORAGE' });
  expect(storage.unavailable?.()).toBeUndefined();
  vi.mocked(indexedDB.open).mockRestore();
  expect(await storage.read('key')).toBeUndefined();
});

test('a worker asks the lock manager; one that does not answer in time is asked again by the next call', async () => {
  stubBrowserLocks();
  const query = vi.fn<() => Promise<object>>(() => new Promise(() => {}));
  vi.stubGlobal('navigator', { locks: { ...globalThis.navigator.locks, query } });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const storage = both();
  const reading = storage.read('key').catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(5_000);
  vi.useRealTimers();
  expect(await reading).toMatchObject({ code: 'ERR_STORAGE', message: expect.stringContaining('Try again') });
  query.mockRejectedValue(new DOMException('The request was denied.', 'SecurityError'));
  expect(await storage.read('key')).toBeUndefined();
  expect(storage.unavailable?.()).toBe('site data blocked');
});

test.each<[string, () => unknown]>([
  ['preferred: this is not a storage', () => whereAllowed(undefined as never, memoryStorage())],
  ['preferred: this is not a storage', () => whereAllowed(indexedDbStorage as never, memoryStorage())],
  ['fallback: this is not a storage', () => whereAllowed(indexedDbStorage(), memoryStorage as never)],
  ['two storages of keys', () => whereAllowed(indexedDbStorage(), memoryKeys() as unknown as TokenStorage)],
])('bad input is refused: %s', (words, make) => {
  expect(make).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIGURATION', message: expect.stringMatching(explained(words)) }),
  );
});
