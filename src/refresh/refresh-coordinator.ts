/**
 * The critical section: the only place where a refresh token is spent.
 *
 * The seven steps of a refresh, as numbered in the README: 1 join, 2 lock, 3 re-read, 4 reconcile, 5 prepare, mark
 * and spend, 6 commit, 7 release and announce. Order is law: the flight (step 1) is outside, in `token-source`; the
 * lock is inside it; the re-check is innermost. No code of a user runs while the lock is held.
 *
 * @module
 */

import { Stopwatch } from '../async/stopwatch.ts';
import type { Version } from '../core/contracts.ts';
import {
  isConfigurationError,
  isConflict,
  isTokenKeepError,
  LockTimeoutError,
  RefreshFailedError,
} from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import { safeCause } from '../core/http/network-error.ts';
import { consecutiveFailures, latestFailure } from '../core/session/failure-history.ts';
import { isSameLogin } from '../core/session/login-identity.ts';
import { type SessionRecord, secretsIn } from '../core/session/session-record.ts';
import { isPageLeaving, waitUntilPageStays } from '../platform/environment.ts';
import { keyOfSession } from '../session/dpop-session.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import { revokeOrphanedTokens } from '../session/orphaned-tokens.ts';
import type { VersionedRecord } from '../session/record-write.ts';
import { reportReplacedRecord } from '../session/replaced-record.ts';
import type { CachedToken, Session } from '../session/session.ts';
import { refreshFailed, responseLost, storagePending } from '../session/session-errors.ts';
import { waitForResolution, withSessionLock } from '../session/session-lock.ts';
import type { PreparedTokenRequest, SendResult } from '../token-endpoint/token-endpoint.ts';
import { handleTokenResponse, onTransientFailure, type RefreshStep } from './commit-response.ts';
import { loadOrCreateRecord, loadRecord } from './load-record.ts';
import { type PreparedRefresh, prepareRequest, withPendingRefresh } from './prepare-request.ts';
import {
  decide,
  mayReachServer,
  type RefreshAttempt,
  type RefreshRequirement,
  type SentRefresh,
  switchLogin,
} from './refresh-attempt.ts';
import { type Decision, type InProgressElsewhere, needsLock, resolveDecision } from './resolve-decision.ts';

/** What came of having the lock, or of not getting it: `'lock-lost'`, it was somebody else's before it was of use. */
type LockedOutcome = CachedToken | 'lock-lost' | InProgressElsewhere;

export class RefreshCoordinator {
  readonly #context: ManagerContext;

  constructor(context: ManagerContext) {
    this.#context = context;
  }

