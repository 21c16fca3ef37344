/**
 * A file of encrypted records. Only the holder of the key can read them, such as a keyring.
 *
 * @module
 */
import type { Stored, TokenLock, Version } from '../core/contracts.ts';
import { keyLost } from '../core/session/read-record.ts';
import { serializeRecord } from '../core/stored-record.ts';
import type { FileStorage, SqliteFileStorage } from './file-storage.ts';

/** Encrypts and decrypts texts. Both methods reject with a `StorageError` while the key is unavailable. */
export interface RecordCipher {
  /** @param name is bound to the text: encrypted under one name it cannot be decrypted under another. */
  encrypt(text: string, name: string): Promise<string>;
  decrypt(encrypted: string, name: string): Promise<DecryptedRecord>;
}

export type DecryptedRecord =
  | { readonly kind: 'decrypted'; readonly text: string; readonly needsReencryption: boolean }
  /** The key no longer exists. */
  | { readonly kind: 'key-lost' }
  /** The key exists, but the text is damaged or was encrypted under another name. */
  | { readonly kind: 'damaged' };

export class EncryptedStorage implements FileStorage {
  readonly reach = 'machine' as const;
  readonly lock: TokenLock;
  readonly #file: SqliteFileStorage;
  readonly #cipher: RecordCipher;

  constructor(file: SqliteFileStorage, cipher: RecordCipher) {
    this.#file = file;
    this.#cipher = cipher;
    this.lock = file.lock;
  }

  async read(key: string): Promise<Stored | undefined> {
    const stored = await this.#file.read(key);
    const sealed = (stored?.record as { sealed?: unknown } | null | undefined)?.sealed;
    // A record that tokenkeep did not encrypt is returned unchanged, and the manager validates it.
    if (stored === undefined || typeof sealed !== 'string') return stored;
    const { version } = stored;
    const decrypted = await this.#cipher.decrypt(sealed, key);
    if (decrypted.kind === 'key-lost') return { record: keyLost, version };
    if (decrypted.kind === 'damaged') return { record: 'sealed, and damaged', version };
    if (decrypted.needsReencryption) void this.#reencrypt(key, decrypted.text, version);
    return { record: JSON.parse(decrypted.text), version };
  }

  async write(key: string, record: object, ifVersion: Version | undefined): Promise<Version> {
    const text = serializeRecord(record);
    return await this.#file.write(key, { sealed: await this.#cipher.encrypt(text, key) }, ifVersion);
  }

  async delete(key: string, ifVersion?: Version): Promise<void> {
    await this.#file.delete(key, ifVersion);
  }

  watch(key: string, listener: () => void): () => void {
    return this.#file.watch(key, listener);
  }

  close(): void {
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Encrypts again at once, without a new version: a refresh in progress must not take it for a change of another writer. */
  async #reencrypt(key: string, text: string, version: Version): Promise<void> {
    try {
      await this.#file.rewrite(key, { sealed: await this.#cipher.encrypt(text, key) }, version);
    } catch {
      // The next write or read does it.
    }
  }
}
