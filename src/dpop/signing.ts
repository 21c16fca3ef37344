/**
 * The algorithms of proofs: WebCrypto parameters to generate, import and export a key for each, and to sign with it.
 *
 * @module
 */

import { base64url, bytesOf } from '../core/base64url.ts';
import type { CryptoKey, CryptoKeyPair, JsonWebKey } from '../core/platform-types.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';

/** A JWS algorithm for proofs, with a public key: a secret that both sides share would prove nothing. */
export type DpopAlgorithm = 'ES256' | 'ES384' | 'PS256' | 'RS256';

interface SigningMethod {
  /** Parameters of `generateKey` and `importKey`. */
  readonly key: EcKeyGenParams | RsaHashedKeyGenParams;
  readonly signing: EcdsaParams | RsaPssParams | Algorithm;
}

const rsa = { modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' };

const methods: Readonly<Record<DpopAlgorithm, SigningMethod>> = {
  ES256: {
    key: { name: 'ECDSA', namedCurve: 'P-256' } as EcKeyGenParams,
    signing: { name: 'ECDSA', hash: 'SHA-256' } as EcdsaParams,
  },
  ES384: {
    key: { name: 'ECDSA', namedCurve: 'P-384' } as EcKeyGenParams,
    signing: { name: 'ECDSA', hash: 'SHA-384' } as EcdsaParams,
  },
  PS256: { key: { name: 'RSA-PSS', ...rsa }, signing: { name: 'RSA-PSS', saltLength: 32 } as RsaPssParams },
  RS256: { key: { name: 'RSASSA-PKCS1-v1_5', ...rsa }, signing: { name: 'RSASSA-PKCS1-v1_5' } },
};

export function isAlgorithm(value: unknown): value is DpopAlgorithm {
  return typeof value === 'string' && Object.hasOwn(methods, value);
}

export async function generateKeys(algorithm: DpopAlgorithm, extractable: boolean): Promise<CryptoKeyPair> {
  const usages: KeyUsage[] = ['sign', 'verify'];
  return (await subtleCrypto('dpop()').generateKey(
    methods[algorithm].key,
    extractable,
    usages,
  )) as CryptoKeyPair;
}

/** Imports a private key that can sign and cannot be exported. */
export async function importPrivateKey(jwk: JsonWebKey, algorithm: DpopAlgorithm): Promise<CryptoKey> {
  const { kty, crv, x, y, d, n, e, p, q, dp, dq, qi } = jwk;
  const bare = JSON.parse(JSON.stringify({ kty, crv, x, y, d, n, e, p, q, dp, dq, qi })) as JsonWebKey;
  return await subtleCrypto('dpop()').importKey('jwk', bare, methods[algorithm].key, false, ['sign']);
}

export async function importPublicKey(jwk: JsonWebKey, algorithm: DpopAlgorithm): Promise<CryptoKey> {
  const key = publicMembers(jwk) as JsonWebKey;
  return await subtleCrypto('dpop()').importKey('jwk', key, methods[algorithm].key, true, ['verify']);
}

/** Returns the algorithm of a key; `undefined` if it is not supported. */
export function algorithmOf({ algorithm, type, usages }: CryptoKey): DpopAlgorithm | undefined {
  if (type !== 'private' || !usages.includes('sign')) return undefined;
  const { name, namedCurve } = algorithm as EcKeyAlgorithm;
  return (Object.keys(methods) as DpopAlgorithm[]).find((one) => {
    const { key } = methods[one];
    return key.name === name && ('namedCurve' in key ? key.namedCurve === namedCurve : true);
  });
}

/** Returns a signature as in JWS. */
export async function sign(text: string, key: CryptoKey, algorithm: DpopAlgorithm): Promise<string> {
  return base64url(await subtleCrypto('dpop()').sign(methods[algorithm].signing, key, bytesOf(text)));
}

/** Returns the public members of a key, in the order of RFC 7638 §3.2, and no others, so that no private member is included. */
export function publicMembers(jwk: JsonWebKey): Readonly<Record<string, string | undefined>> {
  const { kty, crv, x, y, e, n } = jwk;
  return kty === 'EC' ? { crv, kty, x, y } : { e, kty, n };
}

/** Returns the thumbprint of a key (RFC 7638 §3, with SHA-256). */
export async function thumbprintOf(jwk: JsonWebKey): Promise<string> {
  return await sha256(JSON.stringify(publicMembers(jwk)));
}

export async function sha256(text: string): Promise<string> {
  return base64url(await subtleCrypto('dpop()').digest('SHA-256', bytesOf(text)));
}
