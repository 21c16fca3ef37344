/**
 * The storage in the keyring of the operating system.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { EncryptedStorage } from './encrypted-storage.ts';
import { type FileStorage, SqliteFileStorage } from './file-storage.ts';
import { Keyring, type KeyringModule, requireKeyring } from './keyring.ts';
import { KeyringCipher } from './keyring-cipher.ts';
import { KeyringRecords } from './keyring-records.ts';
import { requireSqlite } from './sqlite.ts';

/** Options of {@link keyringStorage}. */
export interface KeyringStorageOptions {
  /** Name of the entries in the keyring, usually the name of the application. */
  readonly service: string;
  /**
   * Place of the records.
   *
   * - `'keyring'`: in the keyring, one entry for each record.
   * - `'file'`: encrypted in a file beside it (AES-256-GCM); the keyring holds the key. For keyrings that accept small
   *   entries only, such as that of Windows with its 2.5 kB.
   *
   * All processes that share sessions must choose the same.
   *
   * @default 'file' on Windows, 'keyring' elsewhere
   */
  readonly records?: 'keyring' | 'file' | undefined;
  /**
   * Directory of the file beside the keyring, which contains the lock, and the encrypted records if there are any: on a
   * local disk, for its owner only. All processes that share sessions must use the same directory.
   *
   * @default a directory `tokenkeep` in the operating system's place for application state, in the user's home directory
   *   according to the system, not to the environment
   */
  readonly directory?: string | undefined;
  /** Module `@napi-rs/keyring`, as returned by `import()`, for bundles in which it cannot be resolved by its name. */
  readonly keyring?: KeyringModule | undefined;
}

/** Result of {@link keyringStorage}. */
export interface KeyringStorage extends FileStorage {}

/**
 * Keeps sessions in the keyring of the operating system, which all processes of this user share: Secret Service on Linux
 * (GNOME Keyring, KWallet), Keychain on macOS, Credential Manager on Windows. For command line tools and native
 * applications. It needs the package `@napi-rs/keyring`, and `node:sqlite` (Node 22.13 or newer).
 *
 * - **Who can read it.** The data on the disk is encrypted while the keyring is locked. While it is unlocked, programs of this user can
 *   read it: all of them on Linux and Windows, on macOS those that the user has allowed.
 * - **A locked keyring** causes a `StorageError`, after the system has asked the user to unlock it, if the system can.
 *   Nothing has been sent then, no session has ended, and the next call tries again. The kernel's keyring, which is emptied
 *   at a restart, is never used instead.
 * - **One refresh for all processes.** Keyrings have neither locks nor compare-and-set: both come from a file beside it,
 *   with the promises of {@link fileStorage} about holders that die or stop. The file holds names of sessions, but no token
 *   unless you choose `records: 'file'`, and then encrypted ones.
 * - **Changes** are announced to other processes through the file. Changes of entries by other programs are noticed
 *   when a session is read the next time: deleting an entry by hand signs out. Deleting the key of `records: 'file'`,
 *   or resetting the keyring, makes all sessions in the file unreadable: the manager emits `recordRejected` with the
 *   reason `key lost`.
 *
 * Tested with GNOME Keyring. Keychain, KWallet and Credential Manager were not available for testing; they are used through the same
 * three calls.
 *
 * @throws ConfigurationError with the command that installs a missing package. A problem with the keyring rejects the
 *   call that needs it, with a `StorageError`.
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { keyringStorage } from 'tokenkeep/node';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-cli',
 *   authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: keyringStorage({ service: 'my-cli' }),
 * });
 * ```
 */
export function keyringStorage(options: KeyringStorageOptions): KeyringStorage {
  const { service, records, directory, keyring } = checkOptions(options);
  requireSqlite();
  if (keyring === undefined) requireKeyring();
  const name = createHash('sha256').update(service).digest('hex').slice(0, 32);
  const entries = new Keyring(service, keyring);
  const path = join(directory ?? stateDirectory(), name);
  if (records === 'keyring' || (records === undefined && process.platform !== 'win32')) {
    // The content of the file need not survive a power failure: the records are in the keyring.
    return new KeyringRecords(entries, new SqliteFileStorage(path, 'NORMAL'));
  }
  const file = new SqliteFileStorage(path);
  return new EncryptedStorage(file, new KeyringCipher(entries, file.lock));
}

function checkOptions(options: KeyringStorageOptions | undefined): KeyringStorageOptions {
  const refuse = (what: string): never => {
    throw new ConfigurationError(`keyringStorage(options): the option ${what}.`);
  };
  const isText = (value: unknown) => typeof value === 'string' && value !== '' && !value.includes('\0');
  if (!isText(options?.service)) return refuse('service must be the name of the application');
  const { service, records, directory, keyring } = options as KeyringStorageOptions;
  if (records !== undefined && records !== 'keyring' && records !== 'file') {
    return refuse("records must be 'keyring' or 'file'");
  }
  if (directory !== undefined && !isText(directory))
    return refuse('directory must be the path of a directory');
  if (keyring !== undefined && typeof keyring?.AsyncEntry !== 'function') {
    return refuse("keyring must be what import('@napi-rs/keyring') gives");
  }
  return { service, records, directory: directory && resolve(directory), keyring };
}

/**
 * Returns the directory that all processes of this user share. It does not depend on the environment: a job without `HOME` would
 * have a separate lock.
 */
function stateDirectory(): string {
  const directories: Partial<Record<NodeJS.Platform, readonly string[]>> = {
    darwin: ['Library', 'Application Support'],
    win32: ['AppData', 'Local'],
  };
  let home: string;
  try {
    home = userInfo().homedir;
  } catch {
    throw new ConfigurationError(
      'keyringStorage(options): the system has no home directory for this user. Pass the option directory.',
    );
  }
  return join(home, ...(directories[process.platform] ?? ['.local', 'state']), 'tokenkeep');
}
