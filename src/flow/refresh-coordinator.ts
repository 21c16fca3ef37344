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
  isTokenKeepError,
  LockTimeoutError,
  RefreshFailedError,
  StorageError,
} from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import type { Verdict } from '../core/reconcile.ts';
import { secretsIn } from '../core/session-record.ts';
import { safeCause } from '../core/transport-failure.ts';
import { type Attempt, decide, hold, type Spent, type Want, type Workshop } from './attempt.ts';
import { discardLate } from './late-tokens.ts';
import { marked, type Preparation, prepare } from './preparation.ts';
import { loginRequired, refreshFailed, unanswered } from './refusal.ts';
import type { Held, Session } from './session.ts';
import type { Found } from './session-store.ts';
import { failed, type Step, settle } from './settlement.ts';
import { deadline, leavingOn } from './waiting.ts';

type Decision = Verdict | { readonly kind: 'none' };

export class RefreshCoordinator {
  readonly #workshop: Workshop;

  constructor(workshop: Workshop) {
    this.#workshop = workshop;
  }

  /** Gets an access token for `want`: from the storage if it is there, from the server if there is evidence. */
  async refresh(session: Session, want: Want): Promise<Held> {
    const events: AnyTokenEvent[] = [];
    const tell = (event: AnyTokenEvent) => void events.push(event);
    const attempt: Attempt = { session, want, epoch: session.epoch, tell, late: undefined };
    try {
      // What someone else has already refreshed needs no lock.
      const decision = await this.#look(attempt);
      // An unanswered refresh may be someone's who holds the lock and still waits for the answer.
      const needsLock = decision.kind === 'spend' || decision.kind === 'unanswered';
      if (!needsLock) return this.#conclude(attempt, decision);
      return await this.#locked(attempt);
    } finally {
      // 7 Released. Announce to listeners first; whoever waits for the flight comes after them.
      if (attempt.late !== undefined) discardLate(this.#workshop, session, attempt.late);
      for (const event of events) this.#workshop.tell(event);
    }
  }

  /** 2 Lock. Waiting for it is bounded, and what is stored is looked at once more before giving up. */
  async #locked(attempt: Attempt): Promise<Held> {
    const { lock, lockTimeout, clock } = this.#workshop;
    const late = () =>
      new LockTimeoutError(`The lock of the session was not free within ${lockTimeout} ms. Try again.`);
    const { signal, clear } = deadline(clock, lockTimeout, late);
    try {
      const granted = lock.request(`tokenkeep:${attempt.session.key}`, { signal }, async () => {
        signal.throwIfAborted(); // nobody waits any more
        clear();
        return await this.#critical(attempt);
      });
      return await leavingOn(granted, signal);
    } catch (error) {
      const isLate = signal.aborted && error === signal.reason;
      if (!isLate && isTokenKeepError(error)) throw error;
      const decision = await this.#look(attempt);
      if (decision.kind === 'adopt') return this.#conclude(attempt, decision);
      if (isLate) throw error;
      throw new LockTimeoutError('The lock of the session failed.', { cause: safeCause(error, []) });
    } finally {
      clear();
    }
  }

