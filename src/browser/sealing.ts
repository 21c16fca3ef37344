/**
 * Encryption of what is stored: AES-GCM with a key that script can use and cannot read.
 *
 * @module
 */

import { isInstance } from '../core/platform-class.ts';
import { randomBytes, randomId, subtleCrypto } from '../platform/web-crypto.ts';
import { type Connection, type Database, type Operation, Taken } from './database.ts';

/** What is stored instead of the text of a record. */
export interface Sealed {
  /** Id of the key. */
  readonly by: string;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly data: ArrayBuffer;
}

/** The key as it is kept beside what it encrypts. */
interface KeptKey {
  readonly id: string;
  readonly key: CryptoKey;
}

/** What a sealed record belongs to: it cannot be opened as another one. */
export interface Place {
  readonly key: string;
  readonly version: string;
}

/** There is no one key that it could have been sealed with. */
export class KeyLost extends Error {}

/** Under which the key of a database is kept. */
const current = 'current';

export class Sealing {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws StorageError */
  async seal(text: string, place: Place): Promise<Sealed> {
    const { id, key } = (await this.#kept('write')) ?? (await this.#make());
    const iv = randomBytes(12);
    const data = await subtleCrypto('indexedDbStorage()').encrypt(
      parameters(iv, place, id),
      key,
      new TextEncoder().encode(text),
    );
    return { by: id, iv, data };
  }

  /** @throws KeyLost, or what WebCrypto throws for what was tampered with. */
  async open({ by, iv, data }: Sealed, place: Place): Promise<string> {
    const kept = await this.#kept('read');
    if (kept?.id !== by) throw new KeyLost();
    const text = await subtleCrypto('indexedDbStorage()').decrypt(parameters(iv, place, by), kept.key, data);
    return new TextDecoder().decode(text);
  }

  /** Asked each time: a key that is only in memory any more would seal what nobody can open after a reload. */
  async #kept(operation: Operation): Promise<KeptKey | undefined> {
    const found = await this.#database.use(operation, find);
    return typeof found === 'string' ? undefined : found;
  }

  /** Makes the key, unless another tab is faster. */
  async #make(): Promise<KeptKey> {
    const key = await subtleCrypto('indexedDbStorage()').generateKey(
      { name: 'AES-GCM', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    );
    const made: KeptKey = { id: randomId(), key };
    return await this.#database.use('write', async (connection) => {
      for (;;) {
        const found = await find(connection);
        if (typeof found !== 'string') return found;
        try {
          await connection.write('keys', (keys) => keys.add(made, found));
          return made;
        } catch (error) {
          if (!(error instanceof Taken)) throw error;
        }
      }
    });
  }
}

/** The key, or the name under which it is to be made: the next one after those of keys that cannot be unlocked any more. */
async function find({ read }: Connection): Promise<KeptKey | string> {
  for (let name = current; ; name += "'") {
    const found = await read(
      'keys',
      (keys) => keys.get(name),
      (value: unknown) => value,
    );
    if (isKept(found)) return found;
    if (found === undefined) return name;
  }
}

function parameters(iv: Uint8Array<ArrayBuffer>, { key, version }: Place, by: string): AesGcmParams {
  const additionalData = new TextEncoder().encode(JSON.stringify(['tokenkeep', 1, by, key, version]));
  return { name: 'AES-GCM', iv, additionalData };
}

/** Engines that cannot unlock a stored key any more hand over `null` in its place. */
function isKept(value: unknown): value is KeptKey {
  const { id, key } = (value ?? {}) as Partial<Record<keyof KeptKey, unknown>>;
  return typeof id === 'string' && isInstance(key, 'CryptoKey');
}
