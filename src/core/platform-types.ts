/**
 * Types of the platform whose names exist only in the DOM library. A program for Node alone lacks the names, so they are derived
 * from platform values. Types only.
 *
 * @module
 */

/** A key of Web Crypto. */
export type CryptoKey = Extract<Awaited<ReturnType<typeof crypto.subtle.generateKey>>, { type: string }>;

/** A private key and its public one. */
export interface CryptoKeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** The type of the `headers` of `fetch`. */
export type HeadersInit = NonNullable<RequestInit['headers']>;

/** Treatment of redirects. */
export type RequestRedirect = NonNullable<RequestInit['redirect']>;

/** The members of a key as JSON (RFC 7517) that name it, and those that are private. */
export type JsonWebKey = {
  readonly [Member in 'kty' | 'crv' | 'x' | 'y' | 'd' | 'n' | 'e' | 'p' | 'q' | 'dp' | 'dq' | 'qi']?: string;
};
