import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FileStorage, fileStorage } from '../../../src/node/file-storage.ts';
import type { LockFixture, StorageFixture } from '../../../src/testing/index.ts';

/** A directory that goes away with the test. Its name has a blank: paths need not be plain. */
export interface Folder extends Disposable {
  readonly path: string;
  /** The file of a storage in it. */
  readonly file: string;
}

export function folder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'tokenkeep file-'));
  const remove = (): void => rmSync(path, { recursive: true, force: true });
  return { path, file: join(path, 'private', 'tokens'), [Symbol.dispose]: remove };
}

/** Handles of one file, each of which is what another process would open. */
function handlesOf(file: string): { open(): FileStorage; close(): void } {
  const handles: FileStorage[] = [];
  return {
    open() {
      const storage = fileStorage({ path: file });
      handles.push(storage);
      return storage;
    },
    close() {
      for (const handle of handles) handle.close();
    },
  };
}

export function fileStorageFixture(): StorageFixture {
  const { file, [Symbol.dispose]: remove } = folder();
  const { open, close } = handlesOf(file);
  return {
    storage: open(),
    reopen: open,
    // Works for root as well, whom no mode keeps from writing.
    breakDown() {
      chmodSync(file, 0o640);
      return () => chmodSync(file, 0o600);
    },
    close() {
      close();
      remove();
    },
  };
}

export function fileLockFixture(): LockFixture {
  const { file, [Symbol.dispose]: remove } = folder();
  const { open, close } = handlesOf(file);
  return {
    lock: open().lock,
    reopen: () => open().lock,
    abandon: (name) => takeAndDie(file, name),
    close() {
      close();
      remove();
    },
  };
}

const holder = fileURLToPath(new URL('lock-holder.ts', import.meta.url));

/** Another process takes the lock and is killed while it holds it. */
async function takeAndDie(file: string, name: string): Promise<void> {
  const child = spawn(process.execPath, [holder, file, name], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  child.kill('SIGKILL');
  const [, signal] = await once(child, 'exit');
  if (signal !== 'SIGKILL') throw new Error('It was gone before it was killed.');
}
