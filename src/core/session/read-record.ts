/**
 * Validates stored values: checks which of them are sessions of this client, and which of their access tokens can be sent.
 *
 * @module
 */

import { fingerprint } from '../fingerprint.ts';
import type { ProviderProfile } from '../oauth/provider-profile.ts';
import { isJsonObject, ownCopy } from '../own-members.ts';
import { type AccessToken, type Failure, longestPause, type SessionRecord } from './session-record.ts';

/** The reason why a stored value is not a session of this client. */
export type RecordRejection =
  | 'corrupt'
  | 'key lost'
  | 'newer schema'
  | 'other schema'
  | 'other client'
  | 'other issuer';

/** The value that an encrypting storage returns in place of a record whose key no longer exists. */
export const keyLost: unique symbol = Symbol('key lost');

/** The owner of the sessions. */
export interface SessionOwner {
  readonly clientId: string;
  /** Names of the authorization server. Empty: not known yet. */
  readonly issuers: readonly string[];
  /** `true`: the server has a name without a request, so each of its sessions has one as well. */
  readonly isNamed: boolean;
  readonly profile: ProviderProfile | undefined;
}

/** Reads a stored value. Returns the reason for a value that is not a session of `owner`. Never throws. */
export function readRecord(value: unknown, owner: SessionOwner): SessionRecord | RecordRejection {
  if (value === keyLost) return 'key lost';
  const record: Record<string, unknown> = isJsonObject(value) ? ownCopy(value) : {};
  const schema = record['schema'];
  if (typeof schema !== 'number') return 'corrupt';
  if (schema !== 1) return isNewer(schema) ? 'newer schema' : 'other schema';
  if (!hasRecordShape(record)) return 'corrupt';
  if (record.clientId !== owner.clientId) return 'other client';
  return isOwnedBy(record, owner) ? normalize(record, owner.profile) : 'other issuer';
}

/** Checks for a newer schema. Each version of the schema has a higher number. */
const isNewer = (schema: number): boolean => Number.isSafeInteger(schema) && schema > 1;

/**
 * Returns a normalised record: its parts have own members only, so a polluted prototype adds none; it has no access tokens of a
 * type that cannot be sent; and the times of its failures are limited.
 *
 * Markers of another refresh token are removed. tokenkeep removes them whenever it replaces the refresh token, but a program
 * without support for markers keeps them. The new refresh token was neither sent nor refused, so the old markers could end the
 * session for a wrong reason.
 */
function normalize(record: SessionRecord, profile: ProviderProfile | undefined): SessionRecord {
  const { refreshToken = '', pendingRefresh, failure, variantFailures } = record;
  const current = pendingRefresh === undefined && failure === undefined ? 0 : fingerprint(refreshToken);
  const accessTokens: Record<string, AccessToken> = Object.create(null);
  for (const [variant, accessToken] of Object.entries(record.accessTokens)) {
    if (authorizationScheme(accessToken.type, profile) !== undefined)
      accessTokens[variant] = ownCopy(accessToken);
  }
  return Object.assign(record, {
    accessTokens,
    pendingRefresh: pendingRefresh?.fingerprint === current ? ownCopy(pendingRefresh) : undefined,
    failure: (failure?.fingerprint ?? current) === current ? withBounds(failure) : undefined,
    variantFailures: variantFailures && withEachBounded(variantFailures),
  });
}

function withEachBounded(failures: Readonly<Record<string, Failure>>): Readonly<Record<string, Failure>> {
  const bounded = Object.create(null) as Record<string, Failure | undefined>;
  for (const [variant, failure] of Object.entries(failures)) bounded[variant] = withBounds(failure);
  return bounded as Record<string, Failure>;
}

function withBounds(failure: Failure | undefined): Failure | undefined {
  if (failure === undefined) return undefined;
  const { at, until, since = at } = failure;
  const bounds = { until: Math.min(until, at + longestPause), since: Math.min(since, at) };
  return Object.assign(ownCopy(failure), { ...bounds, refusals: ownCopy(failure.refusals) });
}

/**
 * Checks whether the authorization server of `owner` issued a session, as far as both are known. A session without an issuer began
 * before discovery had found the issuer.
 */
