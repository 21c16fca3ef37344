/** IndexedDB without a browser: what a test cannot make a real one do. */
import 'fake-indexeddb/auto';
import { TokenManager } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { register, storageConformance } from 'tokenkeep/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stubBrowserLocks } from '../support/browser.ts';

/** For all that it can tell, it is in a browser. */
beforeEach(() => stubBrowserLocks());

let count = 0;
const freshName = () => `database ${count++}`;

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe.each([false, true])('encrypt: %s', (encrypt) => {
  register(
    test,
    storageConformance(
      () => {
        const name = freshName();
        const open = () => indexedDbStorage({ name, encrypt });
        return { storage: open(), reopen: open };
      },
      { breakDown: false },
    ),
  );
});

/** Opens a database as another program does. */
function open(
  name: string,
  version?: number,
  upgrade?: (database: IDBDatabase) => void,
): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, version);
    request.onupgradeneeded = () => upgrade?.(request.result);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function within<T>(
  database: IDBDatabase,
  store: string,
  run: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, 'readwrite');
    const request = run(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

describe('the database', () => {
  test('an older schema is migrated, and keeps what it holds', async () => {
    const name = freshName();
    const old = await open(name, 1, (database) => database.createObjectStore('sessions'));
    const text = JSON.stringify({ from: 'before' });
    await within(old, 'sessions', (store) => store.put({ version: 'v1', record: text }, 'key'));
    old.close();
    const storage = indexedDbStorage({ name, encrypt: true });
    expect(await storage.read('key')).toEqual({ version: 'v1', record: { from: 'before' } });
    await storage.write('key', { from: 'now' }, 'v1');
    expect((await storage.read('key'))?.record).toEqual({ from: 'now' });
  });

  test('a newer schema says so, and nothing is lost', async () => {
    const name = freshName();
    const newer = await open(name, 99, (database) => database.createObjectStore('sessions'));
    newer.close();
    await expect(indexedDbStorage({ name }).read('key')).rejects.toMatchObject({
      code: 'ERR_STORAGE',
      message: expect.stringContaining('Reload'),
    });
  });

  test('it lets go when a newer version of the page wants to migrate, and says so afterwards', async () => {
    const name = freshName();
    const storage = indexedDbStorage({ name });
    await storage.write('key', {}, undefined);
    const newer = await open(name, 99);
    await expect(storage.read('key')).rejects.toMatchObject({ code: 'ERR_STORAGE' });
    newer.close();
  });

  test('an older version that another tab holds open is waited for', async () => {
    const name = freshName();
    const old = await open(name, 1, (database) => database.createObjectStore('sessions'));
    const reading = indexedDbStorage({ name }).read('key');
    await new Promise((resolve) => {
      old.onversionchange = resolve;
    });
    old.close();
    expect(await reading).toBeUndefined();
  });

  test('a connection that the browser has closed is opened again', async () => {
    const name = freshName();
    const storage = indexedDbStorage({ name });
    const version = await storage.write('key', { step: 1 }, undefined);
    const original = IDBDatabase.prototype.transaction;
    const closed = vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementationOnce(() => {
      throw new DOMException('The database connection is closing.', 'InvalidStateError');
    });
    closed.mockImplementation(original);
    await storage.write('key', { step: 2 }, version);
    expect((await storage.read('key'))?.record).toEqual({ step: 2 });
  });

  test('writes are strict, so that they are on the disk when they resolve', async () => {
    const storage = indexedDbStorage({ name: freshName() });
    const transaction = vi.spyOn(IDBDatabase.prototype, 'transaction');
    await storage.write('key', {}, undefined);
    expect(transaction.mock.calls.at(-1)).toEqual([['sessions'], 'readwrite', { durability: 'strict' }]);
  });

  test('a value that is not ours is handed over as it is, and can be replaced', async () => {
    const name = freshName();
    const storage = indexedDbStorage({ name });
    await storage.read('key');
    const other = await open(name);
    await within(other, 'sessions', (store) => store.put('something else', 'key'));
    other.close();
    const found = await storage.read('key');
    expect(found?.record).toBe('something else');
    await storage.write('key', { ours: true }, found?.version);
    expect((await storage.read('key'))?.record).toEqual({ ours: true });
  });

  test('where there is none: a StorageError', async () => {
    vi.stubGlobal('indexedDB', undefined);
    await expect(indexedDbStorage().read('key')).rejects.toMatchObject({
      code: 'ERR_STORAGE',
      operation: 'read',
    });
  });
});

describe('encryption', () => {
  async function sealed(record: object) {
    const name = freshName();
    const storage = indexedDbStorage({ name, encrypt: true });
    const version = await storage.write('key', record, undefined);
    const database = await open(name);
    const value = (await within(database, 'sessions', (store) => store.get('key'))) as {
      record: { by: string; iv: Uint8Array; data: ArrayBuffer };
      version: string;
    };
    return { name, storage, version, database, value };
  }

  test('BBA-09: what is stored says nothing, and each write has an initialisation vector of its own', async () => {
    const { storage, version, database, value } = await sealed({ refreshToken: 'canary-token' });
    const bytes = Buffer.concat([Buffer.from(value.record.data), Buffer.from(value.record.iv)]);
    expect(bytes.includes('canary')).toBe(false);
    expect(JSON.stringify(value)).not.toContain('canary');
    await storage.write('key', { refreshToken: 'canary-token' }, version);
    const next = (await within(database, 'sessions', (store) => store.get('key'))) as typeof value;
    expect(next.record.iv).not.toEqual(value.record.iv);
    expect(next.record.by).toBe(value.record.by);
  });

  test('BBA-09: the key cannot be taken out', async () => {
    const { database } = await sealed({});
    const { key } = (await within(database, 'keys', (store) => store.get('current'))) as { key: CryptoKey };
    expect(key.extractable).toBe(false);
    await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow();
  });

  test('two tabs that write first at the same time have one key', async () => {
    const name = freshName();
    const [one, other] = [0, 1].map(() => indexedDbStorage({ name, encrypt: true }));
    await Promise.all([
      one?.write('one', { one: 1 }, undefined),
      other?.write('other', { other: 2 }, undefined),
    ]);
    expect([(await other?.read('one'))?.record, (await one?.read('other'))?.record]).toEqual([
      { one: 1 },
      { other: 2 },
    ]);
  });

  test.each([
    ['another key of the same database', (value: object) => ({ value, key: 'other' })],
    ['another version', (value: object) => ({ value: { ...value, version: 'another' }, key: 'key' })],
  ])('a record that is moved to %s cannot be opened', async (_where, move) => {
    const { storage, database, value } = await sealed({ secret: true });
    const moved = move(value);
    await within(database, 'sessions', (store) => store.put(moved.value, moved.key));
    const found = await storage.read(moved.key);
    expect(found?.record).not.toMatchObject({ secret: true });
    expect(JSON.stringify(found?.record)).not.toContain('secret');
  });

  test.each<[string, (store: IDBObjectStore) => unknown]>([
    ['deleted', (store: IDBObjectStore) => store.clear()],
    ['replaced', (store: IDBObjectStore) => store.put({ id: 'another', key: 'nothing' }, 'current')],
    [
      'null, as engines leave it that cannot unlock it',
      (store: IDBObjectStore) => store.put({ id: 'x', key: null }, 'current'),
    ],
  ])('a key that is %s is told as lost, and the next login works', async (_how, lose) => {
    const { name, storage, database } = await sealed({ schema: 1 });
    await within(database, 'keys', (store) => {
      lose(store);
      return store.count();
    });
    const manager = new TokenManager({
      clientId: 'app',
      authorizationServer: { tokenEndpoint: 'https://as.test/token' },
      protectedResources: ['https://api.test/'],
      storage: { ...indexedDbStorage({ name, encrypt: true }), read: () => storage.read('key') },
    });
    const told: string[] = [];
    manager.on('recordRejected', ({ reason }) => told.push(reason));
    await expect(manager.getAccessToken()).rejects.toMatchObject({ reason: 'no_tokens' });
    expect(told).toEqual(['key lost']);
    const { version } = (await storage.read('key')) ?? {};
    await storage.write('key', { next: 'login' }, version);
    expect((await storage.read('key'))?.record).toEqual({ next: 'login' });
    await manager.close();
  });

  test('what was stored before encryption was asked for is read, and encrypted with the next write', async () => {
    const name = freshName();
    const version = await indexedDbStorage({ name }).write('key', { step: 1 }, undefined);
    const storage = indexedDbStorage({ name, encrypt: true });
    expect((await storage.read('key'))?.record).toEqual({ step: 1 });
    await storage.write('key', { step: 2 }, version);
    expect((await indexedDbStorage({ name }).read('key'))?.record).toEqual({ step: 2 });
  });
});
