/**
 * Deviations of a server's responses from the standards. Only data: nothing else depends on it.
 *
 * @module
 */
import type { TokenResponse } from '../../core/oauth/token-set.ts';
import type { JsonMembers } from './faults.ts';
import type { ServerResponse } from './http-exchange.ts';
import { json } from './http-exchange.ts';
import { type OAuthErrorCode, OAuthServerError, responseToError } from './oauth-server-error.ts';

/**
 * The deviations of a server's responses. Omitted parts follow the standards.
 *
 * @example A server with an additional member, and another code for a dead refresh token
 * ```ts
 * import { authorizationServer, type Dialect } from 'tokenkeep/testing';
 *
 * const dialect: Dialect = {
 *   granted: (tokens) => ({ ...tokens, tenant: 'acme' }),
 *   refused: { invalid_grant: { status: 403, headers: {}, body: '{"error":"dead"}' } },
 * };
 * const server = authorizationServer({ dialect });
 * ```
 */
export interface Dialect {
  /** `false`: authorization responses do not name the issuer (RFC 9207). */
  readonly namesIssuer?: boolean;
  /** The members of a granted response, in order. `undefined` members are not sent. */
  readonly granted?: (tokens: TokenResponse) => JsonMembers;
  /** `true`: granted responses are forms, unless the request's `Accept` header asks for JSON. */
  readonly formUnlessJsonAccepted?: boolean;
  /** Responses of the token endpoint to refused requests, by the error code of the standard. */
  readonly refused?: Readonly<Partial<Record<OAuthErrorCode, ServerResponse>>>;
  /** Response of the revocation endpoint if the token is dead. */
  readonly revoked?: ServerResponse;
  /** The only kind of token that the revocation endpoint accepts. */
  readonly revokes?: 'access_token' | 'refresh_token';
  /** Encoding of the bodies of revocation requests. @default like those of token requests */
  readonly revocationEncoding?: 'form' | 'json';
}

/** Returns the response to a granted token request. */
export function grantedResponse(
  dialect: Dialect,
  tokens: TokenResponse,
  accept: string | null,
): ServerResponse {
  const members = dialect.granted?.(tokens) ?? tokens;
  const response = json(200, members, { pragma: 'no-cache' });
  if (dialect.formUnlessJsonAccepted !== true || accept?.includes('application/json')) return response;
  const pairs = Object.entries(members).filter(([, value]) => value !== undefined);
  return {
    ...response,
    headers: { ...response.headers, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString(),
  };
}

/** Returns the response to an error of the server's code. A refusal becomes a response, every other error is thrown again. */
export function refusedResponse(dialect: Dialect, error: unknown): ServerResponse {
  const own = error instanceof OAuthServerError ? dialect.refused?.[error.code] : undefined;
  return own ?? responseToError(error);
}
