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

  /** Shows that the caller lives, until `end`. */
  static async begin(path: string): Promise<Presence> {
    makePrivateFile(path);
    const presence = new Presence(path, openSqlite(path));
    try {
      await presence.#lock();
      return presence;
    } catch (error) {
      presence.end();
      throw error;
    }
  }

  end(): void {
    this.#connection.close();
    rmSync(this.#path, { force: true });
  }

  /** Nobody else ever locks it, but who looks whether it is locked keeps it for an instant from being. */
  async #lock(): Promise<void> {
    for (;;) {
      try {
        this.#connection.exec('BEGIN EXCLUSIVE');
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

function isGone(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}
