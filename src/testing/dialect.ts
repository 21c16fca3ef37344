/**
 * How a server words what it says, where that is not as the standards word it. Data: nothing else depends on it.
 *
 * @module
 */
import type { TokenResponse } from '../core/token-set.ts';
import type { Members } from './faults.ts';
import { answerTo, type OAuthErrorCode, OAuthRefusal } from './oauth-refusal.ts';
import type { Answer } from './wire.ts';
import { json } from './wire.ts';

/**
 * How a server words what it says. What is left out is as the standards have it.
 *
 * @example A server with a member of its own, and another word for a dead refresh token
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
  /** `false`: authorization responses do not say who the issuer is (RFC 9207). */
  readonly namesIssuer?: boolean;
  /** The members of a granted answer, in order. What is `undefined` is not sent. */
  readonly granted?: (tokens: TokenResponse) => Members;
  /** `true`: granted answers are forms, unless the request asks for JSON by `Accept`. */
  readonly formsUnlessAsked?: boolean;
  /** What the token endpoint answers to requests that are refused, by the error code of the standard. */
  readonly refused?: Readonly<Partial<Record<OAuthErrorCode, Answer>>>;
  /** What the revocation endpoint answers when the token is dead. */
  readonly revoked?: Answer;
  /** The only kind of token that the revocation endpoint knows. */
  readonly revokes?: 'access_token' | 'refresh_token';
  /** How bodies of revocation requests must be encoded. @default like those of token requests */
  readonly revocationEncoding?: 'form' | 'json';
}

/** The answer to a token request that is granted. */
export function grantedAnswer(dialect: Dialect, tokens: TokenResponse, accept: string | null): Answer {
  const members = dialect.granted?.(tokens) ?? tokens;
  const answer = json(200, members, { pragma: 'no-cache' });
  if (dialect.formsUnlessAsked !== true || accept?.includes('application/json')) return answer;
  const pairs = Object.entries(members).filter(([, value]) => value !== undefined);
  return {
    ...answer,
    headers: { ...answer.headers, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString(),
  };
}

/** The answer to an error that the server's code threw: a refusal is one, everything else is a defect and goes on. */
export function refusedAnswer(dialect: Dialect, error: unknown): Answer {
  const own = error instanceof OAuthRefusal ? dialect.refused?.[error.code] : undefined;
  return own ?? answerTo(error);
}
