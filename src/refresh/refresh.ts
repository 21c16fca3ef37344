/**
 * One refresh. No other code sends a refresh token to the token endpoint.
 *
 * The seven steps, as numbered in the README: 1 join, 2 lock, 3 re-read, 4 reconcile, 5 prepare, mark and spend, 6 commit, 7
 * release and announce. Their order must not change: the flight (step 1, `token-source.ts`) is outside, the lock is inside it,
 * and the re-check is innermost. No application code runs while the lock is held.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import { isConflict, isTokenKeepError, LockTimeoutError, RefreshFailedError } from '../core/errors.ts';
import type { AnyTokenEvent, RefreshTimes } from '../core/events.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { scopeToRequest, withPendingRefresh } from '../core/session/apply-grant.ts';
import { consecutiveFailures, latestFailure } from '../core/session/failure-history.ts';
import { isSameLogin, type LoginIdentity } from '../core/session/login-identity.ts';
import { isOwnedBy } from '../core/session/read-record.ts';
import {
  type RefreshDecision,
  type TokenRequirement,
  usableUntil,
} from '../core/session/refresh-decision.ts';
import { type SessionRecord, secretsIn, wholeGrant } from '../core/session/session-record.ts';
import { isPageLeaving, waitUntilPageStays } from '../platform/environment.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { FoundRecord } from '../session/record-write.ts';
import { reportReplacedRecord, revokeOrphanedTokens } from '../session/revoke-tokens.ts';
import type { CachedToken, Session } from '../session/session.ts';
import { loginRequired, refreshFailed, responseLost, storagePending } from '../session/session-errors.ts';
import { waitUntilDone, withSessionLock } from '../session/session-lock.ts';
import { type LoadedRecord, mayReachServer, SessionReading } from '../session/session-reading.ts';
import { issuersOf } from '../token-endpoint/authorization-server-resolver.ts';
import type { PreparedTokenRequest, SendResult } from '../token-endpoint/token-endpoint.ts';
import { type CommitStep, ResponseCommit } from './commit-response.ts';

/** The required access token, the evidence, and the request parameters if a request is needed. */
export interface RefreshRequirement extends TokenRequirement {
  readonly scope?: readonly string[] | undefined;
  readonly resource?: readonly string[] | undefined;
}

/** The decision on the stored record, if there is one. */
type Decision = RefreshDecision | Exclude<LoadedRecord, FoundRecord>;

/** Another process may still store the response to its refresh, until the given time. */
type InProgressElsewhere = Extract<RefreshDecision, { readonly kind: 'in-progress-elsewhere' }>;

/** The result of one attempt to use the lock. */
type LockedOutcome =
  | { readonly kind: 'token'; readonly token: CachedToken }
  /** The lock was lost to another holder before it could be used. */
  | { readonly kind: 'lock-lost' }
  | InProgressElsewhere;

/** The prepared parts of a request, before it is sent. */
interface PreparedRefresh {
  readonly request: PreparedTokenRequest;
  readonly server: AuthorizationServer;
  /** Requested scope, if one is named. */
  readonly scope: readonly string[] | undefined;
}

/** The result of one attempt to spend the refresh token. */
type RefreshStep = CommitStep | { readonly kind: 'lock-lost' };

/**
 * Checks whether a decision needs the lock. A refresh that was sent without a response may belong to a process that holds the
 * lock and still waits.
 */
const needsLock = ({ kind }: Decision): boolean =>
  kind === 'refresh' ||
  kind === 'in-progress-elsewhere' ||
  kind === 'response-lost' ||
  kind === 'not-created';

/**
 * Gets one access token for a session: from the storage if it is valid, otherwise from the server if there is evidence. Runs
 * once.
 */
export class Refresh {
  readonly #context: ManagerContext;
  readonly #session: Session;
  readonly #requirement: RefreshRequirement;
  /** Events that are emitted once the lock is released. */
  readonly #events: AnyTokenEvent[] = [];
  readonly #emit = (event: AnyTokenEvent): void => void this.#events.push(event);
  /** Login under which the refresh began. If none was known, it is the first one that is found. */
  #initialLogin: LoginIdentity | undefined;
  /** The record that was read last. */
  #reading: SessionReading;
  /** Times at which the lock was granted, the last request was sent and its response arrived, in Unix ms. */
  readonly #times: { locked?: number; sent?: number; answered?: number } = {};
  /** Commits the responses of the token endpoint. */
  readonly #commit: ResponseCommit;

