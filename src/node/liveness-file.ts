/**
 * A sign of life: an empty file that its owner keeps locked. The kernel releases the lock when the owner dies, for
 * any reason, and no other process can. Names are random and never used again, so a dead owner stays dead.
 *
 * @module
 */
import { lstatSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { jitteredDelay } from './delay.ts';
import { createPrivateFile } from './private-file.ts';
import { isBusy, openSqlite } from './sqlite.ts';

export class LivenessFile {
  readonly #path: string;
  readonly #connection: DatabaseSync;

  private constructor(path: string, connection: DatabaseSync) {
    this.#path = path;
    this.#connection = connection;
  }

  /** Creates and locks a liveness file, until `remove`. Returns `undefined` if it was removed before it was locked. */
  static async create(path: string): Promise<LivenessFile | undefined> {
    const inode = createPrivateFile(path);
    let file: LivenessFile | undefined;
    try {
      file = new LivenessFile(path, openSqlite(path));
      await file.#lock();
      // It is locked, but the name may belong to another file by now.
      if (inode !== undefined && inode === inodeOf(path)) return file;
    } catch (error) {
      if (inode === inodeOf(path)) {
        file?.remove();
        throw error;
      }
    }
    file?.remove();
    return undefined;
  }

  remove(): void {
    this.#connection.close();
    rmSync(this.#path, { force: true });
  }

  /** Locks the file. Other processes lock it only for an instant, to clean up or to check the owner. */
  async #lock(): Promise<void> {
    for (;;) {
      try {
        lockExclusively(this.#connection);
        return;
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
      await jitteredDelay(1);
    }
  }
}

/**
 * Checks whether the owner of an existing liveness file is dead. In doubt it counts as alive: with too many open files,
 * for example, its state cannot be determined.
 */
export function isDead(path: string): boolean {
  if (isGone(path)) return true;
  let connection: DatabaseSync | undefined;
  try {
    // Read-only: it neither creates the file nor blocks other checks.
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
 * Removes a file that may be the liveness file of a process that is about to lock it. It is removed only while it is locked here, so
 * a process that locks it later finds that it is gone, and a process that has locked it before keeps it.
 */
export function removeStale(path: string): void {
  const connection = openSqlite(path);
  try {
    lockExclusively(connection);
    rmSync(path, { force: true });
  } catch {
    // Its owner is alive.
  } finally {
    connection.close();
  }
}

/** Locks the file. Nothing is ever written, so the journal, which would be a second file, is kept in memory. */
function lockExclusively(connection: DatabaseSync): void {
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
