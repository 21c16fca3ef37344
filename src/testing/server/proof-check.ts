/**
 * DPoP proofs, checked as strictly as RFC 9449 §4.3 requires, with WebCrypto and without any code of `src/dpop`.
 *
 * @module
 */
import { fromBase64url, textOf, toBase64url } from './http-exchange.ts';

/** The request that a proof is for. */
export interface ExpectedProof {
  readonly method: string;
  /** URL without query and fragment. */
  readonly url: string;
  /** The access token of the request. */
  readonly accessToken?: string | undefined;
  /** Current time, in Unix ms. */
  readonly now: number;
  /** Maximum distance of `iat` from the current time, in ms. */
  readonly tolerance: number;
}

/** A proof with a valid signature and claims. The server checks that it is new and has the right nonce. */
export interface Proof {
  /** Thumbprint of its key. */
  readonly jkt: string;
  readonly jti: string;
  readonly nonce: string | undefined;
}

/** The mistake in a proof. */
export class InvalidProof extends Error {}

export const proofAlgorithms: readonly string[] = ['ES256', 'ES384', 'PS256', 'RS256'];

type Verification = readonly [importing: EcKeyImportParams | RsaHashedImportParams, verifying: object];
const verifications: Readonly<Record<string, Verification>> = {
  ES256: [
    { name: 'ECDSA', namedCurve: 'P-256' },
    { name: 'ECDSA', hash: 'SHA-256' },
  ],
  ES384: [
    { name: 'ECDSA', namedCurve: 'P-384' },
    { name: 'ECDSA', hash: 'SHA-384' },
  ],
  PS256: [
    { name: 'RSA-PSS', hash: 'SHA-256' },
    { name: 'RSA-PSS', saltLength: 32 },
  ],
  RS256: [{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, { name: 'RSASSA-PKCS1-v1_5' }],
};

/** @throws InvalidProof that names the mistake. */
export async function checkProof(text: string, expected: ExpectedProof): Promise<Proof> {
  const [head = '', body = '', signature = '', ...more] = text.split('.');
  const isCompact = more.length === 0 && [head, body, signature].every((part) => /^[\w-]+$/.test(part));
  must(isCompact, 'The header DPoP must hold one JWT.');
  const header = members(head);
  const jwk = header['jwk'] as Record<string, unknown> | undefined;
  must(header['typ'] === 'dpop+jwt', 'typ must be dpop+jwt.');
  must(typeof jwk === 'object' && jwk !== null, 'jwk is missing.');
  must(
    Object.keys(header).every((name) => ['typ', 'alg', 'jwk'].includes(name)),
    'There is more than typ, alg and jwk.',
  );
  const own = jwk['kty'] === 'EC' ? ['crv', 'kty', 'x', 'y'] : ['e', 'kty', 'n'];
  must(Object.keys(jwk).sort().join() === own.join(), 'jwk must be a public key and nothing else.');
  const [importing, verifying] = verifications[String(header['alg'])] ?? fail('alg is none of ours.');
  const key = await crypto.subtle
    .importKey('jwk', jwk as JsonWebKey, importing, false, ['verify'])
    .catch(() => fail('jwk is no key for alg.'));
  const isSigned = await crypto.subtle.verify(
    verifying as Algorithm,
    key,
    fromBase64url(signature),
    bytes(`${head}.${body}`),
  );
  must(isSigned, 'The signature is wrong.');
  const claims = members(body);
  await checkClaims(claims, expected);
  const thumbprint = JSON.stringify(Object.fromEntries(own.map((name) => [name, jwk[name]])));
  const { jti, nonce } = claims as { jti: string; nonce?: string };
  return { jkt: await hash(thumbprint), jti, nonce };
}

async function checkClaims(claims: Record<string, unknown>, expected: ExpectedProof): Promise<void> {
  const { jti, htm, htu, iat, ath, nonce } = claims;
  must(typeof jti === 'string' && jti.length >= 16, 'jti must have 96 bits of chance at least.');
  must(htm === expected.method, `htm is not ${expected.method}.`);
  must(htu === expected.url, `htu is not ${expected.url}.`);
  must(Number.isInteger(iat), 'iat is missing.');
  must(Math.abs(Number(iat) * 1000 - expected.now) <= expected.tolerance, 'iat is too old or too new.');
  must(nonce === undefined || typeof nonce === 'string', 'nonce must be a string.');
  const { accessToken } = expected;
  const hashed = accessToken === undefined ? undefined : await hash(accessToken);
  must(
    ath === hashed,
    hashed === undefined ? 'ath belongs to calls of the API.' : 'ath is not of this access token.',
  );
}

function members(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(textOf(fromBase64url(part)));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // the same as for JSON that is not an object
  }
  return fail('A part of the JWT is no JSON object.');
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function hash(text: string): Promise<string> {
  return toBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes(text))));
}

function must(condition: boolean, what: string): asserts condition {
  if (!condition) fail(what);
}

function fail(what: string): never {
  throw new InvalidProof(what);
}
