/**
 * The seal of records whose key is in the keyring: AES-256-GCM with a random initialization vector for each record.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { TokenLock } from '../core/contracts.ts';
import { StorageError } from '../core/errors.ts';
import type { Operation } from './database-failure.ts';
import type { Keyring } from './keyring.ts';
import type { Opened, Seal } from './sealed-storage.ts';

/** The account of the key. No record has it. */
const account = '#key';
const algorithm = 'aes-256-gcm';
const sizes = { id: 8, key: 32, vector: 12, tag: 16 } as const;

/** Returns a name for a key that reveals nothing about the key. */
function idOf(key: Buffer): Buffer {
  return createHash('sha256').update('tokenkeep key').update(key).digest().subarray(0, sizes.id);
}

export class KeyringSeal implements Seal {
  readonly #keyring: Keyring;
  readonly #lock: TokenLock;

  constructor(keyring: Keyring, lock: TokenLock) {
    this.#keyring = keyring;
    this.#lock = lock;
  }

  async close(text: string, name: string): Promise<string> {
    const key = (await this.#key('write')) ?? (await this.#makeKey());
    const vector = randomBytes(sizes.vector);
    const cipher = createCipheriv(algorithm, key, vector).setAAD(this.#bound(name));
    const parts = [cipher.update(text, 'utf8'), cipher.final()];
    return Buffer.concat([idOf(key), vector, cipher.getAuthTag(), ...parts]).toString('base64');
  }

  async open(sealed: string, name: string): Promise<Opened | 'key lost' | undefined> {
    const bytes = Buffer.from(sealed, 'base64');
    if (bytes.length < sizes.id + sizes.vector + sizes.tag) return undefined;
    const key = await this.#key('read');
    // A locked keyring may hide the key. It must not be taken for one that is lost.
    if (key === undefined) await this.#keyring.mustBeOpen('read');
    // After a reset of the keyring the next write makes another key.
    if (key === undefined || !idOf(key).equals(bytes.subarray(0, sizes.id))) return 'key lost';
    const [start, end] = [sizes.id + sizes.vector, sizes.id + sizes.vector + sizes.tag];
    const [vector, tag, data] = [
      bytes.subarray(sizes.id, start),
      bytes.subarray(start, end),
      bytes.subarray(end),
    ];
    try {
      const decipher = createDecipheriv(algorithm, key, vector, { authTagLength: sizes.tag });
      decipher.setAAD(this.#bound(name)).setAuthTag(tag);
      return { text: decipher.update(data, undefined, 'utf8') + decipher.final('utf8') };
    } catch {
      return undefined;
    }
  }

  /** What a sealed text is bound to: it opens nowhere else. */
  #bound(name: string): Buffer {
    return Buffer.from(JSON.stringify([this.#keyring.service, name]));
  }

  async #key(operation: Operation): Promise<Buffer | undefined> {
    const text = await this.#keyring.get(account, operation);
    if (text === undefined) return undefined;
    const key = Buffer.from(text, 'base64');
    if (key.length === sizes.key) return key;
    throw new StorageError(
      `The entry ${account} of the service ${this.#keyring.service} in the keyring is not ours. Choose another service.`,
      { operation },
    );
  }

  /** One of all processes makes it. What the keyring does not keep does not seal anything. */
  async #makeKey(): Promise<Buffer> {
    return await this.#lock.request('keyring:', {}, async () => {
      const there = await this.#key('write');
      if (there !== undefined) return there;
      await this.#keyring.set(account, randomBytes(sizes.key).toString('base64'), 'write');
      const kept = await this.#key('write');
      if (kept !== undefined) return kept;
      throw new StorageError('The keyring accepted a key and does not hold it.', { operation: 'write' });
    });
  }
}
