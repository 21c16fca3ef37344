/**
 * Checking an ID token (OpenID Connect Core §3.1.3.7). It comes after the tokens are safe, and loses none.
 *
 * @module
 */
import { claimsOf } from '../core/claims.ts';
import { LoginFailedError } from '../core/errors.ts';
import type { Expected } from './expected.ts';
import type { LoginClient } from './login-options.ts';

/** The claims of an ID token that has been checked. */
export interface IdTokenClaims {
  readonly iss: string;
  /** Names the user, for this issuer for ever. */
  readonly sub: string;
  readonly aud: string | readonly string[];
  /** Unix seconds, like all times of claims. */
  readonly exp: number;
  readonly nonce?: string;
  readonly [claim: string]: unknown;
}

/** How far clocks may be apart, in seconds. */
const tolerance = 60;

/** @throws LoginFailedError `id_token` */
export function readIdToken(
  idToken: string | undefined,
  client: LoginClient,
  expected: Expected,
): IdTokenClaims | undefined {
  if (idToken === undefined) {
    if (!expected.scope?.includes('openid')) return undefined;
    throw bad('The scope openid was asked for, and no ID token came.');
  }
  const claims = decode(idToken);
  const complaint = complaintAbout(claims, client, expected);
  if (complaint !== undefined) throw bad(complaint);
  return claims as IdTokenClaims;
}

/**
 * Checks whether an ID token belongs to another login: it has another issuer or another audience, or it was replayed. Such a token
 * must not identify the user. Returns `false` for a token that cannot be read. An issuer is compared only if the server's is known.
 */
export function isForeign(idToken: string | undefined, client: LoginClient, expected: Expected): boolean {
  const claims = claimsOf(idToken);
  return claims !== undefined && strangeness(claims, client, expected) !== undefined;
}

type Claims = Readonly<Record<string, unknown>>;

function complaintAbout(claims: Claims, client: LoginClient, expected: Expected): string | undefined {
  const { exp, auth_time: authTime } = claims;
  const now = client.clock.now() / 1000;
  if (client.server.issuer === undefined)
    return 'authorizationServer.issuer is missing, so nothing is known of its issuer.';
  const strange = strangeness(claims, client, expected);
  if (strange !== undefined) return strange;
  if (typeof exp !== 'number' || exp + tolerance <= now) return 'The ID token has expired.';
  if (expected.maxAge === undefined) return undefined;
  const fresh = typeof authTime === 'number' && authTime + expected.maxAge + tolerance >= now;
  return fresh ? undefined : 'The user did not log in as recently as max_age asks.';
}

function strangeness(
  { iss, sub, aud, azp, nonce }: Claims,
  { clientId, server }: LoginClient,
  expected: Expected,
): string | undefined {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (server.issuer !== undefined && iss !== server.issuer) return 'The ID token is from another issuer.';
  if (typeof sub !== 'string' || sub === '') return 'The ID token names no user.';
  if (!audiences.includes(clientId)) return 'The ID token is for another client.';
  if ((audiences.length > 1 || azp !== undefined) && azp !== clientId) {
    return 'The ID token was issued to another client.';
  }
  if (expected.nonce !== undefined && nonce !== expected.nonce) return 'The ID token is of another login.';
  return undefined;
}

function decode(idToken: string): Claims {
  const claims = claimsOf(idToken);
  if (claims === undefined) throw bad('The ID token cannot be read.');
  return claims;
}

function bad(message: string): LoginFailedError {
  return new LoginFailedError(message, { reason: 'id_token' });
}