  /** Gets an access token for `requirement`: from the storage if it is there, from the server if there is evidence. */
  async refresh(session: Session, requirement: RefreshRequirement): Promise<CachedToken> {
    const events: AnyTokenEvent[] = [];
    const emit = (event: AnyTokenEvent) => void events.push(event);
    const { login, epoch } = session;
    const attempt: RefreshAttempt = {
      session,
      requirement,
      initialLogin: requirement.login ?? login,
      epoch,
      emit,
      orphanedTokens: undefined,
    };
    try {
      // What someone else has already refreshed needs no lock.
      const decision = await this.#loadAndDecide(attempt);
      if (!needsLock(decision)) return resolveDecision(this.#context, attempt, decision);
      attempt.stopwatch = new Stopwatch(this.#context.clock);
      return await attempt.stopwatch.time(
        () => this.#refreshUnderLock(attempt),
        (times) => emit({ type: 'refreshFinished', ...session.eventContext(attempt.initialLogin), ...times }),
      );
    } finally {
      // 7 Released. Announce to listeners first; whoever waits for the flight comes after them.
      // Another login is stored: followed here, so that no call goes out under it before listeners know.
      if (!isSameLogin(attempt.initialLogin, attempt.login)) switchLogin(attempt);
      if (attempt.orphanedTokens !== undefined)
        revokeOrphanedTokens(this.#context, session, attempt.orphanedTokens);
      for (const event of events) this.#context.emit(event);
      reportReplacedRecord(this.#context, session);
    }
  }

  /** 2 Lock. Whoever holds it for too long loses it, and queues again. */
  async #refreshUnderLock(attempt: RefreshAttempt): Promise<CachedToken> {
    for (let turn = 1; turn <= 3; turn++) {
      const outcome = await this.#tryUnderLock(attempt);
      if (outcome === 'lock-lost') continue;
      if ('token' in outcome) return outcome;
      const decision = await this.#waitForElsewhere(attempt, outcome);
      if (!needsLock(decision)) return resolveDecision(this.#context, attempt, decision);
      if (turn === 3) throw responseLost(0, undefined); // others send it one after the other, and none receives an answer
    }
    throw new LockTimeoutError('The lock of the session was lost again and again. Try again.');
  }

  /** Somebody has lost the lock, and perhaps their life, in the middle of a refresh: it is theirs to end while it may. */
  async #waitForElsewhere(attempt: RefreshAttempt, { until }: InProgressElsewhere): Promise<Decision> {
    const isResolvedElsewhere = async () =>
      (await this.#loadAndDecide({ ...attempt })).kind !== 'in-progress-elsewhere';
    await waitForResolution(this.#context, attempt.session, { isResolvedElsewhere, until });
    return await this.#loadAndDecide(attempt);
  }

  /** Waiting for the lock is bounded, and what is stored is looked at once more before giving up. */
  async #tryUnderLock(attempt: RefreshAttempt): Promise<LockedOutcome> {
    const outcome = await withSessionLock(this.#context, attempt.session, {
      run: () => this.#runCriticalSection(attempt),
      // On a copy: what it finds may be old by the time it is found, and somebody else's.
      isResolvedElsewhere: async () => !needsLock(await this.#loadAndDecide({ ...attempt })),
    });
    if (outcome.kind === 'ran') return outcome.value;
    const decision = await this.#loadAndDecide(attempt);
    if (decision.kind === 'use-stored' || (outcome.kind === 'resolved-elsewhere' && !needsLock(decision))) {
      return resolveDecision(this.#context, attempt, decision);
    }
    if (outcome.kind === 'resolved-elsewhere') return 'lock-lost'; // it has changed once more
    throw outcome.error;
  }

  async #runCriticalSection(attempt: RefreshAttempt): Promise<LockedOutcome> {
    const { session } = attempt;
    const grantedAt = this.#context.clock.now();
    attempt.stopwatch?.mark('locked');
    let firstMarker: string | undefined;
    for (let round = 1; round <= 5; round++) {
      attempt.epoch = session.epoch;
      // 3 Re-read. While we waited for the lock, others may have refreshed, ended or replaced the session. A
      // successor that the storage refused comes first: the next rotation waits until it is durable (law commit-before-use).
      await this.#context.store.flush(session, attempt.emit);
      const found = await loadOrCreateRecord(this.#context, attempt);
      // Someone else has left a marker since we came: the lock has passed on to them while we slept.
      const marker = foreignMarkerOf(found, this.#context.managerId);
      firstMarker ??= marker;
      if (marker !== firstMarker && marker !== '') return 'lock-lost';
      // 4 Reconcile
      const decision = await this.#decide(attempt, found);
      if (decision.kind === 'in-progress-elsewhere') return decision;
      if (found === undefined || decision.kind !== 'refresh')
        return resolveDecision(this.#context, attempt, decision);
      const step = await this.#prepareAndSend(attempt, { ...found, grantedAt }, decision.lostResponses);
      if (step === 'retry') continue;
      if (step === 'lock-lost') return step;
      return 'token' in step ? step : await this.#resolveAfterFailure(attempt, step);
    }
    throw new RefreshFailedError('What is stored changes faster than it can be refreshed. Try again.', {
      sent: false,
    });
  }

  /** After a failure that is remembered in `record`: what is still valid serves. */
  async #resolveAfterFailure(attempt: RefreshAttempt, record: SessionRecord): Promise<CachedToken> {
    const decision = await decide(this.#context, attempt, record);
    // Deciding may take a request, and so longer than the pause after the failure. That is no reason to spend at once.
    const failure = latestFailure(record, attempt.requirement.variant);
    if (decision.kind !== 'refresh' || failure === undefined)
      return resolveDecision(this.#context, attempt, decision);
    throw refreshFailed(failure, this.#context.clock.now(), {
      history: consecutiveFailures(record, failure),
      cause: attempt.cause,
    });
  }

  /** 5 Prepare, mark, spend. */
  async #prepareAndSend(
    attempt: RefreshAttempt,
    found: VersionedRecord & { readonly grantedAt: number },
    lostResponses: number,
  ): Promise<RefreshStep | 'lock-lost'> {
    const { session } = attempt;
    const { record } = found;
    if (session.unsaved !== undefined) throw storagePending();
    let prepared: PreparedRefresh;
    try {
      prepared = await prepareRequest(this.#context, attempt, record);
    } catch (error) {
      if (isConfigurationError(error)) {
        return await onTransientFailure(this.#context, attempt, found, { kind: 'client', cause: error });
      }
      if (isTokenKeepError(error)) throw error;
      const cause = safeCause(error, secretsIn(record));
      return await onTransientFailure(this.#context, attempt, found, { kind: 'transient', cause });
    }
    // A page that is reloaded in mid-refresh would take the successor along. Nothing has been sent.
    await waitUntilPageStays(this.#context.clock);
    // The marker proves that the storage takes writes, and tells whoever comes next should we die after the POST.
    const markedRecord = withPendingRefresh(this.#context, record, lostResponses);
    let version: Version;
    try {
      version = await this.#context.store.write(session, markedRecord, found.version);
    } catch (error) {
      // Someone signed out or in while we prepared. Nothing has been sent.
      if (isConflict(error)) return 'retry';
      throw error;
    }
    // While the marker was written someone may have signed out in this process: the last moment to stop.
    if (session.epoch !== attempt.epoch) return 'retry';
    const sentAt = this.#context.clock.now();
    // A tab or process that was frozen has slept through its turn: those who wait may have taken over.
    const hasOutlivedLock = this.#hasOutlivedLock(
      sentAt,
      found.grantedAt,
      markedRecord.pendingRefresh?.latest ?? sentAt,
    );
    if (hasOutlivedLock || isPageLeaving()) {
      // Nothing was sent: nobody has to be careful because of us.
      await this.#context.store.write(session, record, version).catch(() => undefined);
      return hasOutlivedLock ? 'lock-lost' : 'retry';
    }
    const { server, scope, grant } = prepared;
    const secrets = [...grant.secrets, ...secretsIn(record)];
    return await this.#send(attempt, grant, {
      server,
      scope,
      record,
      markedRecord,
      version,
      sentAt,
      secrets,
    });
  }

  /** From here on nothing aborts it, whoever leaves: the server may have rotated already. */
  async #send(
    attempt: RefreshAttempt,
    grant: PreparedTokenRequest,
    sentRefresh: SentRefresh,
  ): Promise<RefreshStep> {
    const { session, stopwatch } = attempt;
    session.beginRequest();
    stopwatch?.mark('sent');
    try {
      const result: SendResult = mayReachServer(this.#context, attempt, sentRefresh.record)
        ? await grant.send()
        : { kind: 'not-sent', cause: new Error('The network is offline.') };
      stopwatch?.mark('answered');
      // While it was under way: a sign-out, a login, a lost lease. Step 6 finds out by compare-and-set.
      return await handleTokenResponse(this.#context, attempt, sentRefresh, result);
    } finally {
      session.endRequest();
    }
  }

  /** Law bounded-locks: what is sent now has to be answered, and stored, before the lock is somebody else's. */
  #hasOutlivedLock(now: number, grantedAt: number, markedAt: number): boolean {
    const { lock, lockTimeout, timeout } = this.#context;
    const hasLease = lock.lease !== undefined;
    const elapsed = now - (hasLease ? grantedAt : markedAt);
    return elapsed < 0 || elapsed > (hasLease ? lock.lease - timeout - 5_000 : lockTimeout / 2);
  }

  /** Reads and decides, without the lock. */
  async #loadAndDecide(attempt: RefreshAttempt): Promise<Decision> {
    attempt.epoch = attempt.session.epoch;
    return await this.#decide(attempt, await loadRecord(this.#context, attempt));
  }

  async #decide(
    attempt: RefreshAttempt,
    found: VersionedRecord | 'not-created' | undefined,
  ): Promise<Decision> {
    if (found === 'not-created') return { kind: found };
    if (found === undefined) return { kind: 'none' };
    attempt.dpopKey = await keyOfSession(this.#context, attempt.session, found, attempt.emit);
    return await decide(this.#context, attempt, found.record);
  }
}

/** Names a marker that is not ours; `''`: there is none. */
function foreignMarkerOf(found: VersionedRecord | undefined, managerId: string): string {
  const { by = managerId, latest } = found?.record.pendingRefresh ?? {};
  return by === managerId ? '' : `${by} ${latest}`;
}
