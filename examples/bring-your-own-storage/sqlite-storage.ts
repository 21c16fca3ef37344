/** Sessions in a SQLite file that all processes of this machine share. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StorageError, type TokenStorage } from 'tokenkeep';
import { sqliteLock } from './sqlite-lock.ts';

/** A write is on the disk when its statement ends. Deleted records are overwritten, because they contained tokens. */
const schema = `
  PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
  CREATE TABLE IF NOT EXISTS sessions (key TEXT PRIMARY KEY, version TEXT, record TEXT CHECK (json_valid(record)))`;

/** @param path of the file, in a directory that nobody else can read: it holds tokens as they are. */
export function sqliteStorage(path: string): TokenStorage & Disposable {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // How long a statement may wait for those of others, in ms. They take a few.
  const db = new DatabaseSync(path, { timeout: 5000 });
  db.exec(schema);
  const select = db.prepare('SELECT record, version FROM sessions WHERE key = ?');
  const insert = db.prepare('INSERT INTO sessions VALUES (?, ?, ?) ON CONFLICT DO NOTHING');
  const update = db.prepare('UPDATE sessions SET version = ?, record = ? WHERE key = ? AND version = ?');
  const erase = db.prepare('DELETE FROM sessions WHERE key = ? AND version = ifnull(?, version)');
  return {
    reach: 'machine',
    lock: sqliteLock(path),
    async read(key) {
      const row = attempt('read', () => select.get(key));
      return row && { record: JSON.parse(`${row['record']}`), version: `${row['version']}` };
    },
    async write(key, record, ifVersion) {
      const version = randomUUID(); // never used twice, not even after a delete
      const { changes } = attempt('write', () => {
        const text = JSON.stringify(record);
        if (ifVersion === undefined) return insert.run(key, version, text);
        return update.run(version, text, key, ifVersion);
      });
      if (changes === 0) throw conflict('write');
      return version;
    },
    async delete(key, ifVersion) {
      const { changes } = attempt('delete', () => erase.run(key, ifVersion ?? null));
      if (changes === 0 && ifVersion !== undefined) throw conflict('delete');
    },
    [Symbol.dispose]: () => db.close(),
  };
}

const conflict = (operation: StorageError['operation']) =>
  new StorageError('Another version is stored.', { operation, conflict: true });

function attempt<T>(operation: StorageError['operation'], work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new StorageError(`SQLite could not ${operation} the session.`, { operation, cause });
  }
}
