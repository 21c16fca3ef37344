/**
 * Validation of an ID token (OpenID Connect Core §3.1.3.7). It runs after the tokens are stored, and loses none.
 *
 * @module
 */

import { LoginFailedError } from '../core/errors.ts';
import { decodeJwtClaims } from '../core/oauth/jwt-claims.ts';
import type { LoginExpectations } from './login-expectations.ts';
import type { LoginClient } from './login-options.ts';

/** The claims of a validated ID token. */
export interface IdTokenClaims {
  readonly iss: string;
  /** Identifies the user at this issuer permanently. */
  readonly sub: string;
  readonly aud: string | readonly string[];
  /** Unix seconds, like all times of claims. */
  readonly exp: number;
  readonly nonce?: string;
  readonly [claim: string]: unknown;
}

/** Tolerance for clock differences, in seconds. */
const clockTolerance = 60;

/** @throws LoginFailedError `id_token` */
export function validateIdToken(
  idToken: string | undefined,
  client: LoginClient,
  expected: LoginExpectations,
): IdTokenClaims | undefined {
  if (idToken === undefined) {
    if (!expected.scope?.includes('openid')) return undefined;
    throw invalidIdToken('The scope openid was requested, but the response contains no ID token.');
  }
  const claims = decode(idToken);
  const problem = validationError(claims, client, expected);
  if (problem !== undefined) throw invalidIdToken(problem);
  return claims as IdTokenClaims;
}

/**
 * Returns whether an ID token belongs to another login: it has another issuer or audience, or it was replayed. Such a token must not
 * identify the user. Returns `false` for a token that cannot be read. An issuer is compared only if the server's issuer is available.
 */
export function isIdTokenOfOtherLogin(
  idToken: string | undefined,
  client: LoginClient,
  expected: LoginExpectations,
): boolean {
  const claims = decodeJwtClaims(idToken);
  return claims !== undefined && mismatchOf(claims, client, expected) !== undefined;
}

type Claims = Readonly<Record<string, unknown>>;

function validationError(
  claims: Claims,
  client: LoginClient,
  expected: LoginExpectations,
): string | undefined {
  const { exp, auth_time: authTime } = claims;
  const now = client.clock.Date.now() / 1000;
  if (client.server.issuer === undefined)
    return 'authorizationServer.issuer is missing, so the issuer of the ID token cannot be checked.';
  const mismatch = mismatchOf(claims, client, expected);
  if (mismatch !== undefined) return mismatch;
  if (typeof exp !== 'number' || exp + clockTolerance <= now) return 'The ID token has expired.';
  if (expected.maxAge === undefined) return undefined;
  const fresh = typeof authTime === 'number' && authTime + expected.maxAge + clockTolerance >= now;
  return fresh ? undefined : 'The user did not log in as recently as max_age requires.';
}

function mismatchOf(
  { iss, sub, aud, azp, nonce }: Claims,
  { clientId, server }: LoginClient,
  expected: LoginExpectations,
): string | undefined {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (server.issuer !== undefined && iss !== server.issuer) return 'The ID token is from another issuer.';
  if (typeof sub !== 'string' || sub === '') return 'The ID token names no user.';
  if (!audiences.includes(clientId)) return 'The ID token is for another client.';
  if ((audiences.length > 1 || azp !== undefined) && azp !== clientId) {
    return 'The ID token was issued to another client.';
  }
  if (expected.nonce !== undefined && nonce !== expected.nonce)
    return 'The ID token belongs to another login.';
  return undefined;
}

function decode(idToken: string): Claims {
  const claims = decodeJwtClaims(idToken);
  if (claims === undefined) throw invalidIdToken('The ID token cannot be read.');
  return claims;
}

function invalidIdToken(message: string): LoginFailedError {
  return new LoginFailedError(message, { reason: 'id_token' });
}
