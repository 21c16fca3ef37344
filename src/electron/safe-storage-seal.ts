/**
 * The seal of records that Electron's `safeStorage` encrypts, with a key that the operating system keeps.
 *
 * @module
 */
import { StorageError } from '../core/errors.ts';
import type { DecryptedRecord, RecordCipher } from '../node/encrypted-storage.ts';
import { errorMessage, redactedCause } from '../node/redacted-cause.ts';
import type { ElectronSafeStorage } from './electron-api.ts';

type Operation = 'read' | 'write';

/** Both halves of `safeStorage` as one. */
interface Cipher {
  isAvailable(): Promise<boolean>;
  encrypt(text: string): Promise<Uint8Array>;
  decrypt(bytes: Uint8Array): Promise<{ readonly result: string; readonly shouldReEncrypt: boolean }>;
}

/** Returns the asynchronous half if it is complete, else the synchronous one; `undefined` if neither is complete. */
export function cipherOf(storage: ElectronSafeStorage): Cipher | undefined {
  const has = (...names: (keyof ElectronSafeStorage)[]) =>
    names.every((name) => typeof storage[name] === 'function');
  if (has('isAsyncEncryptionAvailable', 'encryptStringAsync', 'decryptStringAsync')) {
    const required = storage as Required<ElectronSafeStorage>;
    return {
      isAvailable: () => required.isAsyncEncryptionAvailable(),
      encrypt: (text) => required.encryptStringAsync(text),
      decrypt: (bytes) => required.decryptStringAsync(bytes),
    };
  }
  if (!has('isEncryptionAvailable', 'encryptString', 'decryptString')) return undefined;
  const required = storage as Required<ElectronSafeStorage>;
  return {
    isAvailable: async () => required.isEncryptionAvailable(),
    encrypt: async (text) => required.encryptString(text),
    decrypt: async (bytes) => ({ result: required.decryptString(bytes), shouldReEncrypt: false }),
  };
}

export class SafeStorageSeal implements RecordCipher {
  readonly #storage: ElectronSafeStorage;
  readonly #cipher: Cipher;
  readonly #allowPlainText: boolean;

  constructor(storage: ElectronSafeStorage, cipher: Cipher, allowPlainText: boolean) {
    this.#storage = storage;
    this.#cipher = cipher;
    this.#allowPlainText = allowPlainText;
  }

  async encrypt(text: string, name: string): Promise<string> {
    await this.#mustBeReady('write');
    const bytes = await this.#encrypt(JSON.stringify([name, text]), 'write');
    if (hasKnownKey(bytes) && !this.#allowPlainText) throw plainTextError('write');
    return Buffer.from(bytes).toString('base64');
  }

  async decrypt(sealed: string, name: string): Promise<DecryptedRecord> {
    await this.#mustBeReady('read');
    const bytes = Buffer.from(sealed, 'base64');
    let decrypted: Awaited<ReturnType<Cipher['decrypt']>>;
    try {
      decrypted = await this.#cipher.decrypt(bytes);
    } catch (error) {
      await this.#assertKeyLost(error, bytes);
      return { kind: 'key-lost' };
    }
    const contents = contentsOf(decrypted.result);
    // The padding of AES-CBC fits another key by chance, about once in 256 times: it then decrypts to noise.
    if (contents === undefined) return { kind: 'key-lost' };
    const [bound, text] = contents;
    if (bound !== name || typeof text !== 'string') return { kind: 'damaged' };
    const needsReencryption = decrypted.shouldReEncrypt || (hasKnownKey(bytes) && !this.#allowPlainText);
    return { kind: 'decrypted', text, needsReencryption };
  }

  /** Throws unless encryption is available. Called each time, because that may change and is undetermined before the app is ready. */
  async #mustBeReady(operation: Operation): Promise<void> {
    if (!this.#allowPlainText && this.#storage.getSelectedStorageBackend?.() === 'basic_text') {
      throw plainTextError(operation);
    }
    let cause: unknown;
    try {
      if (await this.#cipher.isAvailable()) return;
    } catch (error) {
      cause = error;
    }
    throw temporaryError(operation, cause);
  }

  async #encrypt(text: string, operation: Operation): Promise<Uint8Array> {
    try {
      return await this.#cipher.encrypt(text);
    } catch (error) {
      throw temporaryError(operation, error, text);
    }
  }

  /**
   * Checks that the key is gone, and not only unavailable for the moment. It is gone if `safeStorage` works with a key of the same
   * kind: if it fell back to another kind, it has lost its password manager, not the key.
   *
   * @throws StorageError if the key may come back.
   */
  async #assertKeyLost(error: unknown, bytes: Uint8Array): Promise<void> {
    if (/temporar|unavailable|try again|locked/i.test(errorMessage(error)))
      throw temporaryError('read', error);
    const text = 'Does it work?';
    const proof = await this.#encrypt(text, 'read');
    const back = await this.#cipher.decrypt(proof).catch(() => undefined);
    if (back?.result !== text || kindOf(proof) !== kindOf(bytes)) throw temporaryError('read', error);
  }
}

/** Returns the kind of key, which Chromium writes in front of the encrypted data. */
function kindOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 3));
}

/** Returns whether the key is public: on Linux `v10` means the password in Chromium's sources, elsewhere a key of the system. */
function hasKnownKey(bytes: Uint8Array): boolean {
  return process.platform === 'linux' && kindOf(bytes) === 'v10';
}

/** Parses the contents. Returns `undefined` if the text is not JSON, so tokenkeep has not written it. */
function contentsOf(text: string): readonly unknown[] | undefined {
  try {
    const contents: unknown = JSON.parse(text);
    return Array.isArray(contents) ? contents : [];
  } catch {
    return undefined;
  }
}

function plainTextError(operation: Operation): StorageError {
  return new StorageError(
    'There is no password manager, so safeStorage would encrypt with a well-known password (basic_text). ' +
      'Install one, name it with --password-store, or set the option allowPlainText: true.',
    { operation },
  );
}

function temporaryError(operation: Operation, error: unknown, secret?: string): StorageError {
  const cause = error === undefined ? undefined : redactedCause(error, secret);
  return new StorageError(
    'safeStorage cannot be used now. Wait until the application is ready and its keychain or keyring is unlocked. Then ' +
      'try again.',
    { operation, cause },
  );
}
