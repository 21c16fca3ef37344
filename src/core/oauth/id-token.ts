/**
 * The ID token that a refresh brings: the same user, of the same issuer, for the same client as the one before it.
 *
 * @module
 */
import { decodeJwtClaims } from './jwt-claims.ts';

/** What is wrong with an ID token: the claim that contradicts, or that nobody can read it. */
export type IdTokenMismatch = 'iss' | 'sub' | 'aud' | 'nonce' | 'unreadable';

/**
 * What keeps `next` from taking the place of `before`. `undefined`: nothing. Pure, total and quick: it delays nothing, and no
 * token is lost by it.
 *
 * @param issuers names of the same server, if it has several: one may follow the other.
 * @see OpenID Connect Core §12.2
 */
export function findIdTokenMismatch(
  next: string | undefined,
  before: string | undefined,
  clientId: string,
  issuers: readonly unknown[] = [],
): IdTokenMismatch | undefined {
  if (next === undefined || next === before) return undefined;
  const old = decodeJwtClaims(before);
  // Nothing to compare with: it is the application's to judge, as the one of the login was.
  if (old === undefined) return undefined;
  const claims = decodeJwtClaims(next);
  if (claims === undefined) return 'unreadable';
  const isRenamed = [claims['iss'], old['iss']].every((issuer) => issuers.includes(issuer));
  if (claims['iss'] !== old['iss'] && !isRenamed) return 'iss';
  if (claims['sub'] !== old['sub']) return 'sub';
  if (audienceIncludes(old['aud'], clientId) && !audienceIncludes(claims['aud'], clientId)) return 'aud';
  return claims['nonce'] === undefined || claims['nonce'] === old['nonce'] ? undefined : 'nonce';
}

function audienceIncludes(audience: unknown, clientId: string): boolean {
  return Array.isArray(audience) ? audience.includes(clientId) : audience === clientId;
}
