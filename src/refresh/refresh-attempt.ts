/**
 * One refresh under way, and what it works with.
 *
 * @module
 */

import type { Stopwatch } from '../async/stopwatch.ts';
import type { Version } from '../core/contracts.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import { BearerCredentials, type RequestCredentials } from '../core/http/request-credentials.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import type { Grant } from '../core/oauth/grant.ts';
import type { Secrets } from '../core/redact.ts';
import { type LoginIdentity, loginIdentityOf } from '../core/session/login-identity.ts';
import {
  isOfflineBelieved,
  type RefreshDecision,
  reconcile,
  type TokenRequirement,
} from '../core/session/refresh-decision.ts';
import type { AccessToken, SessionRecord } from '../core/session/session-record.ts';
import { isOnline } from '../platform/environment.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { CachedToken, Session } from '../session/session.ts';
import { notifyRefreshTokenExpiry } from './notify-refresh-token-expiry.ts';

/** A need, and what to ask the server for when it comes to that. */
export interface RefreshRequirement extends TokenRequirement {
  readonly scope: readonly string[] | undefined;
  readonly resource: readonly string[] | undefined;
}

/** One refresh under way. */
export interface RefreshAttempt {
  readonly session: Session;
  readonly requirement: RefreshRequirement;
  /** The login that it began under. Where none was known it is the first one that is found. */
  initialLogin: LoginIdentity | undefined;
  /** {@link Session.epoch} when the record was read. */
  epoch: number;
  /** The login of the record that was read. */
  login?: LoginIdentity | undefined;
  /** The key of the record that was read; `undefined`: bearer tokens. */
  dpopKey?: DpopKey | undefined;
  /** Emits to listeners once the lock is released. */
  readonly emit: (event: AnyTokenEvent) => void;
  /** Tokens that came after a sign-out, to be revoked once the lock is released. */
  orphanedTokens: OrphanedTokens | undefined;
  /** Of a refresh that waits for the lock, or has it. */
  stopwatch?: Stopwatch | undefined;
  /** Why it failed, for those who wait for it. Whoever comes later finds only what is remembered. */
  cause?: Error | undefined;
}

export interface OrphanedTokens {
  readonly login: LoginIdentity | undefined;
  readonly refreshToken: string | undefined;
  readonly accessToken: string;
}

/** A refresh that has been sent. */
export interface SentRefresh {
  readonly server: AuthorizationServer;
  /** What was stored before: the record without our marker. */
  readonly record: SessionRecord;
  /** What is stored now: the record with our marker. */
  readonly markedRecord: SessionRecord;
  readonly version: Version;
  readonly sentAt: number;
  readonly secrets: Secrets;
  /** The scope that was asked for. */
  readonly scope: readonly string[] | undefined;
}

/** Decides for an attempt on a record. */
export async function decide(
  context: ManagerContext,
  attempt: RefreshAttempt,
  record: SessionRecord,
): Promise<RefreshDecision> {
  // Only an unanswered refresh needs to know the reuse window, and finding out may take a request.
  const server =
    record.pendingRefresh === undefined ? undefined : await context.server.resolve().catch(() => undefined);
  attempt.login = loginIdentityOf(record);
  attempt.initialLogin ??= attempt.login;
  const decision = reconcile(
    record,
    { ...attempt.requirement, login: attempt.initialLogin },
    {
      now: context.clock.now(),
      login: attempt.login,
      invalidRefreshToken: attempt.session.invalidRefreshToken,
      reuseWindow: server?.profile?.reuseWindow ?? 0,
      online: mayReachServer(context, attempt, record),
      inProgressUntil: inProgressUntil(context, attempt.session, record),
      isStateless: context.grant.kind === 'client-credentials',
    },
  );
  if (decision.kind === 'use-stored') notifyRefreshTokenExpiry(context, attempt, record, decision.until);
  return decision;
}

/** Checks whether a request may reach the server, as far as is known. */
export function mayReachServer(
  { clock }: ManagerContext,
  { requirement }: RefreshAttempt,
  record: SessionRecord,
): boolean {
  return isOnline() || !isOfflineBelieved(record, requirement, clock.now());
}

/** How far the clocks of those who share a storage may be apart, in ms: a marker that is older, or newer, is of the past. */
const maxClockSkew = 300_000;

/**
 * Until when a marker is left alone: what was sent is over by then, and stored, if its sender lives without the lock.
 * It counts from when we first saw the marker, by our own clock. Where a lock ends with its holder only, nobody is left to wait for.
 */
function inProgressUntil(
  { lock, timeout, managerId, clock, grant }: ManagerContext,
  session: Session,
  { pendingRefresh }: SessionRecord,
): number {
  // Without a refresh token nothing is spent, so repeating the request is harmless.
  if (!lock.mayBeLost || pendingRefresh === undefined || grant.kind === 'client-credentials') return 0;
  const { by, latest } = pendingRefresh;
  const now = clock.now();
  if ((by === managerId && !session.hasRequestInFlight) || Math.abs(now - latest) > maxClockSkew) return 0;
  return session.markerSeenAt(by, latest, now) + timeout + 5_000;
}

/** The identity of a record that does not name its login. */
const unknownLogin: LoginIdentity = { login: undefined, issuer: undefined, subject: undefined };

/**
 * Makes the login of the record that was read the current one. If it replaces another login, emits `signedIn`.
 *
 * @returns whether it replaced another login.
 */
export function switchLogin(attempt: RefreshAttempt): boolean {
  const { session, login = unknownLogin } = attempt;
  if (session.epoch !== attempt.epoch) return false; // a sign-in or sign-out has happened here since
  const former = session.switchLogin(login);
  attempt.epoch = session.epoch;
  if (former === undefined) return false;
  const replaced = { login: former.login, subject: former.subject };
  attempt.emit({ type: 'signedIn', ...session.eventContext(), where: 'elsewhere', replaced });
  return true;
}

/** The one place that knows how requests are authorised. Everything after it uses the credentials of the {@link CachedToken}. */
function credentialsOf(grant: Grant, dpopKey: DpopKey | undefined, accessToken: string): RequestCredentials {
  if (grant.kind === 'token-handler') return grant.credentials;
  return dpopKey?.credentials(accessToken) ?? new BearerCredentials(accessToken);
}

/** Takes an access token of {@link RefreshAttempt.login} into memory, ready to be sent, until `until` at most. */
export function cacheToken(
  context: ManagerContext,
  attempt: RefreshAttempt,
  accessToken: AccessToken,
  until: number,
): CachedToken {
  const { session, requirement } = attempt;
  switchLogin(attempt);
  const before = session.cachedToken(requirement.variant);
  const cached: CachedToken =
    before?.token === accessToken.token
      ? { ...before, until }
      : {
          token: accessToken.token,
          login: attempt.login ?? unknownLogin,
          credentials: credentialsOf(context.grant, attempt.dpopKey, accessToken.token),
          until,
          expiresAt: accessToken.expiresAt ?? Number.POSITIVE_INFINITY,
          scope: accessToken.scope,
          promise: undefined,
        };
  // A sign-out or a login in this process meanwhile: whoever waits gets it, but nobody after them.
  if (session.epoch === attempt.epoch) session.cacheToken(requirement.variant, cached);
  return cached;
}
