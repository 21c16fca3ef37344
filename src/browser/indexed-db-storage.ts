/**
 * The storage for browsers.
 *
 * @module
 */

import type { Stored, TokenLock, TokenStorage, Version } from '../core/contracts.ts';
import { ConfigurationError, StorageError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { isInstance } from '../core/platform-class.ts';
import { keyLost } from '../core/session/read-record.ts';
import { parseRecord, serializeRecord, versionConflict } from '../core/stored-record.ts';
import { randomId } from '../platform/web-crypto.ts';
import { requireName, requireOptions } from './argument-checks.ts';
import { ChangeChannel } from './change-channel.ts';
import { type DatabaseConnection, IndexedDbDatabase, KeyExistsError } from './indexed-db-database.ts';
import { type EncryptedRecord, EncryptionKeyLostError, RecordEncryption } from './record-encryption.ts';
import { storageLock } from './storage-lock.ts';

/** Options of {@link indexedDbStorage}. */
export interface IndexedDbStorageOptions {
  /** Name of the database. @default 'tokenkeep' */
  readonly name?: string | undefined;
  /** `true`: encrypts records. See {@link indexedDbStorage} for the protection that this gives. @default false */
  readonly encrypt?: boolean | undefined;
}

/** The value in the database under the key of a session. */
interface StoredValue {
  readonly version: string;
  readonly record: string | EncryptedRecord;
}

/** Version of a value that tokenkeep has not written. It can be replaced like any other. */
const foreignVersion = 'foreign';

/**
 * Keeps sessions in an IndexedDB database of this origin: for all its tabs and workers, through reloads and restarts, and
 * durable once a write resolves, even if the browser is killed right afterwards.
 *
 * **Who can read it:** all script of this origin, as with every storage of a page; and, without `encrypt`, anyone who
 * can read the disk or a copy of the browser profile.
 *
 * **Protection by `encrypt`:** records are encrypted with AES-GCM under a WebCrypto key that cannot be
 * exported, kept in the same database. A copy of the *record* is worthless: in a crash report, a backup of the
 * values, an extension's dump, or sent home by an injected script that reads `localStorage` and databases. It does
 * **not** protect from script that runs in the page (it can read the record as the page does), nor from an
 * attacker who copies the whole browser profile and opens it: engines keep the key on the disk as well, and only some
 * lock it away. If the key is lost, the session is too, and the manager emits `recordRejected` with the reason `key
 * lost`.
 *
 * **On a server that renders pages** you can create a manager with it, so that modules are the same on both sides. It stores
 * nothing there, and every call of the manager rejects. Call it in effects and event handlers, which run only in the page.
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
 * @throws ConfigurationError that names the option.
 */
export function indexedDbStorage(options: IndexedDbStorageOptions = {}): TokenStorage {
  requireOptions('indexedDbStorage(options)', options);
  const { name = 'tokenkeep', encrypt = false } = options;
  requireName('indexedDbStorage(options)', 'name', name);
  if (typeof encrypt !== 'boolean') {
    throw new ConfigurationError(
      explain('browser-storage', 'indexedDbStorage(options): the option encrypt must be true or false.'),
    );
  }
  const sessions = new SessionRows(new IndexedDbDatabase(name), encrypt);
  const changes = new ChangeChannel(`tokenkeep.indexeddb:${name}`);
  let lock: TokenLock | undefined;
  return {
    reach: 'machine',
    // Checked when the lock is used, because a manager without Web Locks may use another lock.
    get lock() {
      lock ??= storageLock(() => indexedDB);
      return lock;
    },
    read: (key) => sessions.read(key),
    async write(key, record, ifVersion) {
      const version = await sessions.write(key, serializeRecord(record), ifVersion);
      changes.publish(key);
      return version;
    },
    async delete(key, ifVersion) {
      if (await sessions.delete(key, ifVersion)) changes.publish(key);
    },
    watch: (key, listener) => changes.watch(key, listener),
  };
}

class SessionRows {
  readonly #database: IndexedDbDatabase;
  readonly #encryption: RecordEncryption;
  readonly #encrypt: boolean;

  constructor(database: IndexedDbDatabase, encrypt: boolean) {
    this.#database = database;
    this.#encryption = new RecordEncryption(database);
    this.#encrypt = encrypt;
  }

  async read(key: string): Promise<Stored | undefined> {
    const { value } = await this.#database.use('read', (connection) => latestRow(connection, key));
    if (value === undefined) return undefined;
    if (!isValue(value)) return { record: value, version: foreignVersion };
    const { version, record } = value;
    return {
      version,
      record: typeof record === 'string' ? parseRecord(record) : await this.#opened(record, { key, version }),
    };
  }

  async write(key: string, text: string, ifVersion: Version | undefined): Promise<string> {
    const version = randomId();
    const record = this.#encrypt ? await this.#encryption.encrypt(text, { key, version }) : text;
    await this.#database.use('write', async (connection) => {
      for (;;) {
        const before = await latestRow(connection, key);
        const stored = versionOf(before.value);
        if (stored === version) return; // only the response was lost
        if (stored !== ifVersion) throw versionConflict('write');
        if (await addRow(connection, key, before, { version, record })) return;
      }
    });
    return version;
  }

  /** Resolves with whether there was a value. */
  async delete(key: string, ifVersion: Version | undefined): Promise<boolean> {
    let wasThere = false;
    await this.#database.use('delete', async (connection) => {
      for (;;) {
        const before = await latestRow(connection, key);
        const stored = versionOf(before.value);
        // `wasThere`: only the response of our own deletion was lost.
        if (stored === undefined && (wasThere || ifVersion === undefined)) return;
        if (ifVersion !== undefined && stored !== ifVersion) throw versionConflict('delete');
        wasThere = true;
        if (await addRow(connection, key, before, deletedRow)) return;
      }
    });
    return wasThere;
  }

  async #opened(encrypted: EncryptedRecord, context: { key: string; version: string }): Promise<unknown> {
    try {
      return parseRecord(await this.#encryption.decrypt(encrypted, context));
    } catch (error) {
      if (error instanceof StorageError) throw error;
      return error instanceof EncryptionKeyLostError ? keyLost : encrypted;
    }
  }
}

