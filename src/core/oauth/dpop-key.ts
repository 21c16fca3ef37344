/**
 * The contracts of DPoP (RFC 9449). `tokenkeep/dpop` implements them, so that only applications that import it load the code.
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
 * Stores the keys of sessions by their thumbprints (RFC 7638). A key is written once and never replaced.
 *
 * The laws, each proven by `keyStorageConformance` in `tokenkeep/testing`:
 *
 * - `key-1`: A resolved `write` is durable and visible to everyone within `reach`. A key that is read signs like the
 *   one that was written.
 * - `key-2`: `read` returns `undefined` if nothing is stored, or if what is stored is no longer a key pair: the key
 *   is lost, and so is its session. A key that cannot be read at the moment rejects with a `StorageError` instead,
 *   which ends no session.
 * - `key-3`: `delete` succeeds also if nothing is stored.
 */
export interface KeyStorage {
  readonly reach: Reach;
  /** `true`: this storage can only store exported keys, so keys are generated extractable. @default false */
  readonly exports?: boolean;
  /** Returns the key. `undefined`: it is lost. @throws StorageError if it cannot be read for the moment */
  read(thumbprint: string): Promise<CryptoKeyPair | undefined>;
  /** Stores a key. @throws StorageError */
  write(thumbprint: string, keys: CryptoKeyPair): Promise<void>;
  /** Deletes a key. @throws StorageError */
  delete(thumbprint: string): Promise<void>;
}

/** Checks whether a stored value is a key pair. Engines that can no longer unlock a key return `null` in its place. */
export function isKeyPair(value: unknown): value is CryptoKeyPair {
  const { privateKey, publicKey } = (value ?? {}) as Partial<Record<keyof CryptoKeyPair, unknown>>;
  return isInstance(privateKey, 'CryptoKey') && isInstance(publicKey, 'CryptoKey');
}

/** The request that a proof is made for. */
export interface ProofRequest {
  /** Server that checks the proof. Each server has its own nonces and clock. */
  readonly verifier: 'authorization server' | 'protected resource';
  readonly method: string;
  /** URL of the request. The proof omits its query and fragment. */
  readonly url: string;
  /** The access token that the request carries. */
  readonly accessToken?: string | undefined;
  /** Time in Unix ms. @default the platform's time */
  readonly now?: number | undefined;
  /** Nonce of the server. @default the latest one that it has sent */
  readonly nonce?: string | undefined;
}

/** A request to the token endpoint that can be repeated if the server rejected only its proof. */
export interface ProvenTokenRequest extends BuiltRequest {
  /**
   * Reads a response. Returns a function that creates the request that the server requires instead: with its nonce, another
   * proof, and another client assertion (RFC 7523 §3). `undefined`: the response is final.
   *
   * @throws Error if the server requires a nonce that it does not send.
   */
  onResponse?(response: RawTokenResponse, headers: Headers): (() => Promise<BuiltRequest>) | undefined;
}

/** A key in use. It never exposes its private half. */
export interface DpopKey {
  /** Name of the key: `dpop_jkt` of an authorization request, `cnf.jkt` of a token. */
  readonly thumbprint: string;
  /** Returns a new proof for one request: the value of its `DPoP` header. For requests of your own. */
  prove(request: ProofRequest): Promise<string>;
  /**
   * Authorises requests with access tokens that are bound to this key. Each request is sent with its own proof, and once more
   * with another one if the server rejected only the proof: that is no evidence against the token.
   */
  readonly credentials: RequestCredentials;
  /** Creates a token request with a proof. @throws the errors of `make` and of signing */
  request(make: () => Promise<BuiltRequest>, now: () => number): Promise<ProvenTokenRequest>;
}

/** Binds sessions to keys. Made by `dpop()` of `tokenkeep/dpop`. Pass the same one to a manager and its logins. */
export interface Dpop {
  /** Reach of its key storage. */
  readonly reach: Reach;
  /** `true`: sessions that are not bound to a key are used, with bearer tokens. */
  readonly allowsBearerTokens: boolean;
  /** Explains in an error message why the tokens of a login with this scheme are rejected. */
  explainTokenType(scheme: 'Bearer' | 'DPoP'): string;
  /** Creates and stores the key of a session that begins without a login. */
  createSessionKey(): Promise<{ readonly thumbprint?: string }>;
  /** Creates a key in memory. */
  generate(): Promise<DpopKey>;
  /** Stores a key. Call it before you request tokens with the key. */
  keep(key: DpopKey): Promise<void>;
  /** Returns the key with this thumbprint. `undefined`: it is lost. @throws StorageError if it cannot be read at the moment */
  load(thumbprint: string): Promise<DpopKey | undefined>;
  /** Deletes the key of a session that has ended. */
  forget(thumbprint: string): Promise<void>;
}
