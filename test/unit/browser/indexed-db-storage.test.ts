/** IndexedDB without a browser: what a test cannot make a real one do. */
import { TokenManager } from 'tokenkeep';
import { indexedDbKeys, indexedDbStorage } from 'tokenkeep/browser';
import { register, storageConformance } from 'tokenkeep/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stubBrowserLocks } from '../../support/browser.ts';
import { installIndexedDb } from '../../support/indexed-db.ts';
import { openManager } from '../../support/open-manager.ts';

installIndexedDb();

/** It cannot distinguish this process from a browser. */
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

  test('two tabs that find a key which cannot be unlocked replace it once', async () => {
    const name = freshName();
    const [one, other] = [0, 1].map(() => indexedDbStorage({ name, encrypt: true }));
    await one?.read('one');
    const raw = await open(name);
    await within(raw, 'keys', (store) => store.put({ id: 'x', key: null }, 'current'));
    raw.close();
    await Promise.all([
      one?.write('one', { one: 1 }, undefined),
      other?.write('other', { other: 2 }, undefined),
    ]);
    expect([(await other?.read('one'))?.record, (await one?.read('other'))?.record]).toEqual([
      { one: 1 },
      { other: 2 },
    ]);
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

  test('it closes when a newer version of the page wants to migrate, and reports it afterwards', async () => {
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
    expect(transaction.mock.calls.at(-1)).toEqual(['sessions', 'readwrite', { durability: 'strict' }]);
  });

  test('a foreign value is returned as it is, and can be replaced', async () => {
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

describe('a page that stops', () => {
  test('commits each transaction in the task that began it, so it never waits for its page', async () => {
    const { transaction } = IDBDatabase.prototype;
    const { commit } = IDBTransaction.prototype;
    const open = new Set<IDBTransaction>();
    const left: string[][] = [];
    vi.spyOn(IDBTransaction.prototype, 'commit').mockImplementation(function (this: IDBTransaction) {
      open.delete(this);
      commit.call(this);
    });
    const begun = vi.spyOn(IDBDatabase.prototype, 'transaction');
    begun.mockImplementation(function (this: IDBDatabase, ...given) {
      const made = transaction.apply(this, given);
      if (made.mode === 'versionchange') return made; // of the platform
      open.add(made);
      queueMicrotask(() => open.has(made) && left.push([...made.objectStoreNames]));
      return made;
    });
    const name = freshName();
    const storage = indexedDbStorage({ name, encrypt: true });
    const keys = indexedDbKeys({ name });
    const version = await storage.write('key', { step: 1 }, undefined);
    await storage.read('key');
    await storage.delete('key', await storage.write('key', { step: 2 }, version));
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
    await keys.write('thumb', pair);
    await keys.read('thumb');
    await keys.delete('thumb');
    expect(left).toEqual([]);
    expect(begun.mock.calls.length).toBeGreaterThan(10);
  });

  test('a writer with an outdated version does not overwrite a newer record', async () => {
    const name = freshName();
    const [slow, quick] = [indexedDbStorage({ name }), indexedDbStorage({ name })];
    const first = await quick.write('key', { step: 1 }, undefined);
    const second = await quick.write('key', { step: 2 }, first);
    const { openCursor } = IDBObjectStore.prototype;
    const readsOld = async () => {
      const raw = await open(name);
      await within(raw, 'sessions', (store) =>
        store.put({ version: first, record: '{}' }, ['what it read', 1]),
      );
      raw.close();
      vi.spyOn(IDBObjectStore.prototype, 'openCursor').mockImplementationOnce(function (
        this: IDBObjectStore,
      ) {
        return openCursor.call(this, ['what it read', 1]);
      });
    };
    const conflict = { code: 'ERR_STORAGE', conflict: true };
    await readsOld();
    await expect(slow.write('key', { step: 'old' }, first)).rejects.toMatchObject(conflict);
    await readsOld();
    await expect(slow.delete('key', first)).rejects.toMatchObject(conflict);
    expect(await quick.read('key')).toEqual({ record: { step: 2 }, version: second });
    await quick.delete('key');
    await readsOld();
    await expect(slow.write('key', { step: 'old' }, first)).rejects.toMatchObject(conflict);
    await readsOld();
    await slow.delete('key');
    expect(await quick.read('key')).toBeUndefined();
  });

  test('keeps only the version number of a replaced record, and only for a short time', async () => {
    const name = freshName();
    const storage = indexedDbStorage({ name });
    let version = await storage.write('key', { token: 'canary' }, undefined);
    for (let count = 0; count < 150; count++) version = await storage.write('key', { count }, version);
    const raw = await open(name);
    const rows = await within(raw, 'sessions', (store) => store.getAll());
    raw.close();
    expect(rows.filter((row) => row !== null)).toEqual([{ version, record: '{"count":149}' }]);
    expect(rows.length).toBeLessThan(110);
    await storage.delete('key');
    await storage.write('key', { after: true }, undefined);
    expect((await storage.read('key'))?.record).toEqual({ after: true });
  });

  test('one of two writers replaces a foreign value', async () => {
    const name = freshName();
    const [one, other] = [indexedDbStorage({ name }), indexedDbStorage({ name })];
    await one.read('key');
    const raw = await open(name);
    await within(raw, 'sessions', (store) => store.put('something else', 'key'));
    const version = (await one.read('key'))?.version;
    const both = await Promise.allSettled([
      one.write('key', { ours: true }, version),
      other.write('key', { ours: true }, version),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await other.read('key'))?.record).toEqual({ ours: true });
    raw.close();
  });
});

/** How a platform loses a connection in the middle of a transaction. */
type Loss = (transaction: IDBTransaction) => void;

const losses: Readonly<Record<string, Loss>> = {
  'before it has happened': (transaction) => {
    transaction.commit = () => transaction.abort();
  },
  'and its response is lost': (transaction) => {
    Object.defineProperty(transaction, 'oncomplete', { value: undefined, writable: true });
    transaction.addEventListener('complete', () => transaction.onabort?.(new Event('abort')));
  },
};

describe.each(Object.entries(losses))('a connection that is dropped in a transaction, %s', (_when, lose) => {
  const { transaction } = IDBDatabase.prototype;

  function loseNext(mode: IDBTransactionMode) {
    let opened = 0;
    let isLost = false;
    vi.spyOn(indexedDB, 'open').mockImplementation(function (this: IDBFactory, ...given) {
      opened++;
      return IDBFactory.prototype.open.apply(indexedDB, given);
    });
    vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (this: IDBDatabase, ...given) {
      const made = transaction.apply(this, given);
      if (!isLost && given[1] === mode) {
        isLost = true;
        lose(made);
      }
      return made;
    });
    return { reopened: () => isLost && opened };
  }

  test('repeats a read at once, on a new connection', async () => {
    const storage = indexedDbStorage({ name: freshName() });
    const version = await storage.write('key', { step: 1 }, undefined);
    const lost = loseNext('readonly');
    expect(await storage.read('key')).toEqual({ record: { step: 1 }, version });
    expect(lost.reopened()).toBe(1);
  });

  test('reads again and repeats a compare-and-set, and its own record is no conflict', async () => {
    const storage = indexedDbStorage({ name: freshName() });
    const first = await storage.write('key', { step: 1 }, undefined);
    const lost = loseNext('readwrite');
    const second = await storage.write('key', { step: 2 }, first);
    expect(lost.reopened()).toBe(1);
    expect(await storage.read('key')).toEqual({ record: { step: 2 }, version: second });
    await expect(storage.write('key', { step: 3 }, first)).rejects.toMatchObject({ conflict: true });
  });

  test('repeats a delete, and a missing record is no conflict', async () => {
    const storage = indexedDbStorage({ name: freshName() });
    const version = await storage.write('key', { step: 1 }, undefined);
    const told: string[] = [];
    storage.watch?.('key', () => told.push('changed'));
    const lost = loseNext('readwrite');
    await storage.delete('key', version);
    expect(lost.reopened()).toBe(1);
    expect(await storage.read('key')).toBeUndefined();
    expect(told).toEqual(['changed']);
  });

  test('repeats reading, storing and deleting keys', async () => {
    const keys = indexedDbKeys({ name: freshName() });
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
    await keys.read('thumb');
    loseNext('readwrite');
    await keys.write('thumb', pair);
    vi.restoreAllMocks();
    loseNext('readonly');
    expect((await keys.read('thumb'))?.privateKey).toBeDefined();
    vi.restoreAllMocks();
    loseNext('readwrite');
    await keys.delete('thumb');
    expect(await keys.read('thumb')).toBeUndefined();
  });

  test('a commit succeeds: it stores the tokens at once', async () => {
    const { server, call, events, manager } = await openManager({
      manager: {
        storage: indexedDbStorage({ name: freshName() }),
      },
    });
    server.expire();
    const held = server.hold({ on: 'token', commits: true });
    const calling = call();
    await held.arrived();
    loseNext('readwrite');
    await held();
    expect(await calling).toBe(200);
    expect(events.map(({ type }) => type)).toEqual(['refreshed']);
    expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
    await manager.close();
  });
});

describe('a platform that hangs once', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  test('an attempt to open the database times out and is repeated', async () => {
    const storage = indexedDbStorage({ name: freshName() });
    vi.spyOn(indexedDB, 'open').mockReturnValueOnce({} as IDBOpenDBRequest);
    const reading = storage.read('key');
    await vi.advanceTimersByTimeAsync(10_000);
    vi.useRealTimers();
    expect(await reading).toBeUndefined();
  });

  test('two timeouts throw an error with a remedy, and the next call opens the database again', async () => {
    const storage = indexedDbStorage({ name: freshName() });
    vi.spyOn(indexedDB, 'open')
      .mockReturnValueOnce({} as never)
      .mockReturnValueOnce({} as never);
    const reading = storage.read('key').catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await reading).toMatchObject({
      code: 'ERR_STORAGE',
      message: expect.stringContaining('close it'),
    });
    vi.useRealTimers();
    expect(await storage.read('key')).toBeUndefined();
  });

  test('a database that opens after the timeout is closed', async () => {
    const name = freshName();
    const storage = indexedDbStorage({ name });
    const late: { onsuccess?: () => void; result?: IDBDatabase } = {};
    vi.spyOn(indexedDB, 'open').mockReturnValueOnce(late as never);
    const reading = storage.read('key');
    await vi.advanceTimersByTimeAsync(10_000);
    vi.useRealTimers();
    await reading;
    late.result = await open(name);
    const closed = vi.spyOn(late.result, 'close');
    late.onsuccess?.();
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  });

  test('a transaction times out and is repeated', async () => {
    const storage = indexedDbStorage({ name: freshName() });
    const version = await storage.write('key', {}, undefined);
    const { commit } = IDBTransaction.prototype;
    vi.spyOn(IDBTransaction.prototype, 'commit').mockImplementationOnce(function (this: IDBTransaction) {
      Object.defineProperties(this, { oncomplete: { value: null }, onabort: { value: null } });
      commit.call(this);
    });
    const reading = storage.read('key');
    await vi.advanceTimersByTimeAsync(10_000);
    vi.useRealTimers();
    expect((await reading)?.version).toBe(version);
  });
});

describe('encryption', () => {
  async function sealed(record: object) {
    const name = freshName();
    const storage = indexedDbStorage({ name, encrypt: true });
    const version = await storage.write('key', record, undefined);
    const database = await open(name);
    const value = (await within(database, 'sessions', (store) => store.get(['key', 1]))) as {
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
    const next = (await within(database, 'sessions', (store) => store.get(['key', 2]))) as typeof value;
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
    await within(database, 'sessions', (store) => store.put(moved.value, [moved.key, 1]));
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
  ])('a key that is %s is reported as lost, and the next login works', async (_how, lose) => {
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

  test('a record from before encryption was enabled is read, and encrypted with the next write', async () => {
    const name = freshName();
    const version = await indexedDbStorage({ name }).write('key', { step: 1 }, undefined);
    const storage = indexedDbStorage({ name, encrypt: true });
    expect((await storage.read('key'))?.record).toEqual({ step: 1 });
    await storage.write('key', { step: 2 }, version);
    expect((await indexedDbStorage({ name }).read('key'))?.record).toEqual({ step: 2 });
  });
});
