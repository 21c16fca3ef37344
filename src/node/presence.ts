/**
 * A sign of life: an empty file that its owner keeps locked. The kernel lets go of the lock when the owner dies, however
 * that happens, and nobody else can. Names are random and never used again, so what is dead stays dead.
 *
 * @module
 */
import { lstatSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { pause } from './pause.ts';
import { makePrivateFile } from './private-file.ts';
import { isBusy, openSqlite } from './sqlite.ts';

export class Presence {
  readonly #path: string;
  readonly #connection: DatabaseSync;

  private constructor(path: string, connection: DatabaseSync) {
    this.#path = path;
    this.#connection = connection;
  }

  /** Shows that the caller lives, until `end`. `undefined`: it was cleared away before it was locked. */
  static async begin(path: string): Promise<Presence | undefined> {
    const made = makePrivateFile(path);
    let presence: Presence | undefined;
    try {
      presence = new Presence(path, openSqlite(path));
      await presence.#lock();
      // Locked, but is it what has the name?
      if (made !== undefined && made === inodeOf(path)) return presence;
    } catch (error) {
      if (made === inodeOf(path)) {
        presence?.end();
        throw error;
      }
    }
    presence?.end();
    return undefined;
  }

  end(): void {
    this.#connection.close();
    rmSync(this.#path, { force: true });
  }

  /** Only who clears up locks it for an instant, or looks whether it is locked. */
  async #lock(): Promise<void> {
    for (;;) {
      try {
        lock(this.#connection);
        return;
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
      await pause(1);
    }
  }
}

/**
 * Tells whether the owner of a presence that has begun is dead. In doubt it lives: with too many open files, say, nothing
 * can be said about it.
 */
export function isDead(path: string): boolean {
  if (isGone(path)) return true;
  let connection: DatabaseSync | undefined;
  try {
    // Read-only: it neither makes the file nor locks out others who look.
    connection = openSqlite(path, { readOnly: true });
    connection.prepare('PRAGMA schema_version').get();
    return true;
  } catch {
    return isGone(path);
  } finally {
    connection?.close();
  }
}

/**
 * Clears a file away that may be the presence of someone who is about to begin it: only while it is locked here, so that
 * who locks it after us finds that it is gone, and who has locked it before us keeps it.
 */
export function clearAway(path: string): void {
  const connection = openSqlite(path);
  try {
    lock(connection);
    rmSync(path, { force: true });
  } catch {
    // It is alive.
  } finally {
    connection.close();
  }
}

/** Nothing is ever written, so the journal, which would be a second file, is kept in memory. */
function lock(connection: DatabaseSync): void {
  connection.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
}

function isGone(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}
