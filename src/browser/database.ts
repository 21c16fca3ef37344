/**
 * An IndexedDB database that is opened when it is needed, and opened again when the browser has closed it.
 *
 * @module
 */
import { StorageError } from '../core/errors.ts';
import { leaveToPage } from './rendering.ts';

/** What a storage does with it. */
export type Operation = 'read' | 'write' | 'delete';

/** Object stores: what is stored of the sessions, and keys: the one that encrypts them, and those that they are bound to. */
export type StoreName = 'sessions' | 'keys';

/** One step a version of the schema. A step is never changed once it was published; a new one is added. */
const migrations: readonly ((database: IDBDatabase) => unknown)[] = [
  (database) => database.createObjectStore('sessions' satisfies StoreName),
  (database) => database.createObjectStore('keys' satisfies StoreName),
];

/** A transaction as its body sees it. */
export interface Steps {
  /** Calls back with what is stored under a key. */
  get(store: StoreName, key: string, then: (value: unknown) => void): void;
  put(store: StoreName, key: string, value: unknown): void;
  delete(store: StoreName, key: string): void;
  /** Undoes everything, and rejects with this. */
  abort(reason: unknown): void;
}

/** What a transaction is for. */
export interface Purpose {
  readonly operation: Operation;
  readonly stores: readonly StoreName[];
  /** `true`: it writes. */
  readonly writes: boolean;
}

export class Database {
  readonly #name: string;
  #connection: Promise<IDBDatabase> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Runs a transaction. It has happened, as a whole and on disk, when this resolves with what `body` has put into `result`.
   *
   * @throws StorageError, or what `body` aborts with.
   */
  async run<T>(
    purpose: Purpose,
    body: (steps: Steps, result: (value: T) => void) => void,
  ): Promise<T | undefined> {
    try {
      const transaction = await this.#begin(purpose);
      return await settled(transaction, body);
    } catch (error) {
      if (error instanceof Aborted) throw error.reason;
      // Whatever it was, the next one starts afresh.
      this.#forget();
      throw failure(purpose.operation, error);
    }
  }

  async #begin({ stores, writes }: Purpose): Promise<IDBTransaction> {
    for (let attempt = 1; ; attempt++) {
      const connection = await this.#open();
      try {
        // 'strict': a resolved write is on the disk, not on its way there.
        return connection.transaction(stores, writes ? 'readwrite' : 'readonly', { durability: 'strict' });
      } catch (error) {
        // The browser has closed the connection without a word: it may do so at any time. Nothing has happened yet.
        this.#forget();
        connection.close();
        if (attempt === 2) throw error;
      }
    }
  }

  #open(): Promise<IDBDatabase> {
    if (this.#connection !== undefined) return this.#connection;
    const opening = connect(this.#name, (closed) => {
      if (this.#connection === opening || closed) this.#connection = undefined;
    });
    this.#connection = opening;
    opening.catch(() => {
      if (this.#connection === opening) this.#connection = undefined;
    });
    return opening;
  }

  #forget(): void {
    const before = this.#connection;
    this.#connection = undefined;
    before?.then((connection) => connection.close()).catch(() => undefined);
  }
}

/** Why a transaction was undone on purpose. */
class Aborted {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}

/** Opens a database. A tab that holds an older version open is waited for: ours let go when they are asked to. */
function connect(name: string, forget: (closed: boolean) => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, migrations.length);
    request.onupgradeneeded = ({ oldVersion }) => {
      for (const migrate of migrations.slice(oldVersion)) migrate(request.result);
    };
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const connection = request.result;
      // A newer version of the application wants to migrate, or someone deletes the database.
      connection.onversionchange = () => {
        connection.close();
        forget(true);
      };
      connection.onclose = () => forget(true);
      resolve(connection);
    };
  });
}

function settled<T>(
  transaction: IDBTransaction,
  body: (steps: Steps, result: (value: T) => void) => void,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    let value: T | undefined;
    let aborted: Aborted | undefined;
    transaction.oncomplete = () => resolve(value);
    transaction.onabort = () =>
      reject(aborted ?? transaction.error ?? new Error('The transaction was aborted.'));
    const steps: Steps = {
      get(store, key, then) {
        const request = transaction.objectStore(store).get(key);
        request.onsuccess = () => then(request.result);
      },
      put: (store, key, stored) => void transaction.objectStore(store).put(stored, key),
      delete: (store, key) => void transaction.objectStore(store).delete(key),
      abort(reason) {
        aborted = new Aborted(reason);
        transaction.abort();
      },
    };
    body(steps, (result) => {
      value = result;
    });
  });
}

const verbs: Readonly<Record<Operation, string>> = {
  read: 'read',
  write: 'store',
  delete: 'delete',
};

function failure(operation: Operation, error: unknown): StorageError {
  const { name = 'Error', message = '' } = (error ?? {}) as { name?: string; message?: string };
  const remedy = remedies[name] ?? '';
  return new StorageError(`IndexedDB did not ${verbs[operation]} the session (${name}).${remedy}`, {
    operation,
    // A copy: errors of the platform may lead to requests, and so to what they carried.
    cause: Object.assign(new Error(message), { name }),
  });
}

const remedies: Readonly<Record<string, string | undefined>> = {
  QuotaExceededError: ' The disk, or what the browser gives this site of it, is full.',
  VersionError: ' Another tab runs a newer version of this page. Reload it.',
  SecurityError: ' The browser blocks storage for this page.',
  ReferenceError: ` There is no IndexedDB here. ${leaveToPage}`,
};
