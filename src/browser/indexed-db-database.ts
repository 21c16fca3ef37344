/**
 * An IndexedDB database that is opened when it is needed, and opened again when the browser has closed it.
 *
 * A page can stop between any two of its tasks: the browser freezes a hidden tab, a debugger or the operating system stops a
 * process. An open transaction of such a page keeps all other tabs from writing, for as long as the page sleeps. Therefore
 * each transaction is queued as a whole in one task and committed there: from then on it no longer needs its page.
 *
 * @module
 */
import { platformClock, withTimeout } from '../async/abortable.ts';
import { StorageError } from '../core/errors.ts';
import type { StorageOperation } from '../core/stored-record.ts';
import { onPageLifecycle } from './page-lifecycle.ts';
import { serverRenderingRemedy } from './server-rendering.ts';
import { siteDataRemedy, siteDataUnavailableReason } from './site-data.ts';

/** Object stores: what is stored of the sessions, and keys: the one that encrypts them, and those that they are bound to. */
export type StoreName = 'sessions' | 'keys';

/** One step a version of the schema. A step is never changed once it was published; a new one is added. */
const migrations: readonly ((database: IDBDatabase) => unknown)[] = [
  (database) => database.createObjectStore('sessions' satisfies StoreName),
  (database) => database.createObjectStore('keys' satisfies StoreName),
];

/** The rejection of a transaction whose `add()` found an existing key. Firefox still commits its other requests. */
export class KeyExistsError extends Error {}

/** A connection as its user sees it. */
export interface DatabaseConnection {
  /** Reads the result of one request. */
  read<T, R>(
    store: StoreName,
    request: (store: IDBObjectStore) => IDBRequest<T>,
    map: (found: T) => R,
  ): Promise<R>;
  /**
   * Writes. The data is on the disk when this resolves.
   *
   * @param request makes all requests at once, and returns the one that decides whether the write succeeded.
   * @throws KeyExistsError if that request adds a key that exists.
   */
  write(store: StoreName, request: (store: IDBObjectStore) => IDBRequest): Promise<void>;
}

/** Time limit for a task on the database, in ms. After it the platform is considered hung. */
const taskTimeoutMs = 10_000;

export class IndexedDbDatabase {
  readonly #name: string;
  #connection: Promise<IDBDatabase> | undefined;
  #stopWatchingPage: (() => void) | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Runs a task. WebKit drops connections of pages in the background, any browser may close one, and some hang: the task is
   * then run once more on a new connection, so it begins with reading what it depends on.
   *
   * @throws StorageError
   */
  async use<T>(
    operation: StorageOperation,
    task: (connection: DatabaseConnection) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const opening = this.#open();
      try {
        return await withTimeout(
          { clock: platformClock, timeout: taskTimeoutMs },
          opening.then((connection) => task(connectionOf(connection))),
        );
      } catch (error) {
        if (error instanceof StorageError) throw error;
        this.#discard(opening);
        if (attempt === 2 || isFinal(error)) throw await toStorageError(operation, error);
      }
    }
  }

  #open(): Promise<IDBDatabase> {
    if (this.#connection !== undefined) return this.#connection;
    const opening = openDatabase(this.#name);
    const discard = (): void => this.#discard(opening);
    this.#connection = opening;
    // A sleeping page cannot close its connection when a newer version of the application wants to migrate.
    this.#stopWatchingPage = onPageLifecycle(() => {}, discard);
    opening
      .then((connection) => {
        // A newer version of the application wants to migrate, or the user deletes the database.
        connection.onversionchange = discard;
        connection.onclose = discard;
      })
      .catch(() => undefined);
    return opening;
  }

  /** Drops a connection. The next task opens another one. */
  #discard(opening: Promise<IDBDatabase>): void {
    // Also closes a connection that opens too late: no task uses it any more.
    opening.then((connection) => connection.close()).catch(() => undefined);
    if (this.#connection !== opening) return;
    this.#connection = undefined;
    this.#stopWatchingPage?.();
  }
}

/** Opens a database. Waits for tabs that hold an older version open: tokenkeep closes it there on request. */
function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, migrations.length);
    request.onupgradeneeded = ({ oldVersion }) => {
      for (const migrate of migrations.slice(oldVersion)) migrate(request.result);
    };
    request.onerror = () => reject(request.error);
    request.onsuccess = () => resolve(request.result);
  });
}

function connectionOf(connection: IDBDatabase): DatabaseConnection {
  const begin = (store: StoreName, mode: 'readonly' | 'readwrite'): IDBTransaction =>
    // 'strict': a resolved write is on the disk, not on its way there.
    connection.transaction(store, mode, { durability: 'strict' });
  return {
    async read(store, request, map) {
      const transaction = begin(store, 'readonly');
      return await commit(transaction, request(transaction.objectStore(store)), map);
    },
    async write(store, request) {
      const transaction = begin(store, 'readwrite');
      await commit(transaction, request(transaction.objectStore(store)), () => {});
    },
  };
}

/** Commits a transaction whose requests have all been made. Resolves with the result of `map` for one of them. */
function commit<T, R>(transaction: IDBTransaction, request: IDBRequest<T>, map: (found: T) => R): Promise<R> {
  const complete = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(reasonOf(transaction.error));
  });
  // Chromium fires `complete` before the `success` of a request for a large value, so both are awaited.
  const result = new Promise<R>((resolve, reject) => {
    request.onsuccess = () => resolve(map(request.result));
    request.onerror = () => reject(reasonOf(request.error));
  });
  // Engines without `commit()` commit only after the page has received the results of its requests.
  transaction.commit?.();
  return Promise.all([result, complete]).then(([found]) => found);
}

function reasonOf(error: DOMException | null): Error {
  return error?.name === 'ConstraintError'
    ? new KeyExistsError()
    : (error ?? new Error('The transaction was aborted.'));
}

const verbs: Readonly<Record<StorageOperation, string>> = {
  read: 'read',
  write: 'store',
  delete: 'delete',
};

async function toStorageError(operation: StorageOperation, error: unknown): Promise<StorageError> {
  const { name = 'Error', message = '' } = (error ?? {}) as { name?: string; message?: string };
  const isRefused =
    name === 'SecurityError' || (await siteDataUnavailableReason().catch(() => undefined)) !== undefined;
  const remedy = isRefused ? ` ${siteDataRemedy()}` : (remedies[name] ?? '');
  return new StorageError(`IndexedDB did not ${verbs[operation]} the session (${name}).${remedy}`, {
    operation,
    // A copy: errors of the platform may lead to requests, and so to what they carried.
    cause: namedError(name, message),
  });
}

function namedError(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

const remedies: Readonly<Record<string, string | undefined>> = {
  QuotaExceededError: ' The disk, or the quota of this site, is full.',
  VersionError: ' Another tab runs a newer version of this page. Reload it.',
  SecurityError: '',
  ReferenceError: ` There is no IndexedDB here. ${serverRenderingRemedy}`,
  TimeoutError: ' Another tab may hold an older version of the database open: close it. Then try again.',
};

/** Returns whether a new connection would fail in the same way. */
function isFinal(error: unknown): boolean {
  const { name } = (error ?? {}) as { name?: string };
  return name !== 'TimeoutError' && remedies[name ?? ''] !== undefined;
}
