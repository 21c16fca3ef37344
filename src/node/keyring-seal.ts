/**
 * The seal of records whose key is in the keyring: AES-256-GCM with a random initialization vector for each record.
 *
 * @module
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { TokenLock } from '../core/contracts.ts';
import { StorageError } from '../core/errors.ts';
import type { Operation } from './database-failure.ts';
import type { Keyring } from './keyring.ts';
import type { Opened, Seal } from './sealed-storage.ts';

/** The account of the key. No record has it. */
const account = '#key';
const algorithm = 'aes-256-gcm';
const sizes = { key: 32, vector: 12, tag: 16 } as const;

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
    return Buffer.concat([vector, cipher.getAuthTag(), ...parts]).toString('base64');
  }

  async open(sealed: string, name: string): Promise<Opened | undefined> {
    const key = await this.#key('read');
    // Gone, or not to be seen yet: a key that is merely locked away must not be taken for one that is lost.
    if (key === undefined) return await this.#keyring.mustBeOpen('read').then(() => undefined);
    const bytes = Buffer.from(sealed, 'base64');
    const vector = bytes.subarray(0, sizes.vector);
    const tag = bytes.subarray(sizes.vector, sizes.vector + sizes.tag);
    try {
      const decipher = createDecipheriv(algorithm, key, vector, { authTagLength: sizes.tag });
      decipher.setAAD(this.#bound(name)).setAuthTag(tag);
      const text = decipher.update(bytes.subarray(sizes.vector + sizes.tag), undefined, 'utf8');
      return { text: text + decipher.final('utf8') };
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
