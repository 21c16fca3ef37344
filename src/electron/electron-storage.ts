/**
 * The storage of an Electron application.
 *
 * @module
 */
import { resolve } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { EncryptedStorage } from '../node/encrypted-storage.ts';
import { type FileStorage, SqliteFileStorage } from '../node/file-storage.ts';
import { requireSqlite } from '../node/sqlite.ts';
import type { ElectronSafeStorage } from './electron-api.ts';
import { cipherOf, SafeStorageSeal } from './safe-storage-seal.ts';

/** Options of {@link electronStorage}. */
export interface ElectronStorageOptions {
  /** Module `safeStorage` of Electron. */
  readonly safeStorage: ElectronSafeStorage;
  /** Path of the file, in a separate directory: `join(app.getPath('userData'), 'tokenkeep', 'tokens')`. */
  readonly path: string;
  /**
   * **Lets anyone who has the file read the tokens.** On a Linux without a password manager Electron encrypts with a
   * password that is written in its sources, and this storage refuses that unless you allow it here. Electron's own
   * `safeStorage.setUsePlainTextEncryption(true)` is yours to call.
   *
   * @default false
   */
  readonly allowPlainText?: boolean | undefined;
}

/** Result of {@link electronStorage}. */
export interface ElectronStorage extends FileStorage {}

/**
 * Keeps sessions in a file that only this application on this machine can decrypt: for the main process of Electron. Give
 * it to the one manager that the application has, and let its windows call through {@link serveTokenManager}.
 *
 * - **Encrypted** by Electron's `safeStorage`, with a key from Keychain, DPAPI or the Linux desktop's password
 *   manager. Its asynchronous half is used where there is one. If Electron requests that a record is encrypted again,
 *   that happens at once.
 * - **Not before the application is ready.** Before that, or while the keyring is locked, every call rejects with a `StorageError`
 *   that names the cause. Nothing has been sent then, no session has ended, and the next call tries again.
 * - **A key that is gone** - another machine, a keychain that was reset - makes the session unreadable: the manager emits
 *   `recordRejected` with the reason `key lost`. The next login replaces the session.
 * - The file, its lock and its promises are those of `fileStorage` of `tokenkeep/node`: two running copies of the
 *   application share a session. It needs `node:sqlite`, so an Electron with Node 22.13 or newer.
 *
 * Electron was not available for testing. This is tested against a double of `safeStorage` whose format is compared with that of
 * Chromium on Linux, with and without a keyring. Keychain and DPAPI, Electron's newer key providers and its own loading of this
 * package are untested.
 *
 * @throws ConfigurationError for options that cannot work, and where there is no `node:sqlite`.
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { type ElectronSafeStorage, electronStorage } from 'tokenkeep/electron';
 *
 * // import { app, safeStorage } from 'electron';
 * function openManager(safeStorage: ElectronSafeStorage, userData: string): TokenManager {
 *   return new TokenManager({
 *     clientId: 'my-app',
 *     authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
 *     protectedResources: ['https://api.example.com/'],
 *     storage: electronStorage({ safeStorage, path: `${userData}/tokenkeep/tokens` }),
 *   });
 * }
 * ```
 */
export function electronStorage(options: ElectronStorageOptions): ElectronStorage {
  const refuse = (what: string): never => {
    throw new ConfigurationError(`electronStorage(options): the option ${what}.`);
  };
  const path: unknown = options?.path;
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    return refuse('path must be the path of a file');
  }
  const { safeStorage, allowPlainText = false } = options;
  const cipher = safeStorage && cipherOf(safeStorage);
  if (!cipher) return refuse("safeStorage must be Electron's module of this name, in the main process");
  requireSqlite();
  const seal = new SafeStorageSeal(safeStorage, cipher, allowPlainText === true);
  return new EncryptedStorage(new SqliteFileStorage(resolve(path)), seal);
}
