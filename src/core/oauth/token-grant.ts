/**
 * What a token endpoint granted.
 *
 * @module
 */
import { nonEmptyString, omitMembers } from '../http/response-body.ts';
import { accessTokenLifetime, refreshTokenLifetime } from './lifetime.ts';
import type { ProviderProfile } from './provider-profile.ts';

/** What a token endpoint granted, read tolerantly; nothing the server sent is lost (RFC 6749 §5.1). */
export interface TokenGrant {
  readonly accessToken: string;
  /** As it was sent; `Bearer` when it is missing. */
  readonly tokenType: string;
  /** How long the access token lives, in ms from the moment the request was sent. `undefined`: unknown, used until rejected. */
  readonly lifetime: number | undefined;
  /** `undefined`: as requested. */
  readonly scope: readonly string[] | undefined;
  /** `undefined`: the old one stays. */
  readonly refreshToken: string | undefined;
  /** In ms, like `lifetime`. `undefined`: unknown; `Infinity`: without an end. */
  readonly refreshTokenLifetime: number | undefined;
  readonly idToken: string | undefined;
  /** Every other member, untouched, but for what no storage could write. */
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
 * Reads the members of a successful answer. Whatever is wrong with any of them, a successor of the refresh token that
 * came with an access token is in the result. `undefined`: no access token.
 *
 * @param now Unix ms, by the server's clock if that is known.
 * @see RFC 6749 §5.1
 */
export function readTokenGrant(
  members: Readonly<Record<string, unknown>>,
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
 * A string or, from Twitch, an array. Empty is not "no scope" but no statement: GitHub Apps and Curity send `""`.
 * GitHub and Slack separate with commas; a comma beside white space is part of a scope (RFC 6749 §3.3 allows it).
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
