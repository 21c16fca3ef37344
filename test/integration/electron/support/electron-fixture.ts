import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ElectronSafeStorage, type ElectronStorage, electronStorage } from 'tokenkeep/electron';
import type { StorageFixture } from 'tokenkeep/testing';

/** Storages of one file, which go away with the test. */
export class Files implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'tokenkeep-electron-'));
  readonly path: string = join(this.folder, 'tokenkeep', 'tokens');
  readonly #open: ElectronStorage[] = [];

  open(safeStorage: ElectronSafeStorage, allowPlainText?: boolean): ElectronStorage {
    const storage = electronStorage({ safeStorage, path: this.path, allowPlainText });
    this.#open.push(storage);
    return storage;
  }

  [Symbol.dispose](): void {
    for (const storage of this.#open) storage.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function storageFixture(
  safeStorage: ElectronSafeStorage,
  keyring: { isOpen: boolean },
): StorageFixture {
  const files = new Files();
  return {
    storage: files.open(safeStorage),
    reopen: () => files.open(safeStorage),
    breakDown() {
      keyring.isOpen = false;
      return () => {
        keyring.isOpen = true;
      };
    },
    close: () => files[Symbol.dispose](),
  };
}
