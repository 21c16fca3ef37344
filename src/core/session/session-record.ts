/**
 * The stored record of a session, written whole. Immutable; every change makes a new one.
 *
 * @module
 */

import type { ServerErrorDetails } from '../oauth/server-error-details.ts';
import type { TokenSet } from '../oauth/token-set.ts';
import type { Secrets } from '../redact.ts';
import { loginIdentityOf } from './login-identity.ts';

/** A stored access token. */
export interface AccessToken {
  readonly token: string;
  readonly type: string;
  /** Time at which its request was sent, in Unix ms of the sender's clock. */
  readonly issuedAt: number;
  /** Expiry, in Unix ms of the same clock. `undefined`: not known. */
  readonly expiresAt?: number | undefined;
  readonly scope?: readonly string[] | undefined;
}

/** The pending-refresh marker: a refresh token is being spent, or may have been spent by a sender that has ended. */
export interface PendingRefresh {
  /** {@link fingerprint} of the refresh token. A marker for a refresh token other than the stored one is obsolete. */
  readonly fingerprint: number;
  /** Time at which it was first sent, in Unix ms. */
  readonly since: number;
  /** Time at which it was last sent, in Unix ms. */
  readonly latest: number;
  /** Number of times it was sent without a response. */
  readonly sends: number;
  /** The sender: a random name of a manager. */
  readonly by: string;
}

/** A remembered failure of the record's refresh token, so that other processes need not repeat the request. */
export interface Failure extends ServerErrorDetails {
  readonly kind: 'transient' | 'client' | 'interaction-required';
  /** Time of the failure, and the earliest time of another attempt, in Unix ms. */
  readonly at: number;
  readonly until: number;
  /** Number of consecutive failures. */
  readonly count: number;
  /** {@link fingerprint} of the refresh token that failed. */
  readonly fingerprint?: number | undefined;
  /** Time of the first consecutive failure, in Unix ms. */
  readonly since?: number | undefined;
  /** Refusals among the consecutive failures: the server checked the request. */
  readonly refusals?: Refusals | undefined;
  /** `true`: there was no network. */
  readonly offline?: boolean | undefined;
  readonly status?: number | undefined;
}

/** Consecutive refusals of a refresh token by the server. Failures of other kinds in between do not count and do not reset it. */
export interface Refusals {
  readonly count: number;
  /** Time of the first refusal, in Unix ms. */
  readonly since: number;
  /** The remedy, once waiting is unlikely to help. */
  readonly stuck?: StuckReason | undefined;
}

/** The remedy for a session that the server keeps refusing: a new login, for the reason named here, or another configuration. */
export type StuckReason = 'refresh_refused' | 'response_lost' | 'configuration';

/** Expected expiry of a refresh token, and the time at which it became known, in Unix ms. */
export interface ExpectedExpiry {
  readonly at: number;
  readonly since: number;
}

/** The complete stored state of a session. */
export interface SessionRecord {
  readonly schema: 1;
  readonly clientId: string;
  /**
   * Random name of the login that the record descends from. With it, a manager that could not store a login detects whether other
   * processes continued the login.
   */
  readonly login?: string | undefined;
  /** User of the login, if the application has named one. An ID token names the user itself. */
  readonly subject?: string | undefined;
  /** Issuer of these tokens. `undefined`: the authorization server is not known yet. */
  readonly issuer?: string | undefined;
  /** Thumbprint of the key that its tokens are bound to (RFC 7638, RFC 9449). `undefined`: bearer tokens. */
  readonly thumbprint?: string | undefined;
  readonly refreshToken?: string | undefined;
  /** Expiry of this refresh token, if the server stated it. */
  readonly refreshTokenExpiresAt?: number | undefined;
  /** Expected expiry, by all known hints. The token is still used afterwards. */
  readonly refreshTokenEnd?: ExpectedExpiry | undefined;
  /** Scope of the grant. A narrower access token does not narrow it (RFC 6749 §6). */
  readonly scope?: readonly string[] | undefined;
  /** `true`: the last access token was narrower. The next one for the whole grant must name its scope. */
  readonly lastScopeNarrowed?: boolean | undefined;
  /** `true`: the server narrows a grant permanently. Its whole scope is never requested by name. */
  readonly narrowsScope?: boolean | undefined;
  readonly idToken?: string | undefined;
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  /** Access tokens by {@link variantOf}. */
  readonly accessTokens: Readonly<Record<string, AccessToken>>;
  readonly pendingRefresh?: PendingRefresh | undefined;
  readonly failure?: Failure | undefined;
  /** Failures of single variants. They do not affect the others. */
  readonly variantFailures?: Readonly<Record<string, Failure>> | undefined;
}

/** The variant of an access token for the whole grant. */
export const wholeGrant = '';

/**
 * Returns the name of the access token for a scope and protected resources, independent of their order. Variants are separate:
 * one is never returned for another, nor for a part of it.
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

/** Returns the tokens of a record in the form for applications. */
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
