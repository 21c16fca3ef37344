/**
 * A client's private key: a `CryptoKey`, or the text of a file.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { CryptoKey } from '../core/platform-types.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';

/** The algorithm of a JWT's signature, named as in JWS. `EdDSA` is the older name of `Ed25519`, for servers without RFC 9864. */
export type SigningAlgorithm = `${'ES' | 'RS' | 'PS'}${256 | 384 | 512}` | 'Ed25519' | 'EdDSA';

interface ImportParameters {
  readonly name: string;
  readonly hash?: string;
  readonly namedCurve?: string;
}
const ecdsa = (namedCurve: string): ImportParameters => ({ name: 'ECDSA', namedCurve });
const rsa = (name: string, hash: string): ImportParameters => ({ name, hash });

/** Import parameters of each algorithm. An RSA key fits several: by default the first of them is used. */
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
 * @returns a function that imports the key, which takes time.
 * @throws ConfigurationError, which quotes nothing of the PEM
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

/** Imports a key with the first parameters that fit. A key contains its type, so all imports but one reject it. */
async function importFirst(
  bytes: Uint8Array<ArrayBuffer>,
  candidates: readonly SigningAlgorithm[],
): Promise<CryptoKey> {
  const subtle = subtleCrypto('privateKeyJwt()');
  for (const name of candidates) {
    try {
      return await subtle.importKey('pkcs8', bytes, algorithms[name], false, ['sign']);
    } catch {
      // Try the next one: the platform's message does not help.
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
