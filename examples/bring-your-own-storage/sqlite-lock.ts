/** The lock that belongs to it: one process of this machine refreshes a session at a time. */
import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { memoryLock, type TokenLock } from 'tokenkeep';

/**
 * An empty file a session, locked by who refreshes. The kernel has the lock and not a row: it is free the moment that its
 * holder dies, also by `kill -9`, and nobody can take it from one that lives.
 *
 * @param path beginning of the names of the files
 */
export function sqliteLock(path: string): TokenLock {
  const queue = memoryLock(); // within this process
  return {
    reach: 'machine',
    request: (name, { signal }, callback) =>
      queue.request(name, { signal }, async () => {
        const file = `${path}-lock-${hash('sha256', name)}`;
        // A door before the room: who has left the room cannot be back in it before who stands in the door.
        const door = await locked(`${file}-next`, signal);
        const room = await locked(file, signal).finally(() => door.close());
        try {
          return await callback();
        } finally {
          room.close();
        }
      }),
  };
}

/** Locks a file as soon as nobody else does. It is unlocked by closing it. */
async function locked(file: string, signal: AbortSignal | undefined): Promise<DatabaseSync> {
  const database = new DatabaseSync(file, { timeout: 0 }); // waiting in SQLite would stop this process
  try {
    while (!isMine(database)) {
      signal?.throwIfAborted();
      await pause(2 + 8 * Math.random(), undefined, { signal }).catch(() => {});
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function isMine(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: unknown }).errcode === 5) return false; // SQLITE_BUSY
    throw error;
  }
}
