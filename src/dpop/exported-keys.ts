/**
 * Keys for storages of text.
 *
 * @module
 */

import type { TokenStorage } from '../core/contracts.ts';
import { isConflict, StorageError } from '../core/errors.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { KeyStorage } from '../core/oauth/dpop-key.ts';
import type { CryptoKey, CryptoKeyPair, JsonWebKey } from '../core/platform-types.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';
import { algorithmOf, importPrivateKey, importPublicKey, isAlgorithm, thumbprintOf } from './signing.ts';

/** Stored form of an exported key. */
interface StoredKey {
  readonly schema: 1;
  readonly algorithm: string;
  readonly jwk: JsonWebKey;
}

/**
 * Keeps keys as JWKs in a storage for tokens: in a file, a keyring, Redis, Postgres.
 *
 * **The price:** the private keys are stored unencrypted, beside the tokens or in another place of your choice. Anyone who can
 * read that storage can use a stolen session, as if there were no DPoP. Tokens that leak elsewhere, from a log, a
 * proxy or an API, are still useless to a thief. Choose a storage that encrypts, such as `keyringStorage()`.
 *
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { dpop, exportedKeys } from 'tokenkeep/dpop';
 * import { fileStorage, keyringStorage } from 'tokenkeep/node';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-cli',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: fileStorage({ path: '/var/lib/my-cli/session.db' }),
 *   dpop: dpop({ keys: exportedKeys(keyringStorage({ service: 'my-cli' })) }),
 * });
 * ```
 */
export function exportedKeys(storage: TokenStorage): KeyStorage {
  const read: KeyStorage['read'] = async (thumbprint) =>
    await importKeyPair((await storage.read(storageKeyOf(thumbprint)))?.record, thumbprint);
  return {
    reach: storage.reach,
    exports: true,
    read,
    async write(thumbprint, keys) {
      // A key that was read here is not extractable, and is stored already.
      if (!keys.privateKey.extractable && (await read(thumbprint)) !== undefined) return;
      const jwk = await exportKey(keys.privateKey);
      const algorithm = algorithmOf(keys.privateKey) ?? '';
      const kept: StoredKey = { schema: 1, algorithm, jwk };
      try {
        await storage.write(storageKeyOf(thumbprint), kept, undefined);
      } catch (error) {
        if (isConflict(error)) return; // it is stored already: a key is never replaced by another one
        throw writeFailed(error, jwk);
      }
    },
    delete: (thumbprint) => storage.delete(storageKeyOf(thumbprint)),
  };
}

async function exportKey(key: CryptoKey): Promise<JsonWebKey> {
  if (key.extractable) return await subtleCrypto('dpop()').exportKey('jwk', key);
  throw new StorageError(
    'exportedKeys(): this key is not extractable, so it cannot be stored as text. Use keys that the same dpop() has generated.',
    { operation: 'write' },
  );
}

/** Members of a JWK that are secret (RFC 7518 §6.2.2, §6.3.2). A storage may quote them in its error. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const;

function writeFailed(error: unknown, jwk: JsonWebKey): StorageError {
  const secrets = privateMembers.map((name) => jwk[name]);
  return new StorageError('The storage failed to write the key of a session.', {
    operation: 'write',
    cause: safeCause(error, secrets),
  });
}

/** Returns a storage key that no session has: those contain a slash after their prefix, and no colon before it. */
function storageKeyOf(thumbprint: string): string {
  return `dpop:${thumbprint}`;
}

async function importKeyPair(record: unknown, thumbprint: string): Promise<CryptoKeyPair | undefined> {
  const { schema, algorithm, jwk } = (record ?? {}) as Partial<StoredKey>;
  if (schema !== 1 || !isAlgorithm(algorithm) || typeof jwk !== 'object' || jwk === null) return undefined;
  try {
    if ((await thumbprintOf(jwk)) !== thumbprint) return undefined;
    const [privateKey, publicKey] = await Promise.all([
      importPrivateKey(jwk, algorithm),
      importPublicKey(jwk, algorithm),
    ]);
    return { privateKey, publicKey };
  } catch {
    return undefined; // the key was deleted meanwhile
  }
}