export function isOwnedBy(
  record: Pick<SessionRecord, 'issuer'>,
  owner: Pick<SessionOwner, 'issuers' | 'isNamed'>,
): boolean {
  if (record.issuer === undefined) return !owner.isNamed;
  return owner.issuers.length === 0 || owner.issuers.includes(record.issuer);
}

/**
 * Returns the authentication scheme for a `token_type`, in any case. `undefined`: the type is not supported, so its token must
 * not be used.
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
 * Checks whether an access token can be sent in a header unchanged: visible ASCII without spaces, so it cannot end
 * the header, start another or be taken for parameters. Wider than `b64token`: real tokens have `|` and `:` as well.
 *
 * @see RFC 6750 §2.1, RFC 6749 appendix A.12
 */
export function isSendable(accessToken: string): boolean {
  return /^[!-~]+$/.test(accessToken);
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string' && value !== '';
const isTime: Check = (value) => typeof value === 'number' && Number.isFinite(value);
/** Checks for a count of at least 1. */
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 1;
const isScope: Check = (value) => Array.isArray(value) && value.every((part) => typeof part === 'string');
const isFlag: Check = (value) => typeof value === 'boolean';

/** The shape of an object: a check for each optional member, an array with the check for each required one. */
type Shape = Readonly<Record<string, Check | readonly [Check]>>;

const recordShape: Shape = {
  clientId: [isText],
  login: isText,
  subject: isText,
  issuer: isText,
  thumbprint: isText,
  refreshToken: isText,
  refreshTokenExpiresAt: isTime,
  refreshTokenEnd: (value) => matchesShape(expectedExpiryShape)(value),
  scope: isScope,
  lastScopeNarrowed: isFlag,
  narrowsScope: isFlag,
  idToken: isText,
  extra: isJsonObject,
  accessTokens: [
    (value) => isJsonObject(value) && Object.values(value).every(matchesShape(accessTokenShape)),
  ],
  pendingRefresh: (value) => matchesShape(pendingRefreshShape)(value),
  failure: (value) => matchesShape(failureShape)(value),
  variantFailures: (value) => isJsonObject(value) && Object.values(value).every(matchesShape(failureShape)),
};
const expectedExpiryShape: Shape = { at: [isTime], since: [isTime] };
const accessTokenShape: Shape = {
  token: [(value) => typeof value === 'string' && isSendable(value)],
  type: [isText],
  issuedAt: [isTime],
  expiresAt: isTime,
  scope: isScope,
};
const pendingRefreshShape: Shape = {
  fingerprint: [isTime],
  since: [isTime],
  latest: [isTime],
  sends: [isCount],
  by: [isText],
};
const failureShape: Shape = {
  kind: [(value) => value === 'transient' || value === 'client' || value === 'interaction-required'],
  at: [isTime],
  until: [isTime],
  count: [isCount],
  fingerprint: isTime,
  since: isTime,
  refusals: (value) => matchesShape(refusalsShape)(value),
  variant: (value) => typeof value === 'string',
  status: isTime,
  offline: isFlag,
  error: isText,
  description: isText,
  details: isJsonObject,
};
const refusalsShape: Shape = {
  count: [isCount],
  since: [isTime],
  stuck: (value) => value === 'refresh_refused' || value === 'response_lost' || value === 'configuration',
};

function matchesShape(shape: Shape): Check {
  return (value) =>
    isJsonObject(value) &&
    Object.entries(shape).every(([name, entry]) => {
      const [check, required] = typeof entry === 'function' ? [entry, false] : [entry[0], true];
      return Object.hasOwn(value, name) && value[name] !== undefined ? check(value[name]) : !required;
    });
}

/** Checks whether a value has the shape of a record, and so can be read again once it is stored. */
export function isRecord(value: unknown): value is SessionRecord {
  return isJsonObject(value) && hasRecordShape(ownCopy(value));
}

/**
 * Checks the members of a record.
 *
 * @param value has own members only.
 */
function hasRecordShape(value: object): value is SessionRecord {
  return matchesShape(recordShape)(value) && hasMatchingTokenTypes(value as SessionRecord);
}

/** Checks the law of possession: a record with a key has only tokens for it, and one without a key has none. */
function hasMatchingTokenTypes({ thumbprint, accessTokens }: SessionRecord): boolean {
  return Object.values(accessTokens).every(
    ({ type }) => (type.toLowerCase() === 'dpop') === (thumbprint !== undefined),
  );
}