/** The last row of a session. */
interface Row {
  readonly number: number;
  /** `undefined`: nothing is stored. */
  readonly value: unknown;
}

/** The content of a row whose value was replaced or deleted. */
const deletedRow: null = null;

/** Number of rows with replaced values to keep. A writer that is late by more rows was stopped between its read and its write. */
const keptRows = 100;

/** Returns the row with the highest number. A value that other code has put into the database has no number. */
async function latestRow({ read }: DatabaseConnection, key: string): Promise<Row> {
  const row = await read(
    'sessions',
    (sessions) => sessions.openCursor(IDBKeyRange.bound([key], [key, Number.MAX_VALUE]), 'prev'),
    (found) => found && { number: (found.key as [string, number])[1], value: found.value ?? undefined },
  );
  if (row !== null) return row;
  const value = await read(
    'sessions',
    (sessions) => sessions.get(key),
    (found: unknown) => found,
  );
  return { number: 0, value };
}

/**
 * Adds the next row. Only one writer can add a row with this number, so the transaction reads nothing and is committed at once.
 * Returns `false` if another writer has added it before.
 */
async function addRow(
  { write }: DatabaseConnection,
  key: string,
  { number }: Row,
  value: StoredValue | typeof deletedRow,
): Promise<boolean> {
  try {
    await write('sessions', (sessions) => {
      // Firefox runs these requests even after a failed `add()`. They do no harm.
      sessions.delete(key);
      if (number > 0) sessions.put(deletedRow, [key, number]);
      sessions.delete(IDBKeyRange.bound([key], [key, number - keptRows]));
      return sessions.add(value, [key, number + 1]);
    });
    return true;
  } catch (error) {
    if (error instanceof KeyExistsError) return false;
    throw error;
  }
}

function versionOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  return isValue(value) ? value.version : foreignVersion;
}

function isValue(value: unknown): value is StoredValue {
  const { version, record } = (value ?? {}) as Partial<Record<keyof StoredValue, unknown>>;
  return typeof version === 'string' && (typeof record === 'string' || isEncrypted(record));
}

function isEncrypted(value: unknown): value is EncryptedRecord {
  const { by, iv, data } = (value ?? {}) as Partial<Record<keyof EncryptedRecord, unknown>>;
  return typeof by === 'string' && ArrayBuffer.isView(iv) && isInstance(data, 'ArrayBuffer');
}
