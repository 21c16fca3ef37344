/**
 * The file: opened when it is needed, checked each time it is used, never waited for on the event loop.
 *
 * @module
 */
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Operation, storageFailure } from './database-failure.ts';
import { pause } from './pause.ts';
import {
  type Access,
  identityOf,
  makePrivateFile,
  mustNotBeMounted,
  privateDirectory,
  Refusal,
} from './private-file.ts';
import { isBusy, openSqlite } from './sqlite.ts';

/** Prepares a statement, once. */
export type Sql = (text: string) => StatementSync;

interface Opened {
  readonly connection: DatabaseSync;
  /** Which file it is: the name may come to mean another one. */
  readonly identity: string;
  readonly sql: Sql;
}

/** Tells a database of ours from any other: "tkee". */
const applicationId = 0x746b_6565;
const schemaVersion = 1;

/** For how long to try again while others write, in ms. A write takes one: whoever is longer at it has been stopped. */
const patience = 10_000;

export class Database {
  readonly #path: string;
  readonly #synchronous: 'FULL' | 'NORMAL';
  readonly #access: Access;
  #opened: Opened | undefined;

  /**
   * @param synchronous `FULL`: what is committed survives a power failure. `NORMAL`: it survives the death of the
   *   process, which is enough for what ends with it.
   */
  constructor(path: string, synchronous: 'FULL' | 'NORMAL', access: Access) {
    this.#path = path;
    this.#access = access;
    this.#synchronous = synchronous;
  }

  /**
   * Runs `work`, which is one statement or one transaction, and again while others are at it.
   *
   * @throws StorageError that names the remedy; the reason of the signal.
   */
  async run<T>(operation: Operation, work: (sql: Sql) => T, signal?: AbortSignal): Promise<T> {
    const end = performance.now() + patience;
    for (;;) {
      signal?.throwIfAborted();
      try {
        return work(this.#current().sql);
      } catch (error) {
        if (!isBusy(error) || performance.now() > end) throw storageFailure(error, operation, this.#path);
      }
      await pause(2, signal);
    }
  }

  /** Runs `work` at once if that is possible without opening, making or waiting for anything. */
  glance<T>(work: (sql: Sql) => T): { readonly seen: T } | undefined {
    try {
      return this.#opened && { seen: work(this.#opened.sql) };
    } catch {
      return undefined;
    }
  }

  /** Lets go of the file. It is opened again when it is needed again. */
  close(): void {
    const connection = this.#opened?.connection;
    this.#opened = undefined;
    connection?.close();
  }

  /** The connection to the file that has the name now: if someone deleted or replaced it, that is what is stored. */
  #current(): Opened {
    const access = this.#access;
    if (this.#opened !== undefined && this.#opened.identity === identityOf(this.#path, access))
      return this.#opened;
    this.close();
    const directory = privateDirectory(dirname(this.#path), access);
    const path = join(directory, basename(this.#path));
    mustHaveNoLeftovers(path, access);
    makePrivateFile(path);
    const identity = identityOf(path, access);
    mustNotBeMounted(path);
    const connection = openSqlite(path);
    const sql = preparing(connection);
    try {
      this.#prepare(connection, sql);
      // Replaced while it was opened: not the file that was looked at.
      if (identity === undefined || identityOf(path, access) !== identity) {
        throw new Refusal(`${path} was replaced while it was opened. Try again.`);
      }
    } catch (error) {
      connection.close();
      throw error;
    }
    this.#opened = { connection, identity, sql };
    return this.#opened;
  }

  #prepare(connection: DatabaseSync, sql: Sql): void {
    const isNew = mustBeOurs(connection, this.#path);
    const { journal_mode: mode } = { ...connection.prepare('PRAGMA journal_mode = WAL').get() };
    if (mode !== 'wal') {
      throw new Refusal(`${this.#path} lies where no write-ahead log can be kept. Choose another path.`);
    }
    // What was deleted is overwritten, so that no spent or signed-out token stays in a free page.
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
 * A file without its log, or a log of another file, is not what it says. The log is looked at first: where there is one, the
 * file was there before it.
 */
function mustHaveNoLeftovers(path: string, access: Access): void {
  const companions = ['-wal', '-shm'].map((suffix) => path + suffix);
  const left = companions.filter((companion) => identityOf(companion, access) !== undefined);
  if (left.length === 0 || identityOf(path, access) !== undefined) return;
  throw new Refusal(`${path} was deleted, but not what belongs to it. Delete ${left.join(' and ')} too.`);
}

/** Whether it is still empty. A database of something else is left as it is. */
function mustBeOurs(connection: DatabaseSync, path: string): boolean {
  // In one statement, so that all three are of the same moment.
  const { id, version, tables } = { ...connection.prepare(header).get() };
  if (id === 0 && tables === 0) return true;
  if (id !== applicationId) {
    throw new Refusal(`${path} is a database of something else. Choose another path.`);
  }
  if (Number(version) > schemaVersion) {
    throw new Refusal(`${path} was written by a newer tokenkeep. Update this one, or choose another path.`);
  }
  return false;
}

const header = `
  SELECT application_id AS id, user_version AS version, (SELECT count(*) FROM sqlite_schema) AS tables
  FROM pragma_application_id, pragma_user_version`;

/** All of it or nothing. */
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
      // SQLite has rolled back by itself, as it does when the disk is full.
    }
    throw error;
  }
}

function preparing(connection: DatabaseSync): Sql {
  const statements = new Map<string, StatementSync>();
  return (text) => {
    const statement = statements.get(text) ?? connection.prepare(text);
    statements.set(text, statement);
    return statement;
  };
}
