/**
 * A snapshot of a session for a bug report, without tokens.
 *
 * @module
 */
import type { Reach } from '../core/contracts.ts';
import { isTokenKeepError, type LoginRequiredReason } from '../core/errors.ts';
import type { LoginName } from '../core/events.ts';
import { loginIdentityOf } from '../core/session/login-identity.ts';
import type { RecordRejection } from '../core/session/read-record.ts';
import type { AccessToken, Failure, PendingRefresh, SessionRecord } from '../core/session/session-record.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';
import type { ManagerContext } from './manager-context.ts';
import type { StoredSession } from './record-write.ts';
import type { CachedToken, Session } from './session.ts';

/** An access token without the token. */
export interface InspectedToken {
  /** Variant: `''` for the whole grant, otherwise the requested scope and resources. */
  readonly variant: string;
  /** First 8 hexadecimal digits of its SHA-256. They distinguish tokens and reveal nothing else. */
  readonly hash: string;
  /** Expiry, in Unix ms. `undefined`: unknown. */
  readonly expiresAt: number | undefined;
}

/** A stored session without its tokens. */
export interface InspectedRecord extends LoginName {
  readonly issuer: string | undefined;
  /** Scope of the grant. */
  readonly scope: readonly string[] | undefined;
  /** First 8 hexadecimal digits of the SHA-256 of the refresh token. `undefined`: the session has no refresh token. */
  readonly refreshToken: string | undefined;
  readonly refreshTokenExpiresAt: number | undefined;
  readonly accessTokens: readonly (InspectedToken & Pick<AccessToken, 'type' | 'issuedAt' | 'scope'>)[];
  /** A refresh that was, or may have been, sent without a response so far. Times are in Unix ms. */
  readonly pendingRefresh: Pick<PendingRefresh, 'since' | 'latest' | 'sends'> | undefined;
  /** The failure that is remembered. Times are in Unix ms. */
  readonly failure: Omit<Failure, 'offline' | 'fingerprint'> | undefined;
}

/** The result of `inspect()`. It contains no token, and `JSON.stringify` accepts it. */
export interface Inspection {
  readonly session: string;
  readonly clientId: string;
  /** Time of the snapshot, in Unix ms of the manager's clock. */
  readonly at: number;
  readonly storage: { readonly reach: Reach };
  /** Reach of the lock, and its `lease` in ms. */
  readonly lock: { readonly reach: Reach; readonly lease: number | undefined };
  /** The authorization server, as far as it is known without a request. */
  readonly authorizationServer: {
    readonly issuer: string | undefined;
    readonly tokenEndpoint: string | undefined;
    /** Reuse window in ms. */
    readonly reuseWindow: number | undefined;
  };
  /** The state in this process. */
  readonly memory: LoginName & {
    readonly accessTokens: readonly (InspectedToken & {
      /** End of its use, in Unix ms. `undefined`: it is used until it is rejected. */
      readonly until: number | undefined;
    })[];
    /** Number of refreshes in progress. */
    readonly refreshes: number;
    /** `true`: the storage refused the latest tokens, and they are kept here. */
    readonly unsaved: boolean;
    /** Reason why calls get no token. `undefined`: the session has not ended. */
    readonly ended: LoginRequiredReason | undefined;
  };
  /** The stored record. `undefined`: nothing is stored. A word: the value cannot be used. `code`: the storage failed. */
  readonly stored: InspectedRecord | RecordRejection | { readonly code: string } | undefined;
}

export async function inspectSession(context: ManagerContext, session: Session): Promise<Inspection> {
  const { clientId, store, reach, lock, server, clock, emit } = context;
  const found = await store.readOrReject(session, emit).catch(readError);
  return {
    session: session.id,
    clientId,
    at: clock.Date.now(),
    storage: { reach },
    lock: { reach: lock.reach, lease: lock.lease },
    authorizationServer: {
      issuer: server.known?.issuer ?? server.issuers[0],
      tokenEndpoint: server.known?.tokenEndpoint,
      reuseWindow: server.known?.profile?.reuseWindow,
    },
    memory: {
      ...loginNameOf(session.login),
      accessTokens: await Promise.all(session.cachedTokens.map(cachedWithoutToken)),
      refreshes: session.pending.flights.length,
      unsaved: session.unsaved !== undefined,
      ended: session.ended?.error.reason,
    },
    stored: await inspectStored(found),
  };
}

async function inspectStored(found: StoredSession | ReadError): Promise<Inspection['stored']> {
  switch (found.kind) {
    case 'record':
      return await recordWithoutTokens(found.record);
    case 'rejected':
      return found.reason;
    case 'failed':
      return { code: found.code };
    default:
      return undefined;
  }
}

async function cachedWithoutToken([variant, { token, expiresAt, until }]: readonly [string, CachedToken]) {
  return { variant, hash: await hashOf(token), expiresAt: finite(expiresAt), until: finite(until) };
}

async function recordWithoutTokens(record: SessionRecord): Promise<InspectedRecord> {
  const { issuer, scope, refreshToken, refreshTokenEnd, pendingRefresh, failure } = record;
  const accessTokens = Object.entries(record.accessTokens).map(
    async ([variant, { token, type, issuedAt, expiresAt, scope }]) => {
      return { variant, hash: await hashOf(token), type, issuedAt, expiresAt, scope };
    },
  );
  return {
    ...loginNameOf(loginIdentityOf(record)),
    issuer,
    scope,
    refreshToken: refreshToken && (await hashOf(refreshToken)),
    refreshTokenExpiresAt: refreshTokenEnd?.at,
    accessTokens: await Promise.all(accessTokens),
    pendingRefresh: pendingRefresh && {
      since: pendingRefresh.since,
      latest: pendingRefresh.latest,
      sends: pendingRefresh.sends,
    },
    failure: failure && publicFailure(failure),
  };
}

function loginNameOf(login: LoginName | undefined): LoginName {
  return { login: login?.login, subject: login?.subject };
}

function publicFailure(failure: Failure): InspectedRecord['failure'] {
  const { kind, at, until, count, since, refusals, error, status } = failure;
  return { kind, at, until, count, since, refusals, error, status };
}

/** Returns the start of a token's digest. A token has too many bits to be guessed from 32 bits of a digest. */
async function hashOf(token: string): Promise<string> {
  const digest = await subtleCrypto('inspect()').digest('SHA-256', new TextEncoder().encode(token));
  return [...new Uint8Array(digest, 0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Error of a storage that could not be read. */
interface ReadError {
  readonly kind: 'failed';
  readonly code: string;
}

function readError(error: unknown): ReadError {
  return { kind: 'failed', code: isTokenKeepError(error) ? error.code : 'unknown' };
}

/** Returns `undefined` for infinity, which `JSON.stringify` turns into `null`. */
function finite(time: number): number | undefined {
  return Number.isFinite(time) ? time : undefined;
}
