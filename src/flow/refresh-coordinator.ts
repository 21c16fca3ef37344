/**
 * The critical section: the only place where a refresh token is spent.
 *
 * The seven steps of a refresh, as numbered in the README: 1 join, 2 lock, 3 re-read, 4 reconcile, 5 prepare, mark
 * and spend, 6 commit, 7 release and announce. Order is law: the flight (step 1) is outside, in `token-source`; the
 * lock is inside it; the re-check is innermost. No code of a user runs while the lock is held.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import {
  isConflict,
  isMisconfigured,
  isTokenKeepError,
  LockTimeoutError,
  RefreshFailedError,
} from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import { historyOf, latestFailure } from '../core/failure-history.ts';
import { isSameLogin } from '../core/login-identity.ts';
import { type SessionRecord, secretsIn } from '../core/session-record.ts';
import { safeCause } from '../core/transport-failure.ts';
import {
  type Attempt,
  decide,
  enter,
  mayReachServer,
  type Spent,
  type Want,
  type Workshop,
} from './attempt.ts';
import { type Awaited, conclude, type Decision, needsLock } from './conclusion.ts';
import type { Found } from './fate.ts';
import { find, findOrBegin } from './finding.ts';
import { discardLate } from './late-tokens.ts';
import { awaitNews, news, takeTurn } from './lock-turn.ts';
import { isPageLeaving, pageStays } from './platform.ts';
import { proverOf } from './possession.ts';
import { marked, type Preparation, prepare } from './preparation.ts';
import { refreshFailed, unanswered, waitsForStorage } from './refusal.ts';
import type { Held, Session } from './session.ts';
import { failed, type Step, settle } from './settlement.ts';
import { Stopwatch } from './stopwatch.ts';
import { sweep } from './sweep.ts';
import type { PreparedGrant, Sent } from './token-endpoint.ts';

/** What came of having the lock, or of not getting it: `'lapsed'`, it was somebody else's before it was of use. */
type Outcome = Held | 'lapsed' | Awaited;

export class RefreshCoordinator {
  readonly #workshop: Workshop;

  constructor(workshop: Workshop) {
    this.#workshop = workshop;
  }

