/**
 * The file: opened when it is needed, checked at each use, without blocking the event loop to wait for locks.
 *
 * @module
 */
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StorageOperation } from '../core/stored-record.ts';
import { jitteredDelay } from './delay.ts';
import {
  assertNotMounted,
  createPrivateFile,
  ensurePrivateDirectory,
  type FileAccess,
  fileIdentity,
  UnusableFileError,
} from './private-file.ts';
import { isBusy, openSqlite } from './sqlite.ts';
import { toStorageError } from './sqlite-error.ts';

/** Prepares a statement, once. */
export type Sql = (text: string) => StatementSync;

interface OpenDatabase {
  readonly connection: DatabaseSync;
  /** Identity of the file: the name may later refer to another one. */
  readonly identity: string;
  readonly sql: Sql;
}

/** Distinguishes a database of tokenkeep from any other: "tkee". */
const applicationId = 0x746b_6565;
const schemaVersion = 1;

/** Time limit for retries while other processes write, in ms. A write takes one: a writer that takes longer was stopped. */
const busyTimeoutMs = 10_000;

export class SqliteDatabase {
  readonly #path: string;
  readonly #synchronous: 'FULL' | 'NORMAL';
  readonly #access: FileAccess;
  #open: OpenDatabase | undefined;

  /**
   * @param synchronous `FULL`: a commit survives a power failure. `NORMAL`: it survives the death of the
   *   process, which is enough for data that ends with it.
   */
  constructor(path: string, synchronous: 'FULL' | 'NORMAL', access: FileAccess) {
    this.#path = path;
    this.#access = access;
    this.#synchronous = synchronous;
  }

  /**
   * Runs `work`, which is one statement or one transaction, and repeats it while other processes are writing.
   *
   * @throws StorageError that names the remedy; the reason of the signal.
   */
  async run<T>(operation: StorageOperation, work: (sql: Sql) => T, signal?: AbortSignal): Promise<T> {
    const end = performance.now() + busyTimeoutMs;
    for (;;) {
      signal?.throwIfAborted();
      try {
        return work(this.#current().sql);
      } catch (error) {
        if (!isBusy(error) || performance.now() > end) throw toStorageError(error, operation, this.#path);
      }
      await jitteredDelay(2, signal);
    }
  }

  /** Runs `work` at once if the file is open, without creating it or waiting. */
  runIfOpen<T>(work: (sql: Sql) => T): { readonly value: T } | undefined {
    try {
      return this.#open && { value: work(this.#open.sql) };
    } catch {
      return undefined;
    }
  }

  /** Closes the file. The next use opens it again. */
  close(): void {
    const connection = this.#open?.connection;
    this.#open = undefined;
    connection?.close();
  }

  /** Returns the connection to the file that has the name now: if the file was deleted or replaced, the new one counts. */
  #current(): OpenDatabase {
    const access = this.#access;
    if (this.#open !== undefined && this.#open.identity === fileIdentity(this.#path, access))
      return this.#open;
    this.close();
    const directory = ensurePrivateDirectory(dirname(this.#path), access);
    const path = join(directory, basename(this.#path));
    assertNoOrphanedLog(path, access);
    createPrivateFile(path);
    const identity = fileIdentity(path, access);
    assertNotMounted(path);
    const connection = openSqlite(path);
    const sql = statementCache(connection);
    try {
      this.#setUp(connection, sql);
      // The file was replaced while it was opened, so it is not the one that was checked.
      if (identity === undefined || fileIdentity(path, access) !== identity) {
        throw new UnusableFileError(`${path} was replaced while it was opened. Try again.`);
      }
    } catch (error) {
      connection.close();
      throw error;
    }
    this.#open = { connection, identity, sql };
    return this.#open;
  }

  #setUp(connection: DatabaseSync, sql: Sql): void {
    const isNew = checkHeader(connection, this.#path);
    const { journal_mode: mode } = { ...connection.prepare('PRAGMA journal_mode = WAL').get() };
    if (mode !== 'wal') {
      throw new UnusableFileError(
        `${this.#path} is on a file system without write-ahead logs. Choose another path.`,
      );
    }
    // Deleted data is overwritten, so that no spent or signed-out token stays in a free page.
    connection.exec(`PRAGMA synchronous = ${this.#synchronous}; PRAGMA secure_delete = ON`);
    if (isNew) transaction(sql, () => connection.exec(schema));
  }
}

const schema = `
  CREATE TABLE IF NOT EXISTS records (
    key TEXT PRIMARY KEY, version TEXT NOT NULL, record TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, owner TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS tickets_by_name ON tickets (name, id);
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * Throws if a log exists without its file: SQLite would combine that log with a new file. The log is checked first: if it exists,
 * its file existed before it.
 */
function assertNoOrphanedLog(path: string, access: FileAccess): void {
  const companions = ['-wal', '-shm'].map((suffix) => path + suffix);
  const orphans = companions.filter((companion) => fileIdentity(companion, access) !== undefined);
  if (orphans.length === 0 || fileIdentity(path, access) !== undefined) return;
  throw new UnusableFileError(
    `${path} was deleted, but not the files that belong to it. Delete ${orphans.join(' and ')} too.`,
  );
}

/** Returns whether the database is still empty. Throws for a database of another application, which is left unchanged. */
function checkHeader(connection: DatabaseSync, path: string): boolean {
  // In one statement, so that all three values are of the same moment.
  const { id, version, tables } = { ...connection.prepare(selectHeader).get() };
  if (id === 0 && tables === 0) return true;
  if (id !== applicationId) {
    throw new UnusableFileError(`${path} is a database of another program. Choose another path.`);
  }
  if (Number(version) > schemaVersion) {
    throw new UnusableFileError(
      `${path} was written by a newer tokenkeep. Update this one, or choose another path.`,
    );
  }
  return false;
}

const selectHeader = `
  SELECT application_id AS id, user_version AS version, (SELECT count(*) FROM sqlite_schema) AS tables
  FROM pragma_application_id, pragma_user_version`;

/** Runs `work` in a transaction: all of it or nothing. */
export function transaction<T>(sql: Sql, work: () => T): T {
  sql('BEGIN IMMEDIATE').run();
  try {
    const result = work();
    sql('COMMIT').run();
    return result;
  } catch (error) {
    try {
      sql('ROLLBACK').run();
    } catch {
      // SQLite has rolled back already, as it does when the disk is full.
    }
    throw error;
  }
}

function statementCache(connection: DatabaseSync): Sql {
  const statements = new Map<string, StatementSync>();
  return (text) => {
    const statement = statements.get(text) ?? connection.prepare(text);
    statements.set(text, statement);
    return statement;
  };
}
