/**
 * The claims of a JWT, which is not verified here, and the rules for two ID tokens of one session. Only this module imports
 * jwt-decode.
 *
 * @module
 */

import { jwtDecode } from 'jwt-decode';
import { isJsonObject, ownCopy } from '../own-members.ts';

/**
 * Returns the claims of a JWT, or `undefined` for any other text. jwt-decode throws on opaque tokens, and returns any
 * JSON.
 */
export function decodeJwtClaims(token: unknown): Readonly<Record<string, unknown>> | undefined {
  // Most tokens are opaque, and creating the error would cost as much as reading the whole response.
  if (typeof token !== 'string' || !token.includes('.')) return undefined;
  try {
    const claims: unknown = jwtDecode(token);
    return isJsonObject(claims) ? ownCopy(claims) : undefined;
  } catch {
    return undefined; // its message may quote the token
  }
}

/** The mistake in an ID token: the name of the contradictory claim, or that the token is unreadable. */
export type IdTokenMismatch = 'iss' | 'sub' | 'aud' | 'nonce' | 'unreadable';

/**
 * Returns the reason why `next` must not replace `before`, or `undefined`. Pure, total and fast: it delays nothing, and loses no
 * token.
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
  // There is no previous ID token, so the application judges this one, like that of the login.
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
