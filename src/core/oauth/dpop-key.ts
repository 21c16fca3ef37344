/**
 * Proving the possession of a key (RFC 9449), as far as the rest of tokenkeep knows it. All that is to be done is behind these
 * contracts, in `tokenkeep/dpop`: who has no use for it does not load it.
 *
 * @module
 */

import type { Reach } from '../contracts.ts';
import type { RequestCredentials } from '../http/request-credentials.ts';
import { isInstance } from '../platform-class.ts';
import type { CryptoKeyPair } from '../platform-types.ts';
import type { BuiltRequest } from './grant.ts';
import type { RawTokenResponse } from './token-response.ts';

/**
 * Where the keys of sessions rest, by their thumbprints (RFC 7638). A key is written once and never replaced.
 *
 * The laws, each proven by `keyStorageConformance` in `tokenkeep/testing`:
 *
 * - `key-1`: A resolved `write` is durable and visible to everyone within `reach`; what is read signs like what was written.
 * - `key-2`: `read` of what is not there, or is no key pair any more, gives `undefined`: the key is lost, and so is its session.
 *   What cannot be read for the moment rejects with a `StorageError` instead: that ends no session.
 * - `key-3`: `delete` succeeds also when nothing is there.
 */
export interface KeyStorage {
  readonly reach: Reach;
  /** `true`: keys have to be exported to rest here, so they are made extractable. @default false */
  readonly exports?: boolean;
  /** The key; `undefined`: it is lost. @throws StorageError when it cannot be read for the moment */
  read(thumbprint: string): Promise<CryptoKeyPair | undefined>;
  /** Keeps a key. @throws StorageError */
  write(thumbprint: string, keys: CryptoKeyPair): Promise<void>;
  /** Forgets a key. @throws StorageError */
  delete(thumbprint: string): Promise<void>;
}

/** Tells a key pair from what a storage may hold in its place: engines that cannot unlock a key any more hand over `null`. */
export function isKeyPair(value: unknown): value is CryptoKeyPair {
  const { privateKey, publicKey } = (value ?? {}) as Partial<Record<keyof CryptoKeyPair, unknown>>;
  return isInstance(privateKey, 'CryptoKey') && isInstance(publicKey, 'CryptoKey');
}

/** A request that a proof is made for. */
export interface ProofRequest {
  /** Who is going to check it. The nonces and the clock of the one say nothing about the other. */
  readonly verifier: 'authorization server' | 'protected resource';
  readonly method: string;
  /** Where it goes. Query and fragment are left out of the proof. */
  readonly url: string;
  /** The access token that goes with it. */
  readonly accessToken?: string | undefined;
  /** In Unix ms. @default the platform's */
  readonly now?: number | undefined;
  /** @default the latest one of that server */
  readonly nonce?: string | undefined;
}

/** A request to the token endpoint that can be made anew when nothing but its proof was refused. */
export interface ProvenTokenRequest extends BuiltRequest {
  /**
   * Listens to an answer. Gives how to make the request that the server wants instead: with its nonce, another proof, and
   * another client assertion (RFC 7523 §3). `undefined`: the answer is final.
   *
   * @throws Error when the server wants a nonce that it does not show.
   */
  onResponse?(response: RawTokenResponse, headers: Headers): (() => Promise<BuiltRequest>) | undefined;
}

/** A key in use. The private half never leaves it. */
export interface DpopKey {
  /** Names the key: `dpop_jkt` of an authorization request, `cnf.jkt` of a token. */
  readonly thumbprint: string;
  /** A new proof, the value of a `DPoP` header, for one request and no other. For requests of your own. */
  prove(request: ProofRequest): Promise<string>;
  /**
   * Returns the credentials of requests that carry `accessToken`, which is bound to this key. Each request is sent with a proof of
   * its own, and once more with another one if the server rejected nothing but the proof: that is no evidence against the token.
   */
  credentials(accessToken: string): RequestCredentials;
  /** Makes a token request with a proof. @throws what `make` and signing throw */
  request(make: () => Promise<BuiltRequest>, now: () => number): Promise<ProvenTokenRequest>;
}

/** Binds sessions to keys. Made by `dpop()` of `tokenkeep/dpop`; the same one for a manager and its logins. */
export interface Dpop {
  /** How far its keys reach. */
  readonly reach: Reach;
  /** `true`: a session that is bound to no key is used, with bearer tokens. */
  readonly allowsBearerTokens: boolean;
  /** Why tokens of a login with this scheme are not taken, for who reads an error. */
  explainTokenType(scheme: 'Bearer' | 'DPoP'): string;
  /** What a session begins with that needs no login: a key of its own. */
  createSessionKey(): Promise<{ readonly thumbprint?: string }>;
  /** Makes a key, in memory. */
  generate(): Promise<DpopKey>;
  /** Makes a key durable. To be done before tokens are asked for with it. */
  keep(key: DpopKey): Promise<void>;
  /** The key with this thumbprint; `undefined` when it is lost. @throws StorageError when it cannot be read for the moment */
  load(thumbprint: string): Promise<DpopKey | undefined>;
  /** The session of a key is over. */
  forget(thumbprint: string): Promise<void>;
}
