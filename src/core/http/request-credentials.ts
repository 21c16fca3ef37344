/**
 * The credentials of a request to a protected resource: a bearer token, a DPoP-bound token with a proof, or cookies.
 *
 * @module
 */

import { isPlainObject } from '../own-members.ts';
import type { HeadersInit } from '../platform-types.ts';
import type { BodyKind } from './request-body.ts';

/** The request that {@link RequestCredentials.send} sends. */
export interface CredentialedRequest {
  readonly method: string;
  readonly url: string;
  /** A request with a `one-shot` body is sent only once. */
  readonly kind: BodyKind;
}

/**
 * Attaches the credentials to a copy of the request's `init` and passes the request to the transport.
 *
 * @param proof for {@link RequestCredentials.attach}.
 * @param isAgain `true`: the request was already sent, with another proof.
 */
export type Transmit = (proof?: string, isAgain?: boolean) => Promise<Response>;

/**
 * The credentials for the requests of a session: {@link bearerCredentials}, `DpopKey.credentials` for tokens that are bound to a
 * key, or those of `tokenHandler()` for a session in cookies. One object serves all access tokens: the token is passed to it.
 */
export interface RequestCredentials {
  /**
   * `false`: {@link attach} is synchronous and complete, so a request can be sent during the call. `true`: each request needs its
   * own proof, which {@link send} creates.
   */
  readonly needsProof: boolean;
  /** Adds the credentials to `init`, which must be a copy of tokenkeep's own. */
  attach(init: RequestInit, accessToken: string, proof: string | undefined): void;
  /** Sends a request. Sends it once more if the server rejected only its proof. */
  send(
    request: CredentialedRequest,
    accessToken: string,
    transmit: Transmit,
    now: () => number,
  ): Promise<Response>;
}

/** Sends an access token unchanged (RFC 6750). */
export const bearerCredentials: RequestCredentials = {
  needsProof: false,
  attach(init, accessToken) {
    const { headers } = init;
    const authorization = `Bearer ${accessToken}`;
    if (headers === undefined) init.headers = { authorization };
    else if (isHeaderRecord(headers)) headers['authorization'] = authorization;
    else (headers as Headers).set('authorization', authorization);
  },
  send: (_request, _accessToken, transmit) => transmit(),
};

/** Returns a copy that may be changed. */
export function copyHeaders(headers: HeadersInit): HeadersInit {
  return isHeaderRecord(headers) ? { ...headers } : new Headers(headers);
}

/** Checks whether headers are names and values. `fetch` reads every iterable as a list of pairs. */
export function isHeaderRecord(headers: object): headers is Record<string, string> {
  return isPlainObject(headers) && !(Symbol.iterator in headers);
}
