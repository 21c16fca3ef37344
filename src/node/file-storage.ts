/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The storage of all processes of one machine.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Stored, TokenLock, TokenStorage, Version } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import { parseRecord, serializeRecord, versionConflict } from '../core/stored-record.ts';
import { fileLock } from './file-lock.ts';
import { FileWatcher, type StoredVersion } from './file-watcher.ts';
import type { FileAccess } from './private-file.ts';
import { requireSqlite } from './sqlite.ts';
import { SqliteDatabase } from './sqlite-database.ts';

/** Options of {@link fileStorage}. */
export interface FileStorageOptions {
  /**
   * Path of the file, preferably in a separate directory: its log (`-wal`, `-shm`) and, during a refresh, an empty
   * file `-lock-…` are next to it. The file and its directory are created if they are missing, for their owner only.
   */
  readonly path: string;
  /**
   * **Lets the members of the file's group read the tokens.** For volumes that Kubernetes opens to the group `fsGroup` at each
   * start, directories with mode 2770 and files with 0660: set it only if no other application is in that group.
   *
   * @default false
   */
  readonly allowGroup?: boolean | undefined;
}

/** Result of {@link fileStorage}. */
export interface FileStorage extends TokenStorage, Disposable {
  readonly reach: 'machine';
  readonly lock: TokenLock;
  watch(key: string, listener: () => void): () => void;
  /** Closes the file. A later call opens it again. Closing it is optional: an open file does not keep the process alive. */
  close(): void;
}

/**
 * Keeps sessions in a file that all processes of this machine share, with the lock that belongs to it: for command line
 * tools, daemons and several workers of one backend. One of them refreshes, the others use the result.
 *
 * - **Private.** The file has mode 0600 in a directory with mode 0700. If others could read either, or put another directory in
 *   its place, it is refused with an error that contains the fix. The tokens are not encrypted: any code that runs as this user can
 *   read them. On Windows they are as private as their directory.
 * - **Durable.** Written whole or not at all, also when the process is killed at any instruction, and synced to the disk
 *   before a write resolves. This holds after a power failure too, if the disk syncs when it reports so.
 * - **Its lock** is freed within milliseconds when its holder dies, `kill -9` included, and is never taken from one that
 *   is alive. A stopped holder blocks waiters for as long as the manager waits for locks; when it continues, it cannot overwrite
 *   a newer record. Sessions do not wait for each other.
 * - **One machine.** None of this holds on network and FUSE file systems. On Linux they are detected and refused; do
 *   not choose them elsewhere. Containers may share a file if they run on the same kernel and mount its directory: a
 *   file that is mounted by itself is refused.
 * - **Not for backups.** A restored file contains refresh tokens that are already spent, and a strict server treats their use
 *   as theft. Leave the file out, or sign in again. To sign out by hand, delete its directory.
 *
 * It needs `node:sqlite` (Node 22.13 or newer). A write blocks the event loop for as long as the disk takes to sync.
 *
 * @throws ConfigurationError for an invalid path, and where there is no `node:sqlite`. A problem with the file
 *   rejects the call that needs it, with a `StorageError`.
 * @example
 * ```ts
 * import { homedir } from 'node:os';
 * import { join } from 'node:path';
 * import { TokenManager } from 'tokenkeep';
 * import { fileStorage } from 'tokenkeep/node';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-cli',
 *   authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: fileStorage({ path: join(homedir(), '.my-cli', 'tokens') }),
 * });
 * ```
 */
export function fileStorage(options: FileStorageOptions): FileStorage {
  requireSqlite();
  const path = pathOf(options);
  const { allowGroup = false } = options;
  if (typeof allowGroup !== 'boolean') {
    throw new ConfigurationError('fileStorage(options): the option allowGroup must be true or false.');
  }
  return new SqliteFileStorage(path, 'FULL', allowGroup ? 'group' : 'owner');
}

function pathOf(options: FileStorageOptions | undefined): string {
  const path: unknown = options?.path;
  if (typeof path === 'string' && /^~[/\\]/.test(path)) {
    throw new ConfigurationError(
      'fileStorage(options): ~ is not expanded. Pass an absolute path as the option path, such as join(homedir(), …) with homedir() of node:os.',
    );
  }
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return resolve(path);
  throw new ConfigurationError(
    'fileStorage(options): the option path must be the path of a file: fileStorage({ path }).',
  );
}

