/**
 * What is stored of a session: one record, written whole. Immutable; every change makes a new one.
 *
 * @module
 */

import { fingerprint } from '../fingerprint.ts';
import type { ProviderProfile } from '../oauth/provider-profile.ts';
import type { ServerErrorDetails } from '../oauth/server-error-details.ts';
import type { TokenSet } from '../oauth/token-set.ts';
import { authorizationScheme, isSendable } from '../oauth/token-type.ts';
import { ownMembers, withChanges } from '../own-members.ts';
import type { Secrets } from '../redact.ts';
import { loginIdentityOf } from './login-identity.ts';

/** An access token as it is kept. */
export interface AccessToken {
  readonly token: string;
  readonly type: string;
  /** When the request for it was sent, in Unix ms of the clock of who sent it. */
  readonly issuedAt: number;
  /** In Unix ms of the same clock. `undefined`: not known. */
  readonly expiresAt?: number | undefined;
  readonly scope?: readonly string[] | undefined;
}

/** The pending-refresh marker: a refresh token is being spent, or was when its spender died. */
export interface PendingRefresh {
  /** Which one, by its {@link fingerprint}. A marker that is not about the refresh token beside it is over. */
  readonly fingerprint: number;
  /** When it was first sent, in Unix ms. */
  readonly since: number;
  /** When it was last sent, in Unix ms. */
  readonly latest: number;
  /** How often it was sent without an answer. */
  readonly sends: number;
  /** Who sends it: a random name of a manager. */
  readonly by: string;
}

/** A remembered failure of the record's refresh token, so that not everyone has to find out. */
export interface Failure extends ServerErrorDetails {
  readonly kind: 'transient' | 'client' | 'interaction-required';
  /** When it happened, and when to try again at the earliest, in Unix ms. */
  readonly at: number;
  readonly until: number;
  /** How many in a row. */
  readonly count: number;
  /** The refresh token that it is about, by its {@link fingerprint}. */
  readonly fingerprint?: number | undefined;
  /** When the first of the failures in a row happened, in Unix ms. */
  readonly since?: number | undefined;
  /** Those in a row that were refusals: the server looked at the request. */
  readonly refusals?: Refusals | undefined;
  /** `true`: there was no network. */
  readonly offline?: boolean | undefined;
  readonly status?: number | undefined;
}

/** Consecutive refusals of a refresh token by the server. Failures of other kinds in between do not count and do not reset it. */
export interface Refusals {
  readonly count: number;
  /** When it first did, in Unix ms. */
  readonly since: number;
  /** The remedy, once waiting is unlikely to help. */
  readonly stuck?: StuckReason | undefined;
}

/** The remedy for a session that the server keeps refusing: a new login, for the reason named here, or another configuration. */
export type StuckReason = 'refresh_refused' | 'response_lost' | 'configuration';

/** When a refresh token is expected to end, and since when that is known, in Unix ms. */
export interface ExpectedExpiry {
  readonly at: number;
  readonly since: number;
}

/** Everything that is kept of a session. */
export interface SessionRecord {
  readonly schema: 1;
  readonly clientId: string;
  /** A random name of the login that it descends from. A manager that could not store a login sees by it whether others continued it. */
  readonly login?: string | undefined;
  /** The user of the login, if the application has named one. An ID token names one by itself. */
  readonly subject?: string | undefined;
  /** Whose tokens these are; `undefined` until the authorization server is known. */
  readonly issuer?: string | undefined;
  /** Of the key that its tokens are bound to (RFC 7638, RFC 9449); `undefined`: bearer tokens. */
  readonly thumbprint?: string | undefined;
  readonly refreshToken?: string | undefined;
  /** When this very refresh token ends, if the server said so of it. */
  readonly refreshTokenExpiresAt?: number | undefined;
  /** When it is expected to end, by whatever is known. Nothing is given up for it. */
  readonly refreshTokenEnd?: ExpectedExpiry | undefined;
  /** Scope of the grant. A narrower access token does not narrow it (RFC 6749 §6). */
  readonly scope?: readonly string[] | undefined;
  /** `true` after a narrower access token: the next whole one has to name the scope of the grant. */
  readonly lastScopeNarrowed?: boolean | undefined;
  /** `true`: the server narrows a grant for good. Its whole scope is never asked for by name. */
  readonly narrowsScope?: boolean | undefined;
  readonly idToken?: string | undefined;
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  /** By {@link variantOf} of what they are for. */
  readonly accessTokens: Readonly<Record<string, AccessToken>>;
  readonly pendingRefresh?: PendingRefresh | undefined;
  readonly failure?: Failure | undefined;
  /** The same for failures that are about what was asked for, by variant: the others are not affected. */
  readonly variantFailures?: Readonly<Record<string, Failure>> | undefined;
}

/** The variant of an access token for the whole grant. */
export const wholeGrant = '';

/**
 * Names the access token for a scope and protected resources, in whatever order they are given. Variants are
 * kept apart: one is never the answer to a request for another, nor for a part of it.
 */
