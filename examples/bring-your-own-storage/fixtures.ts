/** Storages for the laws: a new file for each law, opened as often as the law needs. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { LockFixture, StorageFixture } from 'tokenkeep/testing';
import { sqliteLock } from './sqlite-lock.ts';
import { sqliteStorage } from './sqlite-storage.ts';

export function storageFixture(): StorageFixture {
  const folder = mkdtempSync(join(tmpdir(), 'sessions-'));
  const path = join(folder, 'app.db');
  const handles: Disposable[] = [];
  const open = () => {
    const storage = sqliteStorage(path);
    handles.push(storage);
    return storage;
  };
  return {
    storage: open(),
    reopen: open,
    breakDown() {
      alter(path, 'ALTER TABLE sessions RENAME TO gone');
      return () => alter(path, 'ALTER TABLE gone RENAME TO sessions');
    },
    close() {
      for (const storage of handles) storage[Symbol.dispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

export function lockFixture(): LockFixture {
  const folder = mkdtempSync(join(tmpdir(), 'locks-'));
  const path = join(folder, 'app.db');
  return {
    lock: sqliteLock(path),
    reopen: () => sqliteLock(path),
    async abandon(name) {
      const holder = fork(new URL('holder.ts', import.meta.url), [path, name]);
      await once(holder, 'message'); // it has the lock
      holder.kill('SIGKILL');
      const [, signal] = await once(holder, 'exit');
      if (signal !== 'SIGKILL')
        throw new Error('The holder was not there any more when it was to be killed.');
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

function alter(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}
