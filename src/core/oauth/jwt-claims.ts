/**
 * What a JWT says, believed by nobody yet. The door to jwt-decode.
 *
 * @module
 */

import { jwtDecode } from 'jwt-decode';
import { isJsonObject, ownCopy } from '../own-members.ts';

/** The claims of a JWT. `undefined`: it is none. jwt-decode throws on opaque tokens, and returns any JSON. */
export function decodeJwtClaims(token: unknown): Readonly<Record<string, unknown>> | undefined {
  // Most tokens are opaque, and the error about it would cost as much as reading the whole answer.
  if (typeof token !== 'string' || !token.includes('.')) return undefined;
  try {
    const claims: unknown = jwtDecode(token);
    return isJsonObject(claims) ? ownCopy(claims) : undefined;
  } catch {
    return undefined; // its message may quote the token
  }
}
