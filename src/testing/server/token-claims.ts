/**
 * Claims of readable tokens (RFC 9068, RFC 7800, OpenID Connect Core §2).
 *
 * @module
 */
import type { AccessToken } from './issued-tokens.ts';

type Facts = Omit<AccessToken, 'kind' | 'text' | 'ended'>;

/** Returns the claims of an access token in the form of a JWT. */
export function accessTokenClaims(token: Facts, issuer: string, apiOrigin: string): Record<string, unknown> {
  const { id, family, scope, audience, jkt, issuedAt, expiresAt } = token;
  return {
    iss: issuer,
    sub: family.subject,
    client_id: family.clientId,
    jti: id,
    scope: scope.join(' '),
    aud: audience ?? apiOrigin,
    iat: seconds(issuedAt),
    exp: seconds(expiresAt),
    ...(jkt !== undefined && { cnf: { jkt } }),
  };
}

/** Returns the claims of the ID token of an access token. */
export function idTokenClaims(
  { family, issuedAt, expiresAt }: Facts,
  issuer: string,
): Record<string, unknown> {
  return {
    iss: issuer,
    sub: family.subject,
    aud: family.clientId,
    iat: seconds(issuedAt),
    exp: seconds(expiresAt),
    auth_time: seconds(family.startedAt),
  };
}

export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
