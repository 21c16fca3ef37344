/**
 * Access to Web Crypto. Each function checks for the parts that it needs: pages without https and React Native lack some of them,
 * and most of tokenkeep needs only random numbers.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';

type Available = Partial<Pick<Crypto, 'getRandomValues' | 'randomUUID' | 'subtle'>>;

/** Returns a unique name of at least 122 random bits. */
export function randomId(): string {
  const crypto = available();
  // Available only in a secure context.
  if (crypto?.randomUUID !== undefined) return crypto.randomUUID();
  return Array.from(randomBytes(16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Returns random bytes.
 *
 * @throws ConfigurationError if the platform has no source of random numbers.
 */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const crypto = available();
  if (crypto?.getRandomValues !== undefined) return crypto.getRandomValues(new Uint8Array(length));
  throw new ConfigurationError(
    explain(
      'platform',
      'This platform has no `crypto.getRandomValues`, which tokenkeep needs for random names. On React Native, import ' +
        "'react-native-get-random-values' first, or set `globalThis.crypto` to expo-crypto or react-native-quick-crypto.",
    ),
  );
}

/**
 * Returns the keys, signatures and digests of Web Crypto.
 *
 * @param user the feature that needs them, by its public name, such as `inspect()`.
 * @throws ConfigurationError that names the feature and the remedy.
 */
export function subtleCrypto(user: string): SubtleCrypto {
  const subtle = available()?.subtle;
  if (subtle !== undefined) return subtle;
  throw new ConfigurationError(`${user} ${explain('platform', describeMissingCrypto())}`);
}

function describeMissingCrypto(): string {
  const { isSecureContext } = globalThis as { isSecureContext?: boolean };
  return `needs \`crypto.subtle\`, which ${
    isSecureContext === false
      ? 'a page has only in a secure context. Serve it over https or from localhost.'
      : 'this platform does not have. On React Native, install react-native-quick-crypto as `globalThis.crypto`.'
  }`;
}

function available(): Available | undefined {
  return (globalThis as { crypto?: Available }).crypto;
}
