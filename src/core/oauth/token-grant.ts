/**
 * Parses the body of a token endpoint's response, and the grant in it. No body makes these functions throw.
 *
 * @module
 */

import { isJsonObject, ownCopy } from '../own-members.ts';
import { decodeJwtClaims } from './jwt-claims.ts';
import type { ProviderProfile } from './provider-profile.ts';

type Members = Readonly<Record<string, unknown>>;

/**
 * Reads a body as JSON or, if it has the members of a response, as a form. The content decides, because servers send JSON as
 * `text/html` and forms as `text/plain`. `undefined`: the body is neither, so it does not come from a token endpoint.
 *
 * @see RFC 6749 §5.1, §5.2: responses are JSON. GitHub's are forms.
 */
export function parseBody(body: string): unknown {
  const text = body.trim(); // a byte order mark counts as white space
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? ownCopy(value) : value;
  } catch {
    return parseForm(text);
  }
}

function parseForm(text: string): Record<string, string> | undefined {
  // Pages contain links like ?next=%2F&error=1, so text with a tag or several lines is not a form.
  if (!text.includes('=') || /[<\r\n]/.test(text)) return undefined;
  const form = new URLSearchParams(text);
  return form.has('access_token') || form.has('error') ? ownCopy(Object.fromEntries(form)) : undefined;
}

/** Returns the value if it is a string with content. */
export function nonEmptyString(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * Maximum depth of nested members. `JSON.parse` reads a hundred thousand levels, but serialising them overflows the stack, and
 * the successor of the refresh token would never be stored.
 */
const maxDepth = 32;

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((member) => isShallow(member, levels - 1));
}

/**
 * Returns a copy of an object without some of its members, and without values that no storage could write. `__proto__` is always
 * omitted: `JSON.parse` creates it as an ordinary member, but assigning it to another object sets a prototype.
 */
export function omitMembers(
  members: Readonly<Record<string, unknown>>,
  names: ReadonlySet<string>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(members).filter(
      ([name, value]) => name !== '__proto__' && !names.has(name) && isShallow(value, maxDepth),
    ),
  );
}

/** Checks whether a response is an error, regardless of its status: GitHub and Slack refuse with a 200. */
export function namesError(members: Members): boolean {
  return nonEmptyString(members['error']) !== undefined || members['ok'] === false;
}

/** The tokens that a token endpoint granted, read tolerantly; nothing the server sent is lost (RFC 6749 §5.1). */
export interface TokenGrant {
  readonly accessToken: string;
  /** Type as sent by the server. @default 'Bearer' */
  readonly tokenType: string;
  /**
   * Lifetime of the access token, in ms from the time at which the request was sent. `undefined`: unknown, used until rejected.
   */
  readonly lifetime: number | undefined;
  /** Granted scope. `undefined`: as requested. */
  readonly scope: readonly string[] | undefined;
  /** New refresh token. `undefined`: the previous one stays. */
  readonly refreshToken: string | undefined;
  /** Lifetime of the refresh token, in ms like `lifetime`. `undefined`: unknown; `Infinity`: unlimited. */
  readonly refreshTokenLifetime: number | undefined;
  readonly idToken: string | undefined;
  /** All other members, unchanged, except values that no storage could write. */
  readonly extra: Readonly<Record<string, unknown>>;
}

const standardMembers: ReadonlySet<string> = new Set([
  'access_token',
  'token_type',
  'expires_in',
  'scope',
  'refresh_token',
  'id_token',
]);

/**
 * Reads the members of a successful response. A successor of the refresh token that arrived with an access token is always in the
 * result, even if other members are invalid. `undefined`: there is no access token.
 *
 * @param now Unix ms, by the server's clock if that is known.
 * @see RFC 6749 §5.1
 */
export function readTokenGrant(
  members: Members,
  profile: ProviderProfile | undefined,
  now: number,
): TokenGrant | undefined {
  const accessToken = nonEmptyString(members['access_token']);
  if (accessToken === undefined) return undefined;
  return {
    accessToken,
    tokenType: nonEmptyString(members['token_type']) ?? 'Bearer',
    lifetime: accessTokenLifetime(members, profile, now),
    scope: readScope(members['scope']),
    refreshToken: nonEmptyString(members['refresh_token']),
    refreshTokenLifetime: refreshTokenLifetime(members, now),
    idToken: nonEmptyString(members['id_token']),
    extra: omitMembers(members, standardMembers),
  };
}

/**
 * Reads a scope: a string or, from Twitch, an array. An empty one counts as not sent: GitHub Apps and Curity send `""`. GitHub
 * and Slack separate with commas; a comma beside white space is part of a scope (RFC 6749 §3.3 allows it).
 */
function readScope(value: unknown): readonly string[] | undefined {
  const parts: readonly unknown[] =
    typeof value === 'string' ? value.trim().split(/\s/.test(value.trim()) ? /\s+/ : ',') : asArray(value);
  const scope = parts.filter((part) => nonEmptyString(part) !== undefined) as string[];
  return scope.length === 0 ? undefined : scope;
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/**
 * Lifetime of an access token that has already expired when its response arrives, in ms. With zero, every call would refresh.
 * With an unknown lifetime, it would not be refreshed in time.
 */
export const ASSUMED_LIFETIME: number = 60_000;

/** Longest accepted lifetime, in ms: ten years. `1e300` and `Infinity` are limited to it as well. */
export const MAX_LIFETIME: number = 10 * 365 * 24 * 3_600_000;

/**
 * Returns the lifetime of an access token in ms: `expires_in`, else `expires_at`, else the claims if it is a JWT,
 * else the profile's. `undefined`: unknown. Values that cannot be read count as not sent.
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

/** Members for the lifetime of a refresh token: GitHub, LinkedIn and Microsoft; Keycloak; Intuit; APIs in camel case. */
const refreshTokenMembers = [
  'refresh_token_expires_in',
  'refresh_expires_in',
  'x_refresh_token_expires_in',
  'refreshTokenExpiresIn',
];

/** Returns the lifetime of a refresh token in ms, if the server gives a hint. `undefined`: unknown; `Infinity`: unlimited. */
export function refreshTokenLifetime(members: Members, now: number): number | undefined {
  for (const name of refreshTokenMembers) {
    const seconds = readNumber(members[name]);
    // Keycloak sends 0 for an offline token, which does not expire.
    if (seconds !== undefined) return seconds > 0 ? withinBounds(seconds * 1000) : Number.POSITIVE_INFINITY;
  }
  return lifetimeOfJwt(members['refresh_token'], now);
}

/**
 * Returns `exp` - `iat` of a JWT. Both times are of the same clock, so an error of our clock has no effect. It is only a hint, so
 * an invalid value is ignored.
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

/** Reads a number, or one in a string: GitHub's samples and Entra's v1 endpoint have `"28800"`. */
function readNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && !Number.isNaN(number) ? number : undefined;
}

/** Reads a time in Unix seconds, or in Unix ms if it would be after the year 5000. Returns Unix ms. */
function readInstant(value: unknown): number | undefined {
  const instant = readNumber(value);
  return instant === undefined || instant > 1e11 ? instant : instant * 1000;
}
