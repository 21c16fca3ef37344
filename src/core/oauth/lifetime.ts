/**
 * How long tokens live, read from whatever the server says about it.
 *
 * @module
 */

import { decodeJwtClaims } from './jwt-claims.ts';
import type { ProviderProfile } from './provider-profile.ts';

/**
 * Lifetime of an access token that is over on arrival by what its answer says, in ms. Not zero, or every call would
 * refresh; not unknown, or nobody would refresh in time.
 */
export const ASSUMED_LIFETIME: number = 60_000;

/** The longest lifetime that is believed, in ms: ten years. `1e300` and `Infinity` mean this as well. */
export const MAX_LIFETIME: number = 10 * 365 * 24 * 3_600_000;

type Members = Readonly<Record<string, unknown>>;

/**
 * The lifetime of an access token in ms: `expires_in`, else `expires_at`, else what the token says if it is a JWT, else
 * the profile's. `undefined`: unknown. What cannot be read counts as not sent.
 *
 * @param now Unix ms, by the server's clock if that is known.
 * @see RFC 6749 §5.1, where `expires_in` is optional and a number
 */
export function accessTokenLifetime(
  members: Members,
  profile: ProviderProfile | undefined,
  now: number,
): number | undefined {
  const seconds = readNumber(members['expires_in']);
  if (seconds !== undefined) return withinBounds(seconds * 1000);
  const end = readInstant(members['expires_at']);
  if (end !== undefined) return withinBounds(end - now);
  return lifetimeOfJwt(members['access_token'], now) ?? profile?.defaultLifetime;
}

/** GitHub, LinkedIn and Microsoft; Keycloak; Intuit; APIs in camel case. */
const refreshTokenMembers = [
  'refresh_token_expires_in',
  'refresh_expires_in',
  'x_refresh_token_expires_in',
  'refreshTokenExpiresIn',
];

/** The lifetime of a refresh token in ms, if the server gives a hint. `undefined`: unknown; `Infinity`: without an end. */
export function refreshTokenLifetime(members: Members, now: number): number | undefined {
  for (const name of refreshTokenMembers) {
    const seconds = readNumber(members[name]);
    // 0 is Keycloak's word for an offline token, which does not expire.
    if (seconds !== undefined) return seconds > 0 ? withinBounds(seconds * 1000) : Number.POSITIVE_INFINITY;
  }
  return lifetimeOfJwt(members['refresh_token'], now);
}

/**
 * `exp` - `iat` of a JWT: a difference of two times of the same clock, which a wrong clock of ours does not touch.
 * Only a hint, so whatever makes no sense is no hint.
 */
function lifetimeOfJwt(token: unknown, now: number): number | undefined {
  const claims = decodeJwtClaims(token);
  const end = readInstant(claims?.['exp']);
  if (end === undefined) return undefined;
  const lifetime = end - (readInstant(claims?.['iat']) ?? now);
  return lifetime >= 1 ? withinBounds(lifetime) : undefined;
}

function withinBounds(lifetime: number): number {
  return lifetime >= 1 ? Math.min(Math.floor(lifetime), MAX_LIFETIME) : ASSUMED_LIFETIME;
}

/** A number, or one in a string: GitHub's samples and Entra's v1 endpoint have `"28800"`. */
function readNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && !Number.isNaN(number) ? number : undefined;
}

/** A time in Unix seconds, or in Unix ms if it would lie beyond the year 5000, as Unix ms. */
function readInstant(value: unknown): number | undefined {
  const instant = readNumber(value);
  return instant === undefined || instant > 1e11 ? instant : instant * 1000;
}
