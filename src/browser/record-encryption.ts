/**
 * Encryption of stored records: AES-GCM with a key that script can use and cannot read.
 *
 * @module
 */

import { isInstance } from '../core/platform-class.ts';
import type { StorageOperation } from '../core/stored-record.ts';
import { randomBytes, randomId, subtleCrypto } from '../platform/web-crypto.ts';
import { type DatabaseConnection, type IndexedDbDatabase, KeyExistsError } from './indexed-db-database.ts';

/** The stored form of an encrypted record. */
export interface EncryptedRecord {
  /** Id of the key. */
  readonly by: string;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly data: ArrayBuffer;
}

/** The key, as stored beside the records that it encrypts. */
interface StoredKey {
  readonly id: string;
  readonly key: CryptoKey;
}

/** The key and session that an encrypted record belongs to: it cannot be decrypted as another one. */
export interface EncryptionContext {
  readonly key: string;
  readonly version: string;
}

/** Thrown if no available key can decrypt a record. */
export class EncryptionKeyLostError extends Error {}

/** Name of a database's current key. */
const currentKeyName = 'current';

export class RecordEncryption {
  readonly #database: IndexedDbDatabase;

  constructor(database: IndexedDbDatabase) {
    this.#database = database;
  }

  /** @throws StorageError */
  async encrypt(text: string, context: EncryptionContext): Promise<EncryptedRecord> {
    const { id, key } = (await this.#loadKey('write')) ?? (await this.#createKey());
    const iv = randomBytes(12);
    const data = await subtleCrypto('indexedDbStorage()').encrypt(
      aesParameters(iv, context, id),
      key,
      new TextEncoder().encode(text),
    );
    return { by: id, iv, data };
  }

  /** @throws EncryptionKeyLostError, or the error of WebCrypto for a record that was tampered with. */
  async decrypt({ by, iv, data }: EncryptedRecord, context: EncryptionContext): Promise<string> {
    const stored = await this.#loadKey('read');
    if (stored?.id !== by) throw new EncryptionKeyLostError();
    const text = await subtleCrypto('indexedDbStorage()').decrypt(
      aesParameters(iv, context, by),
      stored.key,
      data,
    );
    return new TextDecoder().decode(text);
  }

  /** Loads the key for each operation: with a key that is only in memory, a record could not be decrypted after a reload. */
  async #loadKey(operation: StorageOperation): Promise<StoredKey | undefined> {
    const found = await this.#database.use(operation, findKey);
    return found.kind === 'found' ? found.key : undefined;
  }

  /** Creates the key, unless another tab is faster. */
  async #createKey(): Promise<StoredKey> {
    const key = await subtleCrypto('indexedDbStorage()').generateKey(
      { name: 'AES-GCM', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    );
    const created: StoredKey = { id: randomId(), key };
    return await this.#database.use('write', async (connection) => {
      for (;;) {
        const found = await findKey(connection);
        if (found.kind === 'found') return found.key;
        try {
          await connection.write('keys', (keys) => keys.add(created, found.name));
          return created;
        } catch (error) {
          if (!(error instanceof KeyExistsError)) throw error;
        }
      }
    });
  }
}

type KeySearch =
  | { readonly kind: 'found'; readonly key: StoredKey }
  /** The key must be created under this name, the next one after those of keys that cannot be unlocked any more. */
  | { readonly kind: 'missing'; readonly name: string };

async function findKey({ read }: DatabaseConnection): Promise<KeySearch> {
  for (let name = currentKeyName; ; name += "'") {
    const found = await read(
      'keys',
      (keys) => keys.get(name),
      (value: unknown) => value,
    );
    if (isStoredKey(found)) return { kind: 'found', key: found };
    if (found === undefined) return { kind: 'missing', name };
  }
}

function aesParameters(
  iv: Uint8Array<ArrayBuffer>,
  { key, version }: EncryptionContext,
  by: string,
): AesGcmParams {
  const additionalData = new TextEncoder().encode(JSON.stringify(['tokenkeep', 1, by, key, version]));
  return { name: 'AES-GCM', iv, additionalData };
}

/** Checks for a stored key. Engines that can no longer unlock a stored key return `null` in its place. */
function isStoredKey(value: unknown): value is StoredKey {
  const { id, key } = (value ?? {}) as Partial<Record<keyof StoredKey, unknown>>;
  return typeof id === 'string' && isInstance(key, 'CryptoKey');
}