  async #critical(attempt: Attempt): Promise<Held> {
    const { session } = attempt;
    for (let round = 1; round <= 5; round++) {
      attempt.epoch = session.epoch;
      // 3 Re-read. While we waited for the lock, others may have refreshed, ended or replaced the session. A
      // successor that the storage refused comes first: the next rotation waits until it is durable (law 2).
      await this.#workshop.store.flush(session, attempt.tell);
      const found = await this.#found(attempt);
      // 4 Reconcile
      const decision = await this.#decide(attempt, found);
      if (found === undefined || decision.kind !== 'spend') return this.#conclude(attempt, decision);
      const step = await this.#spend(attempt, found, decision.unanswered);
      if (step === 'again') continue;
      return 'token' in step ? step : this.#conclude(attempt, await decide(this.#workshop, attempt, step));
    }
    throw new RefreshFailedError('What is stored changes faster than it can be refreshed. Try again.', {
      sent: false,
    });
  }

  /** 5 Prepare, mark, spend. */
  async #spend(attempt: Attempt, found: Found, before: number): Promise<Step> {
    const { session } = attempt;
    const { record } = found;
    if (session.unsaved !== undefined) throw waitsForStorage();
    let prepared: Preparation;
    try {
      prepared = await prepare(this.#workshop, attempt, record);
    } catch (error) {
      if (isTokenKeepError(error) && error.code !== 'ERR_CONFIGURATION') throw error;
      const cause = safeCause(error, secretsIn(record));
      return await failed(this.#workshop, attempt, found, { kind: 'transient', cause });
    }
    // The mark proves that the storage takes writes, and tells whoever comes next should we die after the POST.
    const mark = await marked(this.#workshop, record, before);
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
    // A tab or process that was frozen here has slept through its turn: those who wait may have taken over.
    const napped = sentAt - (mark.spending?.latest ?? sentAt);
    if (napped > this.#workshop.lockTimeout / 2) return 'again';
    // From here on nothing aborts it, whoever leaves: the server may have rotated already.
    const sent = await prepared.grant.send();
    // While it was under way: a sign-out, a login, a lost lease. Step 6 finds out by compare-and-set.
    const { server, scope, grant } = prepared;
    const secrets = [...grant.secrets, ...secretsIn(record)];
    const spent: Spent = { server, scope, record, marked: mark, version, sentAt, secrets };
    return await settle(this.#workshop, attempt, spent, sent);
  }

  /** Reads and decides, without the lock. */
  async #look(attempt: Attempt): Promise<Decision> {
    attempt.epoch = attempt.session.epoch;
    return await this.#decide(attempt, await this.#found(attempt));
  }

  async #found(attempt: Attempt): Promise<Found | undefined> {
    const { session } = attempt;
    while (session.arriving !== undefined) await session.arriving.catch(() => undefined);
    if (session.gone?.final === true) return undefined;
    // A successor that the storage refused is newer than whatever it holds.
    if (session.unsaved !== undefined)
      return { record: session.unsaved.record, version: session.unsaved.ifVersion };
    return await this.#workshop.store.read(session, attempt.tell);
  }

  async #decide(attempt: Attempt, found: Found | undefined): Promise<Decision> {
    return found === undefined ? { kind: 'none' } : await decide(this.#workshop, attempt, found.record);
  }

  #conclude(attempt: Attempt, decision: Decision): Held {
    const { session, want } = attempt;
    const now = this.#workshop.clock.now();
    switch (decision.kind) {
      case 'adopt': {
        const before = session.held(want.variant)?.token;
        const held = hold(this.#workshop, attempt, decision.accessToken, decision.until);
        if (before !== undefined && before !== held.token) {
          attempt.tell({ type: 'adopted', session: session.id, expiresAt: decision.accessToken.expiresAt });
        }
        return held;
      }
      case 'failed':
        throw refreshFailed(decision.failure, now, attempt.cause);
      case 'unanswered':
        throw unanswered(decision.until - now);
      case 'login':
        throw session.gone?.error ?? loginRequired(decision.reason);
      default:
        throw this.#nobody(attempt);
    }
  }

  /** Nothing is stored. If there were tokens here before, someone else has signed out. */
  #nobody(attempt: Attempt): Error {
    const { session } = attempt;
    if (session.gone !== undefined) return session.gone.error;
    if (!session.known || session.epoch !== attempt.epoch) return loginRequired('no_tokens');
    session.forget();
    session.gone = { error: loginRequired('signed_out'), final: false };
    attempt.tell({ type: 'signedOut', session: session.id, where: 'elsewhere' });
    return session.gone.error;
  }
}

function waitsForStorage(): StorageError {
  return new StorageError(
    'The storage still refuses the latest tokens; they are kept in memory. No refresh before it takes them.',
    {
      operation: 'write',
    },
  );
}