export function variantOf(
  scope: readonly string[] | undefined,
  resource: readonly string[] | undefined,
): string {
  if (scope === undefined && resource === undefined) return wholeGrant;
  const sorted = (values: readonly string[] = []) => [...new Set(values)].sort().join(' ');
  return `scope=${sorted(scope)} resource=${sorted(resource)}`;
}

/** Why a stored value is not a session of ours. */
export type RecordRejection =
  | 'corrupt'
  | 'key lost'
  | 'newer schema'
  | 'other schema'
  | 'other client'
  | 'other issuer';

/** The value that an encrypting storage returns in place of a record whose key no longer exists. */
export const keyLost: unique symbol = Symbol('key lost');

/** Whose sessions we read. */
export interface SessionOwner {
  readonly clientId: string;
  /** Names that the authorization server goes by; empty while it is not known. */
  readonly issuers: readonly string[];
  /** `true`: it has a name before it is asked, so a session of it has one as well. */
  readonly isNamed: boolean;
  readonly profile: ProviderProfile | undefined;
}

/** Reads what a storage holds. A value that is not a session of `owner` is named, never thrown and never used. */
export function readRecord(value: unknown, owner: SessionOwner): SessionRecord | RecordRejection {
  if (value === keyLost) return 'key lost';
  if (!isObject(value) || typeof value['schema'] !== 'number') return 'corrupt';
  if (value['schema'] !== 1) return isNewer(value['schema']) ? 'newer schema' : 'other schema';
  if (!isRecord(value)) return 'corrupt';
  if (value.clientId !== owner.clientId) return 'other client';
  return isOwnedBy(value, owner)
    ? withUsableMembers(withoutStaleMarkers(ownMembers(value)), owner)
    : 'other issuer';
}

/** Versions of this package count their schemas up. */
const isNewer = (schema: number): boolean => Number.isSafeInteger(schema) && schema > 1;

/**
 * Removes markers that are about another refresh token. tokenkeep removes them whenever it replaces the refresh token; a program that
 * knows no markers leaves them. The new refresh token was neither sent nor refused, so the old markers could end the session for a wrong
 * reason.
 */
function withoutStaleMarkers(record: SessionRecord): SessionRecord {
  const { pendingRefresh, failure, refreshToken = '' } = record;
  if (pendingRefresh === undefined && failure === undefined) return record;
  const current = fingerprint(refreshToken);
  return withChanges(record, {
    pendingRefresh: pendingRefresh?.fingerprint === current ? pendingRefresh : undefined,
    failure: (failure?.fingerprint ?? current) === current ? failure : undefined,
  });
}

/** A record with its own members only, and without access tokens of a type that cannot be sent. */
function withUsableMembers(record: SessionRecord, { profile }: SessionOwner): SessionRecord {
  const { pendingRefresh, failure, variantFailures } = record;
  const accessTokens: Record<string, AccessToken> = Object.create(null);
  for (const [variant, accessToken] of Object.entries(record.accessTokens)) {
    if (authorizationScheme(accessToken.type, profile) === undefined) continue;
    accessTokens[variant] = ownMembers(accessToken);
  }
  const markers = {
    pendingRefresh: ownMembers(pendingRefresh),
    failure: withBounds(failure),
    variantFailures: variantFailures && withEachBounded(variantFailures),
  };
  return withChanges(record, { accessTokens, ...markers });
}

/** Longest pause after a failure, in ms. It limits the times in a stored failure, because readers rely on them. */
export const longestPause = 3_600_000;

function withEachBounded(failures: Readonly<Record<string, Failure>>): Readonly<Record<string, Failure>> {
  const bounded = Object.create(null) as Record<string, Failure | undefined>;
  for (const [variant, failure] of Object.entries(failures)) bounded[variant] = withBounds(failure);
  return bounded as Record<string, Failure>;
}