/** The storage of {@link fileStorage}, and the base of other storages. */
export class SqliteFileStorage implements FileStorage {
  readonly reach = 'machine' as const;
  readonly lock: TokenLock;
  readonly #records: SqliteDatabase;
  readonly #tickets: SqliteDatabase;
  readonly #watch: FileWatcher;

  /** @param synchronous see {@link SqliteDatabase} */
  constructor(path: string, synchronous: 'FULL' | 'NORMAL' = 'FULL', access: FileAccess = 'owner') {
    this.#records = new SqliteDatabase(path, synchronous, access);
    this.#tickets = new SqliteDatabase(path, 'NORMAL', access);
    this.lock = fileLock(this.#tickets, path);
    this.#watch = new FileWatcher(path, {
      peek: (key) => this.#records.runIfOpen((sql) => versionOf(sql(selectVersion).get(encodeKey(key)))),
      // A watcher of a file that was deleted does not create it again.
      read: async (keys) => (existsSync(path) ? await this.#versions(keys) : new Map()),
    });
  }

  async read(key: string): Promise<Stored | undefined> {
    const row = await this.#records.run('read', (sql) => sql(selectRecord).get(encodeKey(key)));
    return row && { record: parseRecord(String(row['record'])), version: String(row['version']) };
  }

  async write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
    const text = serializeRecord(record);
    // A version is never used twice, not even after a delete, after the file was deleted, or after an old copy of it was restored.
    const next = randomUUID();
    const { changes } = await this.#records.run('write', (sql) =>
      ifVersion === undefined
        ? sql(insertRecord).run(encodeKey(key), next, text)
        : sql(updateRecord).run(next, text, encodeKey(key), ifVersion),
    );
    if (Number(changes) === 0) throw versionConflict('write');
    this.#watch.notifyChange(key, next);
    return next;
  }

  async delete(key: string, ifVersion?: Version): Promise<void> {
    const { changes } = await this.#records.run('delete', (sql) =>
      ifVersion === undefined
        ? sql(deleteRecord).run(encodeKey(key))
        : sql(deleteRecordVersion).run(encodeKey(key), ifVersion),
    );
    if (Number(changes) === 0) {
      if (ifVersion !== undefined) throw versionConflict('delete');
      return;
    }
    // The log still contains deleted data. Concurrent readers may keep it from being emptied, until later.
    this.#records.runIfOpen((sql) => sql('PRAGMA wal_checkpoint(TRUNCATE)').get());
    this.#watch.notifyChange(key, undefined);
  }

  /**
   * Stores the same record in another encoding: it keeps its version, and watchers are not notified. If the record was deleted, nothing
   * happens.
   */
  async rewrite(key: string, record: object, version: Version): Promise<void> {
    await this.#records.run('write', (sql) =>
      sql(rewriteRecord).run(serializeRecord(record), encodeKey(key), version),
    );
  }

  watch(key: string, listener: () => void): () => void {
    return this.#watch.watch(key, listener);
  }

  close(): void {
    this.#records.close();
    this.#tickets.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #versions(keys: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    await this.#records.run('read', (sql) => {
      for (const key of new Set(keys)) {
        const seen = versionOf(sql(selectVersion).get(encodeKey(key)));
        if (seen !== undefined) found.set(key, seen);
      }
    });
    return found;
  }
}

const selectRecord = 'SELECT record, version FROM records WHERE key = ?';
const selectVersion = 'SELECT version FROM records WHERE key = ?';
const insertRecord = 'INSERT INTO records (key, version, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
const updateRecord = 'UPDATE records SET version = ?, record = ? WHERE key = ? AND version = ?';
const rewriteRecord = 'UPDATE records SET record = ? WHERE key = ? AND version = ?';
const deleteRecord = 'DELETE FROM records WHERE key = ?';
const deleteRecordVersion = 'DELETE FROM records WHERE key = ? AND version = ?';

/** Returns a key as JSON, which escapes half of a surrogate pair. UTF-8 cannot encode it. */
function encodeKey(key: string): string {
  return JSON.stringify(key);
}

function versionOf(row: Record<string, unknown> | undefined): StoredVersion {
  return row && String(row['version']);
}
