/**
 * What may stand in an `Authorization` header.
 *
 * @module
 */
import type { ProviderProfile } from './provider-profile.ts';

/**
 * The authentication scheme for a `token_type`, whatever its case. `undefined`: a type that we do not understand, and
 * its token must not be used.
 *
 * @see RFC 6749 §7.1, RFC 9449 §5
 */
export function authorizationScheme(
  tokenType: string,
  profile: ProviderProfile | undefined,
): 'Bearer' | 'DPoP' | undefined {
  const type = tokenType.toLowerCase();
  if (type === 'bearer') return 'Bearer';
  if (type === 'dpop') return 'DPoP';
  return profile?.bearerTypes?.some((bearer) => bearer.toLowerCase() === type) ? 'Bearer' : undefined;
}

/**
 * Tells whether an access token can stand in a header as it is: visible ASCII without spaces, so it cannot end the
 * header, start another or be taken for parameters. Wider than `b64token`: real tokens have `|` and `:` as well.
 *
 * @see RFC 6750 §2.1, RFC 6749 appendix A.12
 */
export function isSendable(accessToken: string): boolean {
  return /^[!-~]+$/.test(accessToken);
}
