/**
 * The cipher of records whose key is in the keyring: AES-256-GCM with a random initialization vector for each record.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { TokenLock } from '../core/contracts.ts';
import { StorageError } from '../core/errors.ts';
import type { StorageOperation } from '../core/stored-record.ts';
import type { DecryptedRecord, RecordCipher } from './encrypted-storage.ts';
import type { Keyring } from './keyring.ts';

/** The account of the key. No record uses it. */
const account = '#key';
const algorithm = 'aes-256-gcm';
const sizes = { id: 8, key: 32, vector: 12, tag: 16 } as const;

/** Returns a name for a key that reveals nothing about the key. */
function keyIdOf(key: Buffer): Buffer {
  return createHash('sha256').update('tokenkeep key').update(key).digest().subarray(0, sizes.id);
}

export class KeyringCipher implements RecordCipher {
  readonly #keyring: Keyring;
  readonly #lock: TokenLock;

  constructor(keyring: Keyring, lock: TokenLock) {
    this.#keyring = keyring;
    this.#lock = lock;
  }

  async encrypt(text: string, name: string): Promise<string> {
    const key = (await this.#key('write')) ?? (await this.#createKey());
    const vector = randomBytes(sizes.vector);
    const cipher = createCipheriv(algorithm, key, vector).setAAD(this.#additionalData(name));
    const parts = [cipher.update(text, 'utf8'), cipher.final()];
    return Buffer.concat([keyIdOf(key), vector, cipher.getAuthTag(), ...parts]).toString('base64');
  }

  async decrypt(encrypted: string, name: string): Promise<DecryptedRecord> {
    const bytes = Buffer.from(encrypted, 'base64');
    if (bytes.length < sizes.id + sizes.vector + sizes.tag) return { kind: 'damaged' };
    const key = await this.#key('read');
    // A locked keyring may hide the key, which must not count as lost.
    if (key === undefined) await this.#keyring.assertUnlocked('read');
    // After a reset of the keyring the next write creates another key.
    if (key === undefined || !keyIdOf(key).equals(bytes.subarray(0, sizes.id))) return { kind: 'key-lost' };
    const [start, end] = [sizes.id + sizes.vector, sizes.id + sizes.vector + sizes.tag];
    const [vector, tag, data] = [
      bytes.subarray(sizes.id, start),
      bytes.subarray(start, end),
      bytes.subarray(end),
    ];
    try {
      const decipher = createDecipheriv(algorithm, key, vector, { authTagLength: sizes.tag });
      decipher.setAAD(this.#additionalData(name)).setAuthTag(tag);
      const text = decipher.update(data, undefined, 'utf8') + decipher.final('utf8');
      return { kind: 'decrypted', text, needsReencryption: false };
    } catch {
      return { kind: 'damaged' };
    }
  }

  /** Returns the key and entry that an encrypted text is bound to: it cannot be decrypted under any other. */
  #additionalData(name: string): Buffer {
    return Buffer.from(JSON.stringify([this.#keyring.service, name]));
  }

  async #key(operation: StorageOperation): Promise<Buffer | undefined> {
    const text = await this.#keyring.get(account, operation);
    if (text === undefined) return undefined;
    const key = Buffer.from(text, 'base64');
    if (key.length === sizes.key) return key;
    throw new StorageError(
      `The entry ${account} of the service ${this.#keyring.service} in the keyring was not written by tokenkeep. Choose another service.`,
      { operation },
    );
  }

  /** Creates the key: one of all processes does so. If the keyring does not store the key, nothing is encrypted with it. */
  async #createKey(): Promise<Buffer> {
    return await this.#lock.request('keyring:', {}, async () => {
      const existing = await this.#key('write');
      if (existing !== undefined) return existing;
      await this.#keyring.set(account, randomBytes(sizes.key).toString('base64'), 'write');
      const stored = await this.#key('write');
      if (stored !== undefined) return stored;
      throw new StorageError('The keyring accepted a key but did not store it.', { operation: 'write' });
    });
  }
}
