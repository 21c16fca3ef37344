/**
 * A private key as its owner has it: a `CryptoKey`, or the text of a file.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { CryptoKey } from '../core/platform-types.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';

/** How a JWT is signed, by the names of JWS. `EdDSA` is what servers call `Ed25519` that do not know RFC 9864 yet. */
export type SigningAlgorithm = `${'ES' | 'RS' | 'PS'}${256 | 384 | 512}` | 'Ed25519' | 'EdDSA';

interface ImportParameters {
  readonly name: string;
  readonly hash?: string;
  readonly namedCurve?: string;
}
const ecdsa = (namedCurve: string): ImportParameters => ({ name: 'ECDSA', namedCurve });
const rsa = (name: string, hash: string): ImportParameters => ({ name, hash });

/** An RSA key fits several: when nothing is said it is for the first of them. */
const algorithms: Readonly<Record<SigningAlgorithm, ImportParameters>> = {
  ES256: ecdsa('P-256'),
  ES384: ecdsa('P-384'),
  ES512: ecdsa('P-521'),
  Ed25519: { name: 'Ed25519' },
  EdDSA: { name: 'Ed25519' },
  RS256: rsa('RSASSA-PKCS1-v1_5', 'SHA-256'),
  RS384: rsa('RSASSA-PKCS1-v1_5', 'SHA-384'),
  RS512: rsa('RSASSA-PKCS1-v1_5', 'SHA-512'),
  PS256: rsa('RSA-PSS', 'SHA-256'),
  PS384: rsa('RSA-PSS', 'SHA-384'),
  PS512: rsa('RSA-PSS', 'SHA-512'),
};

/**
 * Reads a PEM: PKCS #8, not encrypted, also where its line ends were written `\n`, as in environment variables.
 *
 * @returns how to import it, which takes time.
 * @throws ConfigurationError that quotes nothing of it
 */
export function readPem(pem: string, algorithm: SigningAlgorithm | undefined): () => Promise<CryptoKey> {
  if (algorithm !== undefined && !Object.hasOwn(algorithms, algorithm)) {
    throw keyError(explain('private-key', `algorithm must be one of ${Object.keys(algorithms).join(', ')}.`));
  }
  const text = pem.replaceAll('\\n', '\n');
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1];
  const content = /-----BEGIN PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END PRIVATE KEY-----/.exec(text)?.[1];
  const bytes = content === undefined ? undefined : decode(content.replace(/\s/g, ''));
  if (bytes === undefined) {
    const found =
      label === undefined || label === 'PRIVATE KEY' ? 'This is not a private key' : `This is a ${label}`;
    throw keyError(
      explain(
        'private-key',
        `the PEM must be a whole PRIVATE KEY. ${found}. Convert it: openssl pkcs8 -topk8 -nocrypt -in key.pem`,
      ),
    );
  }
  const candidates = algorithm === undefined ? Object.keys(algorithms) : [algorithm];
  return () => importFirst(bytes, candidates as SigningAlgorithm[]);
}

/** A key says itself what it is, so all imports but one refuse it. */
async function importFirst(
  bytes: Uint8Array<ArrayBuffer>,
  candidates: readonly SigningAlgorithm[],
): Promise<CryptoKey> {
  const subtle = subtleCrypto('privateKeyJwt()');
  for (const name of candidates) {
    try {
      return await subtle.importKey('pkcs8', bytes, algorithms[name], false, ['sign']);
    } catch {
      // The next one. Its message says nothing that would help.
    }
  }
  throw keyError(explain('private-key', `the PEM contains no key for ${candidates.join(', ')}.`));
}

function decode(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** @throws ConfigurationError unless it is a key that can sign */
export function requireSigningKey(key: unknown): asserts key is CryptoKey {
  const { type, usages } = (typeof key === 'object' && key !== null ? key : {}) as Partial<CryptoKey>;
  if (type === 'private' && usages?.includes('sign')) return;
  throw keyError(
    explain(
      'private-key',
      "the key must be a private CryptoKey with the usage 'sign', or the text of a PEM.",
    ),
  );
}

function keyError(why: string): ConfigurationError {
  return new ConfigurationError(`privateKeyJwt(key): ${why}`);
}
