/**
 * A file of records that only the holder of a secret can read: for what keeps a secret better than a file does.
 *
 * @module
 */
import type { Stored, TokenLock, Version } from '../core/contracts.ts';
import { keyLost } from '../core/session/read-record.ts';
import { type FileStorage, type SqliteFileStorage, serializeRecord } from './file-storage.ts';

/** Makes texts unreadable for others, and readable again. Both reject with a `StorageError` while they cannot. */
export interface RecordCipher {
  /** @param name belongs to the text: encrypted under one name it cannot be decrypted under another. */
  encrypt(text: string, name: string): Promise<string>;
  /**
   * Returns the text that was encrypted, and whether it should be encrypted again. Returns `'key lost'` if the key no longer exists, and
   * `undefined` if the key exists, but the text is damaged or was encrypted under another name.
   */
  decrypt(encrypted: string, name: string): Promise<DecryptedRecord | 'key lost' | undefined>;
}

export interface DecryptedRecord {
  readonly text: string;
  readonly needsReencryption?: boolean;
}

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
    // What we did not encrypt is handed over as it is: the manager judges it.
    if (stored === undefined || typeof sealed !== 'string') return stored;
    const opened = await this.#cipher.decrypt(sealed, key);
    if (opened === 'key lost') return { record: keyLost, version: stored.version };
    if (opened === undefined) return { record: 'sealed, and damaged', version: stored.version };
    if (opened.needsReencryption === true) void this.#reencrypt(key, opened.text, stored.version);
    return { record: JSON.parse(opened.text), version: stored.version };
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

  /** At once, and without a new version: a refresh that is under way must not take it for someone else's. */
  async #reencrypt(key: string, text: string, version: Version): Promise<void> {
    try {
      await this.#file.rewrite(key, { sealed: await this.#cipher.encrypt(text, key) }, version);
    } catch {
      // The next write or read does it.
    }
  }
}