  constructor(context: ManagerContext, session: Session, requirement: RefreshRequirement) {
    this.#context = context;
    this.#session = session;
    this.#requirement = requirement;
    this.#initialLogin = requirement.login ?? session.login;
    this.#reading = this.#newReading();
    this.#commit = new ResponseCommit(context, session, requirement, this.#emit);
  }

  /**
   * Runs the refresh.
   *
   * @throws LoginRequiredError, RefreshFailedError, StorageError, LockTimeoutError or ConfigurationError, with the reason.
   */
  async run(): Promise<CachedToken> {
    const session = this.#session;
    try {
      // If another process has already refreshed the token, no lock is needed.
      const decision = await this.#loadAndDecide();
      if (!needsLock(decision)) return this.#tokenOf(decision);
      return await this.#refreshInTime();
    } finally {
      // 7 Released. Listeners receive the events before the waiting calls continue. If another login is stored, it is followed
      // here, so that no call is sent under it before listeners are informed.
      if (!isSameLogin(this.#initialLogin, this.#reading.login)) this.#reading.switchLogin();
      const { orphanedTokens } = this.#commit;
      if (orphanedTokens !== undefined) revokeOrphanedTokens(this.#context, session, orphanedTokens);
      for (const event of this.#events) this.#context.emit(event);
      reportReplacedRecord(this.#context, session);
    }
  }

  /** Refreshes, and emits the durations of its parts, also after a failure. If a part ran twice, its last time counts. */
  async #refreshInTime(): Promise<CachedToken> {
    const { clock } = this.#context;
    const startedAt = clock.Date.now();
    let outcome: RefreshTimes['outcome'] = 'failed';
    let code: RefreshTimes['code'];
    try {
      const token = await this.#refreshUnderLock();
      outcome = this.#times.answered === undefined ? 'adopted' : 'refreshed';
      return token;
    } catch (error) {
      if (isTokenKeepError(error)) code = error.code;
      throw error;
    } finally {
      const now = clock.Date.now();
      const { locked = now, sent, answered } = this.#times;
      this.#emit({
        type: 'refreshFinished',
        ...this.#session.eventContext(this.#initialLogin),
        startedAt,
        outcome,
        code,
        lock: locked - startedAt,
        request: sent === undefined || answered === undefined ? undefined : answered - sent,
        commit: answered === undefined ? undefined : now - answered,
        total: now - startedAt,
      });
    }
  }

  /** Refreshes under the lock (step 2). A holder that keeps the lock for too long loses it and queues again. */
  async #refreshUnderLock(): Promise<CachedToken> {
    for (let turn = 1; turn <= 3; turn++) {
      const outcome = await this.#lockAndRefresh();
      if (outcome.kind === 'token') return outcome.token;
      if (outcome.kind === 'lock-lost') continue;
      // Another process lost the lock during a refresh, or has ended. For a limited time, only that process may finish the
      // refresh.
      const isDoneElsewhere = async () => (await this.#peek()).kind !== 'in-progress-elsewhere';
      await waitUntilDone(this.#context, this.#session, { isDoneElsewhere, until: outcome.until });
      const decision = await this.#loadAndDecide();
      if (!needsLock(decision)) return this.#tokenOf(decision);
      if (turn === 3) throw responseLost(0, undefined); // other processes send it in turn, and none receives a response
    }
    throw new LockTimeoutError(
      'The lock of the session was lost, or expired before it could be used, three times. Try again.',
    );
  }

  /** Waits for the lock for a limited time. Reads the storage once more before the wait ends. */
  async #lockAndRefresh(): Promise<LockedOutcome> {
    const outcome = await withSessionLock(this.#context, this.#session, {
      run: () => this.#runCriticalSection(),
      isDoneElsewhere: async () => !needsLock(await this.#peek()),
    });
    if (outcome.kind === 'ran') return outcome.value;
    const decision = await this.#loadAndDecide();
    if (decision.kind === 'use-stored' || (outcome.kind === 'done-elsewhere' && !needsLock(decision)))
      return { kind: 'token', token: this.#tokenOf(decision) };
    if (outcome.kind === 'done-elsewhere') return { kind: 'lock-lost' }; // the record has changed again
    throw outcome.error;
  }

  async #runCriticalSection(): Promise<LockedOutcome> {
    const { clock, store, managerId } = this.#context;
    const grantedAt = clock.Date.now();
    this.#times.locked = grantedAt;
    let firstMarker: string | undefined;
    for (let round = 1; round <= 5; round++) {
      this.#reading = this.#newReading();
      // 3 Re-read. While this call waited for the lock, another one may have refreshed, ended or replaced the session. A
      // successor that the storage refused is written first: the next rotation waits until it is durable (law commit-before-use).
      await store.flush(this.#session, this.#emit);
      const loaded = await this.#reading.loadOrCreate();
      // Another process has left a marker since: it received the lock while this process was suspended.
      const marker = foreignMarkerOf(loaded, managerId);
      firstMarker ??= marker;
      if (marker !== firstMarker && marker !== '') return { kind: 'lock-lost' };
      // 4 Reconcile
      const decision = await this.#decide(this.#reading, loaded);
      if (decision.kind === 'in-progress-elsewhere') return decision;
      if (loaded.kind !== 'record' || decision.kind !== 'refresh')
        return { kind: 'token', token: this.#tokenOf(decision) };
      const step = await this.#spendAndCommit(loaded, decision.lostResponses, grantedAt);
      if (step.kind === 'lock-lost') return step;
      if (step.kind === 'retry') continue;
      return { kind: 'token', token: await this.#finish(step) };
    }
    throw new RefreshFailedError('The stored session changes faster than it can be refreshed. Try again.', {
      sent: false,
    });
  }

  /** Spends the refresh token (step 5) and commits the response (step 6). */
  async #spendAndCommit(found: FoundRecord, lostResponses: number, grantedAt: number): Promise<RefreshStep> {
    const { clock, store, managerId } = this.#context;
    const session = this.#session;
    const { record } = found;
    if (session.unsaved !== undefined) throw storagePending();
    let prepared: PreparedRefresh;
    try {
      prepared = await this.#prepare(record);
    } catch (error) {
      return await this.#commit.onNotPrepared(this.#reading, found, error);
    }
    // A reload during the refresh would lose the successor. Nothing has been sent.
    await waitUntilPageStays(clock);
    // The marker proves that the storage accepts writes. If this process ends after it, the marker records the request.
    const markedRecord = withPendingRefresh(record, lostResponses, managerId, clock.Date.now());
    let version: Version;
    try {
      version = await store.write(session, markedRecord, found.version);
    } catch (error) {
      // While the request was prepared, the user signed out or in. Nothing has been sent.
      if (isConflict(error)) return { kind: 'retry' };
      throw error;
    }
    // During the write of the marker, the user may have signed out in this process. This is the last moment to stop.
    if (!this.#reading.isCurrent) return { kind: 'retry' };
    const sentAt = clock.Date.now();
    // A tab or process that was suspended may have exceeded its lease, and a waiter may have taken the lock.
    const hasOutlivedLock = this.#hasOutlivedLock(sentAt, grantedAt, markedRecord.pendingRefresh?.latest);
    if (hasOutlivedLock || isPageLeaving()) {
      // Nothing was sent, so the marker is removed.
      await store.write(session, record, version).catch(() => undefined);
      return { kind: hasOutlivedLock ? 'lock-lost' : 'retry' };
    }
    const secrets = [...prepared.request.secrets, ...secretsIn(record)];
    const { server, scope, request } = prepared;
    // From here on nothing aborts the request, even if all callers leave: the server may already have rotated the token.
    session.pending.beginRequest();
    this.#times.sent = sentAt;
    try {
      const result: SendResult = mayReachServer(record, this.#requirement, sentAt)
        ? await request.send()
        : { kind: 'not-sent', cause: new Error('The network is offline.') };
      this.#times.answered = clock.Date.now();
      // 6 During the request, the user may have signed out or in, or the lease may have expired. The commit detects this by
      // compare-and-set.
      const sent = { server, scope, record, markedRecord, version, sentAt, secrets };
      return await this.#commit.handle(this.#reading, sent, result);
    } finally {
      session.pending.endRequest();
    }
  }

  /** Resolves the server and builds the request. All errors that can occur before the token is sent occur here. */
  async #prepare(record: SessionRecord): Promise<PreparedRefresh> {
    const { server: resolver, endpoint } = this.#context;
    const server = await resolver.resolve();
    // Law tokens-stay-home: only now the server is certain, and the refresh token may be sent only to its issuer.
    if (!isOwnedBy(record, { issuers: issuersOf(server), isNamed: resolver.isNamed })) {
      this.#emit({ type: 'recordRejected', ...this.#reading.eventContext, reason: 'other issuer' });
      throw loginRequired('no_tokens');
    }
    const { resource } = this.#requirement;
    const scope = scopeToRequest(record, this.#requirement);
    const refreshToken = record.refreshToken ?? '';
    const request = await endpoint.prepare(server, { refreshToken, scope, resource }, this.#reading.dpopKey);
    return { request, server, scope };
  }

  /**
   * Checks whether the lock may expire before the response is stored (law bounded-locks). If a holder may lose the lock, other
   * processes wait for `timeout` and 5 s from the marker on, so it must not be suspended for longer between marker and request.
   */
  #hasOutlivedLock(now: number, grantedAt: number, markedAt: number = now): boolean {
    const { lock, lockTimeout, timeout } = this.#context;
    const sinceMarker = now - markedAt;
    if (sinceMarker < 0 || sinceMarker > (lock.mayBeLost ? 5_000 : lockTimeout / 2)) return true;
    if (lock.lease === undefined) return false;
    const sinceGrant = now - grantedAt;
    return sinceGrant < 0 || sinceGrant > lock.lease - timeout - 5_000;
  }

  /** Ends the critical section with the result of the commit. */
  async #finish(step: Exclude<CommitStep, { readonly kind: 'retry' }>): Promise<CachedToken> {
    const { variant, refreshBefore } = this.#requirement;
    const reading = this.#reading;
    if (step.kind === 'still-valid') {
      reading.switchLogin();
      return reading.cacheToken(variant, step);
    }
    const { record } = step;
    if (step.kind === 'decide-again') {
      const found = { record, version: undefined };
      const decision = await reading.decide(found, this.#requirement, this.#initialLogin);
      // Deciding may take a request, and so longer than the pause after the failure. That alone is no reason to spend the token.
      const failure = latestFailure(record, variant);
      if (decision.kind !== 'refresh' || failure === undefined) return this.#tokenOf(decision);
      const history = consecutiveFailures(record, failure);
      throw refreshFailed(failure, this.#context.clock.Date.now(), { history, cause: this.#commit.cause });
    }
    reading.setRecord(record); // the first ID token may have arrived
    reading.switchLogin();
    const { accessToken, rotated, changes } = step;
    if (variant === wholeGrant) this.#session.pending.knowChanges(changes);
    const { expiresAt, scope } = accessToken;
    this.#emit({
      type: 'refreshed',
      ...this.#session.eventContext(reading.login),
      expiresAt,
      scope,
      rotated,
    });
    const until = usableUntil(accessToken, refreshBefore);
    reading.notifyRefreshTokenExpiry(record, until);
    return reading.cacheToken(variant, { accessToken, until });
  }

  /**
   * Returns the access token of a decision.
   *
   * @throws the error of the refresh. All waiting calls receive the same one.
   */
  #tokenOf(decision: Decision): CachedToken {
    const { clock, server } = this.#context;
    const { variant } = this.#requirement;
    switch (decision.kind) {
      case 'use-stored':
        return this.#reading.adoptToken(variant, decision, this.#session.cachedToken(variant)?.token);
      case 'login-changed':
        throw loginRequired('login_changed');
      case 'backing-off':
        throw refreshFailed(decision.failure, clock.Date.now(), {
          history: decision.history,
          cause: this.#commit.cause ?? server.configurationError,
        });
      case 'in-progress-elsewhere':
      case 'response-lost':
        throw responseLost(decision.until - clock.Date.now(), decision.history);
      case 'login-required':
        throw this.#session.ended?.error ?? loginRequired(decision.reason);
      default:
        throw this.#reading.endIfSignedOut();
    }
  }

  #newReading(): SessionReading {
    return new SessionReading(this.#context, this.#session, this.#emit);
  }

  /** Reads the storage and decides, without the lock. */
  async #loadAndDecide(): Promise<Decision> {
    this.#reading = this.#newReading();
    return await this.#peek(this.#reading);
  }

  /**
   * Reads and decides while the refresh waits. The refresh continues from its earlier reading, because the new result may be
   * outdated by the time it arrives.
   */
  async #peek(reading = this.#newReading()): Promise<Decision> {
    return await this.#decide(reading, await reading.load());
  }

  async #decide(reading: SessionReading, loaded: LoadedRecord): Promise<Decision> {
    if (loaded.kind !== 'record') return loaded;
    const decision = await reading.decide(loaded, this.#requirement, this.#initialLogin);
    // A peek does not set the login of the refresh.
    if (reading === this.#reading) this.#initialLogin ??= reading.login;
    return decision;
  }
}

/** Returns an identifier for a marker of another process. `''`: no process has set one. */
function foreignMarkerOf(loaded: LoadedRecord, managerId: string): string {
  const { by = managerId, latest } = (loaded.kind === 'record' && loaded.record.pendingRefresh) || {};
  return by === managerId ? '' : `${by} ${latest}`;
}
