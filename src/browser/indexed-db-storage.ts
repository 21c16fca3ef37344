/**
 * The storage for browsers.
 *
 * @module
 */
import type { Stored, TokenLock, TokenStorage, Version } from '../core/contracts.ts';
import { StorageError } from '../core/errors.ts';
import { keyLost } from '../core/session-record.ts';
import { randomId } from '../platform/web-crypto.ts';
import { ChangeChannel } from './change-channel.ts';
import { Database } from './database.ts';
import { KeyLost, type Sealed, Sealing } from './sealing.ts';
import { storageLock } from './storage-lock.ts';

/** See {@link indexedDbStorage}. */
export interface IndexedDbStorageOptions {
  /** Name of the database. @default 'tokenkeep' */
  readonly name?: string | undefined;
  /** Whether records are encrypted; what that is good for stands at {@link indexedDbStorage}. @default false */
  readonly encrypt?: boolean | undefined;
}

/** What stands in the database under the key of a session. */
interface Value {
  readonly version: string;
  readonly record: string | Sealed;
}

/** Version of a value that is not ours: it can be replaced like any other. */
const foreign = 'foreign';

/**
 * Keeps sessions in an IndexedDB database of this origin: for all its tabs and workers, through reloads and restarts, and
 * durable when a write resolves, also if the browser is killed in the next moment.
 *
 * **Who can read it:** all script of this origin, as with every storage of a page; and, without `encrypt`, whoever can read the
 * disk or a copy of the browser profile.
 *
 * **What `encrypt` protects from:** records are encrypted with AES-GCM under a key that WebCrypto will not hand out, kept in the
 * same database. A copy of the *record* is worthless: in a crash report, a backup of the values, an extension's dump, the
 * hands of an injected script that sends `localStorage` and databases home. It does **not** protect from script that runs in
 * the page (it can ask for the record as the page does), nor from who copies the whole browser profile and opens it: engines
 * keep the key on the disk as well, and only some lock it away. Should the key be lost, the session is too, and
 * `recordRejected` says so with the reason `key lost`.
 *
 * **On a server that renders pages** a manager can be made with it, so that modules are the same on both sides. There it keeps
 * nothing, and whatever is asked of the manager rejects: ask in effects and event handlers, which run in the page only.
 *
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { indexedDbStorage } from 'tokenkeep/browser';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: indexedDbStorage({ encrypt: true }),
 * });
 * ```
 */
export function indexedDbStorage(options: IndexedDbStorageOptions = {}): TokenStorage {
  const { name = 'tokenkeep', encrypt = false } = options;
  const sessions = new Sessions(new Database(name), encrypt);
  const changes = new ChangeChannel(`tokenkeep.indexeddb:${name}`);
  let lock: TokenLock | undefined;
  return {
    reach: 'machine',
    // When it is asked for: where there are no Web Locks another lock may be handed in.
    get lock() {
      lock ??= storageLock(() => indexedDB);
      return lock;
    },
    read: (key) => sessions.read(key),
    async write(key, record, ifVersion) {
      const version = await sessions.write(key, textOf(record), ifVersion);
      changes.tell({ key, version });
      return version;
    },
    async delete(key, ifVersion) {
      if (await sessions.delete(key, ifVersion)) changes.tell({ key, version: null });
    },
    watch: (key, listener) => changes.watch(key, listener),
  };
}

class Sessions {
  readonly #database: Database;
  readonly #sealing: Sealing;
  readonly #encrypt: boolean;

  constructor(database: Database, encrypt: boolean) {
    this.#database = database;
    this.#sealing = new Sealing(database);
    this.#encrypt = encrypt;
  }

  async read(key: string): Promise<Stored | undefined> {
    const purpose = { operation: 'read', stores: ['sessions'], writes: false } as const;
    const value = await this.#database.run<unknown>(purpose, (steps, result) =>
      steps.get('sessions', key, result),
    );
    if (value === undefined) return undefined;
    if (!isValue(value)) return { record: value, version: foreign };
    const { version, record } = value;
    return {
      version,
      record: typeof record === 'string' ? parsed(record) : await this.#opened(record, { key, version }),
    };
  }

  /** One transaction: what it compares with is what it replaces. */
  async write(key: string, text: string, ifVersion: Version | undefined): Promise<string> {
    const version = randomId();
    const record = this.#encrypt ? await this.#sealing.seal(text, { key, version }) : text;
    const purpose = { operation: 'write', stores: ['sessions'], writes: true } as const;
    await this.#database.run(purpose, (steps) =>
      steps.get('sessions', key, (before) => {
        if (versionOf(before) !== ifVersion) steps.abort(conflict('write'));
        else steps.put('sessions', key, { version, record } satisfies Value);
      }),
    );
    return version;
  }

  /** Resolves with whether there was anything. */
  async delete(key: string, ifVersion: Version | undefined): Promise<boolean> {
    const purpose = { operation: 'delete', stores: ['sessions'], writes: true } as const;
    const wasThere = await this.#database.run<boolean>(purpose, (steps, result) =>
      steps.get('sessions', key, (before) => {
        result(before !== undefined);
        if (ifVersion !== undefined && versionOf(before) !== ifVersion) steps.abort(conflict('delete'));
        else steps.delete('sessions', key);
      }),
    );
    return wasThere === true;
  }

  async #opened(sealed: Sealed, place: { key: string; version: string }): Promise<unknown> {
    try {
      return parsed(await this.#sealing.open(sealed, place));
    } catch (error) {
      if (error instanceof StorageError) throw error;
      return error instanceof KeyLost ? keyLost : sealed;
    }
  }
}

function versionOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return isValue(value) ? value.version : foreign;
}

function isValue(value: unknown): value is Value {
  const { version, record } = (value ?? {}) as Partial<Record<keyof Value, unknown>>;
  return typeof version === 'string' && (typeof record === 'string' || isSealed(record));
}

function isSealed(value: unknown): value is Sealed {
  const { by, iv, data } = (value ?? {}) as Partial<Record<keyof Sealed, unknown>>;
  return typeof by === 'string' && ArrayBuffer.isView(iv) && data instanceof ArrayBuffer;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function textOf(record: object): string {
  try {
    return JSON.stringify(record);
  } catch (cause) {
    throw new StorageError('The record is not plain JSON.', { operation: 'write', cause });
  }
}

function conflict(operation: 'write' | 'delete'): StorageError {
  return new StorageError('Another version is stored than the one that was expected.', {
    operation,
    conflict: true,
  });
}