  /** Gets an access token for `want`: from the storage if it is there, from the server if there is evidence. */
  async refresh(session: Session, want: Want): Promise<Held> {
    const events: AnyTokenEvent[] = [];
    const tell = (event: AnyTokenEvent) => void events.push(event);
    const { login, epoch } = session;
    const attempt: Attempt = { session, want, began: want.login ?? login, epoch, tell, late: undefined };
    try {
      // What someone else has already refreshed needs no lock.
      const decision = await this.#look(attempt);
      if (!needsLock(decision)) return conclude(this.#workshop, attempt, decision);
      attempt.stopwatch = new Stopwatch(this.#workshop.clock);
      return await attempt.stopwatch.time(
        () => this.#locked(attempt),
        (times) => tell({ type: 'refreshFinished', ...session.about(attempt.began), ...times }),
      );
    } finally {
      // 7 Released. Announce to listeners first; whoever waits for the flight comes after them.
      // Another login is stored: followed here, so that no call goes out under it before listeners know.
      if (!isSameLogin(attempt.began, attempt.login)) enter(attempt);
      if (attempt.late !== undefined) discardLate(this.#workshop, session, attempt.late);
      for (const event of events) this.#workshop.tell(event);
      sweep(this.#workshop, session);
    }
  }

  /** 2 Lock. Whoever holds it for too long loses it, and queues again. */
  async #locked(attempt: Attempt): Promise<Held> {
    for (let turn = 1; turn <= 3; turn++) {
      const outcome = await this.#turn(attempt);
      if (outcome === 'lapsed') continue;
      if ('token' in outcome) return outcome;
      const decision = await this.#await(attempt, outcome);
      if (!needsLock(decision)) return conclude(this.#workshop, attempt, decision);
      if (turn === 3) throw unanswered(0, undefined); // others send it one after the other, and none receives an answer
    }
    throw new LockTimeoutError('The lock of the session was lost again and again. Try again.');
  }

  /** Somebody has lost the lock, and perhaps their life, in the middle of a refresh: it is theirs to end while it may. */
  async #await(attempt: Attempt, { until }: Awaited): Promise<Decision> {
    const isSettled = async () => (await this.#look({ ...attempt })).kind !== 'awaited';
    await awaitNews(this.#workshop, attempt.session, { isSettled, until });
    return await this.#look(attempt);
  }

  /** Waiting for the lock is bounded, and what is stored is looked at once more before giving up. */
  async #turn(attempt: Attempt): Promise<Outcome> {
    const outcome = await takeTurn(this.#workshop, attempt.session, {
      run: () => this.#critical(attempt),
      // On a copy: what it finds may be old by the time it is found, and somebody else's.
      isSettled: async () => !needsLock(await this.#look({ ...attempt })),
    });
    if ('ran' in outcome) return outcome.ran;
    const { instead } = outcome;
    const decision = await this.#look(attempt);
    if (decision.kind === 'adopt' || (instead === news && !needsLock(decision))) {
      return conclude(this.#workshop, attempt, decision);
    }
    if (instead === news) return 'lapsed'; // it has changed once more
    if (isTokenKeepError(instead)) throw instead;
    throw new LockTimeoutError('The lock of the session failed.', { cause: safeCause(instead, []) });
  }

  async #critical(attempt: Attempt): Promise<Outcome> {
    const { session } = attempt;
    const grantedAt = this.#workshop.clock.now();
    attempt.stopwatch?.mark('locked');
    let known: string | undefined;
    for (let round = 1; round <= 5; round++) {
      attempt.epoch = session.epoch;
      // 3 Re-read. While we waited for the lock, others may have refreshed, ended or replaced the session. A
      // successor that the storage refused comes first: the next rotation waits until it is durable (law 2).
      await this.#workshop.store.flush(session, attempt.tell);
      const found = await findOrBegin(this.#workshop, attempt);
      // Someone else has left a mark since we came: the lock has passed on to them while we slept.
      const mark = markOf(found, this.#workshop.name);
      known ??= mark;
      if (mark !== known && mark !== '') return 'lapsed';
      // 4 Reconcile
      const decision = await this.#decide(attempt, found);
      if (decision.kind === 'awaited') return decision;
      if (found === undefined || decision.kind !== 'spend')
        return conclude(this.#workshop, attempt, decision);
      const step = await this.#spend(attempt, { ...found, grantedAt }, decision.unanswered);
      if (step === 'again') continue;
      if (step === 'lapsed') return step;
      return 'token' in step ? step : await this.#fallBack(attempt, step);
    }
    throw new RefreshFailedError('What is stored changes faster than it can be refreshed. Try again.', {
      sent: false,
    });
  }

  /** After a failure that is remembered in `record`: what is still valid serves. */
  async #fallBack(attempt: Attempt, record: SessionRecord): Promise<Held> {
    const verdict = await decide(this.#workshop, attempt, record);
    // Deciding may take a request, and so longer than the pause after the failure. That is no reason to spend at once.
    const failure = latestFailure(record, attempt.want.variant);
    if (verdict.kind !== 'spend' || failure === undefined) return conclude(this.#workshop, attempt, verdict);
    throw refreshFailed(failure, this.#workshop.clock.now(), {
      history: historyOf(record, failure),
      cause: attempt.cause,
    });
  }

  /** 5 Prepare, mark, spend. */
  async #spend(
    attempt: Attempt,
    found: Found & { readonly grantedAt: number },
    before: number,
  ): Promise<Step | 'lapsed'> {
    const { session } = attempt;
    const { record } = found;
    if (session.unsaved !== undefined) throw waitsForStorage();
    let prepared: Preparation;
    try {
      prepared = await prepare(this.#workshop, attempt, record);
    } catch (error) {
      if (isMisconfigured(error)) {
        return await failed(this.#workshop, attempt, found, { kind: 'client', cause: error });
      }
      if (isTokenKeepError(error)) throw error;
      const cause = safeCause(error, secretsIn(record));
      return await failed(this.#workshop, attempt, found, { kind: 'transient', cause });
    }
    // A page that is reloaded in mid-refresh would take the successor along. Nothing has been sent.
    await pageStays(this.#workshop.clock);
    // The mark proves that the storage takes writes, and tells whoever comes next should we die after the POST.
    const mark = marked(this.#workshop, record, before);
    let version: Version;
    try {
      version = await this.#workshop.store.write(session, mark, found.version);
    } catch (error) {
      // Someone signed out or in while we prepared. Nothing has been sent.
      if (isConflict(error)) return 'again';
      throw error;
    }
    // While the mark was written someone may have signed out in this process: the last moment to stop.
    if (session.epoch !== attempt.epoch) return 'again';
    const sentAt = this.#workshop.clock.now();
    // A tab or process that was frozen has slept through its turn: those who wait may have taken over.
    const hasSlept = this.#hasSlept(sentAt, found.grantedAt, mark.spending?.latest ?? sentAt);
    if (hasSlept || isPageLeaving()) {
      // Nothing was sent: nobody has to be careful because of us.
      await this.#workshop.store.write(session, record, version).catch(() => undefined);
      return hasSlept ? 'lapsed' : 'again';
    }
    const { server, scope, grant } = prepared;
    const secrets = [...grant.secrets, ...secretsIn(record)];
    return await this.#send(attempt, grant, {
      server,
      scope,
      record,
      marked: mark,
      version,
      sentAt,
      secrets,
    });
  }

  /** From here on nothing aborts it, whoever leaves: the server may have rotated already. */
  async #send(attempt: Attempt, grant: PreparedGrant, spent: Spent): Promise<Step> {
    const { session, stopwatch } = attempt;
    session.sending += 1;
    stopwatch?.mark('sent');
    try {
      const sent: Sent = mayReachServer(this.#workshop, attempt, spent.record)
        ? await grant.send()
        : { kind: 'unsent', cause: new Error('The network is offline.') };
      stopwatch?.mark('answered');
      // While it was under way: a sign-out, a login, a lost lease. Step 6 finds out by compare-and-set.
      return await settle(this.#workshop, attempt, spent, sent);
    } finally {
      session.sending -= 1;
    }
  }

  /** Law 11: what is sent now has to be answered, and stored, before the lock is somebody else's. */
  #hasSlept(now: number, grantedAt: number, markedAt: number): boolean {
    const { lock, lockTimeout, timeout } = this.#workshop;
    const hasLease = lock.lease !== undefined;
    const elapsed = now - (hasLease ? grantedAt : markedAt);
    return elapsed < 0 || elapsed > (hasLease ? lock.lease - timeout - 5_000 : lockTimeout / 2);
  }

  /** Reads and decides, without the lock. */
  async #look(attempt: Attempt): Promise<Decision> {
    attempt.epoch = attempt.session.epoch;
    return await this.#decide(attempt, await find(this.#workshop, attempt));
  }

  async #decide(attempt: Attempt, found: Found | 'unbegun' | undefined): Promise<Decision> {
    if (found === 'unbegun') return { kind: found };
    if (found === undefined) return { kind: 'none' };
    attempt.prover = await proverOf(this.#workshop, attempt.session, found, attempt.tell);
    return await decide(this.#workshop, attempt, found.record);
  }
}

/** Names a mark that is not ours; `''`: there is none. */
function markOf(found: Found | undefined, us: string): string {
  const { by = us, latest } = found?.record.spending ?? {};
  return by === us ? '' : `${by} ${latest}`;
}
