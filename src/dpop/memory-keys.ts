/**
 * Keys in memory only.
 *
 * @module
 */

import type { KeyStorage } from '../core/oauth/dpop-key.ts';
import type { CryptoKeyPair } from '../core/platform-types.ts';

/**
 * Keeps keys in the memory of this process, not extractable: after a restart or a reload the sessions that are bound to them
 * need a login. Suitable for sessions that are in memory as well.
 */
export function memoryKeys(): KeyStorage {
  const keys = new Map<string, CryptoKeyPair>();
  return {
    reach: 'process',
    read: async (thumbprint) => keys.get(thumbprint),
    async write(thumbprint, pair) {
      keys.set(thumbprint, pair);
    },
    async delete(thumbprint) {
      keys.delete(thumbprint);
    },
  };
}