function withBounds(failure: Failure | undefined): Failure | undefined {
  if (failure === undefined) return undefined;
  const { at, until, since = at } = failure;
  const bounds = { until: Math.min(until, at + longestPause), since: Math.min(since, at) };
  return withChanges(failure, { ...bounds, refusals: ownMembers(failure.refusals) });
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

/** The record without the markers of refreshes past, present or failed. */
export function withoutMarkers(record: SessionRecord): SessionRecord {
  return withChanges(record, { pendingRefresh: undefined, failure: undefined });
}

/** Returns the secrets in a record: its tokens, and all long texts that the server sent with them. Never throws. */
export function secretsIn({ refreshToken, idToken, accessTokens, extra }: SessionRecord): Secrets {
  const tokens = Object.values(accessTokens).map(({ token }) => token);
  return [refreshToken, idToken, ...tokens, ...longTextsIn(extra)];
}

/** Returns the long texts in a value. Of a URL it takes the part after the host, because network errors name hosts. */
function longTextsIn(extra: unknown): readonly string[] {
  const texts: string[] = [];
  const seen = new Set<unknown>([extra]);
  // Iterating over a set also visits members that are added meanwhile: no recursion, and no endless cycles.
  for (const one of seen) {
    if (typeof one === 'string') {
      const text = one.replace(/^https?:\/\/[^/?#]*/i, '');
      if (text.length >= 16) texts.push(text);
    } else if (typeof one === 'object' && one !== null) {
      for (const member of membersOf(one)) seen.add(member);
    }
  }
  return texts;
}

/** Returns no members if a getter throws: an error message cannot quote them either. */
function membersOf(one: object): readonly unknown[] {
  try {
    return Object.values(one);
  } catch {
    return [];
  }
}

/** The tokens of a record as an application sees them. */
export function toTokenSet(record: SessionRecord): TokenSet | undefined {
  const accessToken = record.accessTokens[wholeGrant] ?? Object.values(record.accessTokens)[0];
  if (accessToken === undefined) return undefined;
  const { login, subject } = loginIdentityOf(record);
  return {
    accessToken: accessToken.token,
    tokenType: accessToken.type,
    thumbprint: record.thumbprint,
    expiresAt: accessToken.expiresAt,
    scope: accessToken.scope ?? record.scope,
    refreshToken: record.refreshToken,
    refreshTokenExpiresAt: record.refreshTokenEnd?.at,
    idToken: record.idToken,
    login,
    subject,
    extra: record.extra,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === 'string' && value !== '';
const isTime: Check = (value) => typeof value === 'number' && Number.isFinite(value);
/** How often something happened. */
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 1;
const isScope: Check = (value) => Array.isArray(value) && value.every((part) => typeof part === 'string');
const isMap: Check = isObject;

const recordShape: Readonly<Record<string, readonly [required: boolean, check: Check]>> = {
  clientId: [true, isText],
  login: [false, isText],
  subject: [false, isText],
  issuer: [false, isText],
  thumbprint: [false, isText],
  refreshToken: [false, isText],
  refreshTokenExpiresAt: [false, isTime],
  refreshTokenEnd: [false, (value) => matchesShape(expectedExpiryShape)(value)],
  scope: [false, isScope],
  lastScopeNarrowed: [false, (value) => typeof value === 'boolean'],
  narrowsScope: [false, (value) => typeof value === 'boolean'],
  idToken: [false, isText],
  extra: [false, isMap],
  accessTokens: [
    true,
    (value) => isObject(value) && Object.values(value).every(matchesShape(accessTokenShape)),
  ],
  pendingRefresh: [false, (value) => matchesShape(pendingRefreshShape)(value)],
  failure: [false, (value) => matchesShape(failureShape)(value)],
  variantFailures: [
    false,
    (value) => isObject(value) && Object.values(value).every(matchesShape(failureShape)),
  ],
};
const expectedExpiryShape: typeof recordShape = { at: [true, isTime], since: [true, isTime] };
const accessTokenShape: typeof recordShape = {
  token: [true, (value) => typeof value === 'string' && isSendable(value)],
  type: [true, isText],
  issuedAt: [true, isTime],
  expiresAt: [false, isTime],
  scope: [false, isScope],
};
const pendingRefreshShape: typeof recordShape = {
  fingerprint: [true, isTime],
  since: [true, isTime],
  latest: [true, isTime],
  sends: [true, isCount],
  by: [true, isText],
};
const failureShape: typeof recordShape = {
  kind: [true, (value) => value === 'transient' || value === 'client' || value === 'interaction-required'],
  at: [true, isTime],
  until: [true, isTime],
  count: [true, isCount],
  fingerprint: [false, isTime],
  since: [false, isTime],
  refusals: [false, (value) => matchesShape(refusalsShape)(value)],
  variant: [false, (value) => typeof value === 'string'],
  status: [false, isTime],
  offline: [false, (value) => typeof value === 'boolean'],
  error: [false, isText],
  description: [false, isText],
  details: [false, isMap],
};
const refusalsShape: typeof recordShape = {
  count: [true, isCount],
  since: [true, isTime],
  stuck: [
    false,
    (value) => value === 'refresh_refused' || value === 'response_lost' || value === 'configuration',
  ],
};

function matchesShape(shape: typeof recordShape): Check {
  return (value) =>
    isObject(value) &&
    Object.entries(shape).every(([name, [required, check]]) =>
      Object.hasOwn(value, name) && value[name] !== undefined ? check(value[name]) : !required,
    );
}

/** Tells whether a value has the shape of a record, and so can be read again once it is stored. */
export function isRecord(value: unknown): value is SessionRecord {
  return matchesShape(recordShape)(value) && hasMatchingTokenTypes(ownMembers(value) as SessionRecord);
}

/** Law of possession: with a key there are tokens for it and no others, without one there are none. */
function hasMatchingTokenTypes({ thumbprint, accessTokens }: SessionRecord): boolean {
  return Object.values(accessTokens).every(
    ({ type }) => (type.toLowerCase() === 'dpop') === (thumbprint !== undefined),
  );
}
