/**
 * The stored record of a session, written whole. Immutable; every change makes a new one.
 *
 * @module
 */

import type { ServerErrorDetails } from '../oauth/server-error-details.ts';
import type { TokenSet } from '../oauth/token-set.ts';
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

/** The pending-refresh marker: a refresh token is being spent, was when its spender died, or may be. */
export interface PendingRefresh {
  /**
   * The refresh token, by its {@link fingerprint}. A marker for another refresh token than the one beside it is
   * obsolete.
   */
  readonly fingerprint: number;
  /** When it was first sent, in Unix ms. */
  readonly since: number;
  /** When it was last sent, in Unix ms. */
  readonly latest: number;
  /** Number of times it was sent without a response. */
  readonly sends: number;
  /** The sender: a random name of a manager. */
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
  /** The owner of these tokens; `undefined` until the authorization server is known. */
  readonly issuer?: string | undefined;
  /** Of the key that its tokens are bound to (RFC 7638, RFC 9449); `undefined`: bearer tokens. */
  readonly thumbprint?: string | undefined;
  readonly refreshToken?: string | undefined;
  /** When this very refresh token ends, if the server said so of it. */
  readonly refreshTokenExpiresAt?: number | undefined;
  /** When it is expected to expire, by all known hints. It is still used afterwards. */
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

/** Longest pause after a failure, in ms. It limits the times in a stored failure, because readers rely on them. */
export const longestPause = 3_600_000;

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
    extra: record.extra ?? {},
  };
}
