/**
 * How protected resources respond to the tokens that were issued because they had rejected the one before. Where a resource rejects
 * even the new token, its 401 is about something else for the moment.
 *
 * @module
 */

import type { RequiredClock } from '../async/abortable.ts';
import type { Session } from '../session/session.ts';

/** The latest new token for a resource, and how the resource has responded to it. */
interface TokenTrial {
  readonly token: string;
  /** When the token was about to be sent, or was rejected. */
  readonly at: number;
  /** {@link Session.epoch}: what was before a login says nothing about what comes after it. */
  readonly epoch: number;
  /** `true`: the resource has accepted the token, so a later rejection is evidence. */
  readonly accepted: boolean;
  /** `true`: the resource has rejected the token. */
  readonly rejected: boolean;
  /** When it rejected a new token before this one. */
  readonly rejectedBefore: number;
  /** How many new tokens in a row were issued on suspicion only, without any being accepted. */
  readonly assumedRejections: number;
}

/**
 * How long a resource proves nothing about any token after a new one was issued because of it and not accepted, in ms. Without it two
 * resources that reject everything would have each other's new tokens replaced again and again: this is one refresh a minute.
 */
const suspectForMs = 60_000;

/**
 * How long a resource that accepts and rejects the same token, as one does whose paths differ, gets no refresh beyond that, in ms.
 * Without it a new token that is rejected at one path and accepted at another would be replaced at once, each time.
 */
const inconsistentForMs = 600_000;

/** The longest pause between two refreshes on suspicion, in ms: an API that is down all night costs one an hour. */
const maxSuspicionPauseMs = 3_600_000;

/** Remembers how resources responded to the tokens that were issued because they had rejected the one before. */
export class TokenTrials {
  readonly #clock: RequiredClock;
  #trials: WeakMap<Session, Map<string, TokenTrial>> | undefined = undefined;
  /** How many trials wait for an answer that accepts the token: with none, an accepted call costs one comparison. */
  #pendingTrials = 0;

  constructor(clock: RequiredClock) {
    this.#clock = clock;
  }

  /**
   * Notes that `token` is about to be sent to `resource`. It was issued because the resource had rejected the one before.
   *
   * @param isAssumed `true`: the rejection was assumed, because no response was visible.
   */
  sent(session: Session, resource: string, token: string, isAssumed = false): void {
    const last = this.#last(session, resource);
    if (last?.token === token) return;
    const inARow = last?.accepted === false ? last.assumedRejections : 0;
    const { rejected = false, at = 0, rejectedBefore = Number.NEGATIVE_INFINITY } = last ?? {};
    this.#keep(session, resource, {
      token,
      at: this.#clock.Date.now(),
      epoch: session.epoch,
      accepted: false,
      rejected: false,
      rejectedBefore: rejected ? at : rejectedBefore,
      assumedRejections: isAssumed ? inARow + 1 : 0,
    });
  }

  /** Notes that `resource` has rejected `token`. Returns whether this was not known before. */
  rejected(session: Session, resource: string, token: string): boolean {
    const last = this.#last(session, resource);
    // The rejection of an earlier token says nothing about this one.
    if (last?.token !== token || last.rejected) return false;
    this.#keep(session, resource, { ...last, rejected: true, at: this.#clock.Date.now() });
    return true;
  }

  /** Notes that `resource` has accepted `token`: from then on its rejection is evidence. */
  accepted(session: Session, resource: string, token: string): void {
    if (this.#pendingTrials === 0) return;
    const last = this.#last(session, resource);
    if (last?.token === token && !last.accepted) this.#keep(session, resource, { ...last, accepted: true });
  }

  /** Checks whether a rejection by `resource` proves nothing about the token. */
  isResourceSuspect(session: Session, resource: string): boolean {
    const last = this.#last(session, resource);
    if (last === undefined || Math.abs(this.#clock.Date.now() - last.at) >= suspectForMs) return false;
    return !last.accepted || (last.rejected && last.at - last.rejectedBefore < inconsistentForMs);
  }

  /**
   * Checks whether a call that failed without an answer may count as a rejection. It does not for a while after a token that was issued
   * because of such a failure was not accepted either: then the cause is the network or the resource.
   */
  mayAssumeRejection(session: Session, resource: string): boolean {
    const last = this.#last(session, resource);
    if (last === undefined || last.accepted) return true;
    const pause = Math.min(maxSuspicionPauseMs, suspectForMs * 2 ** Math.max(0, last.assumedRejections - 1));
    return Math.abs(this.#clock.Date.now() - last.at) >= pause;
  }

  #last(session: Session, resource: string): TokenTrial | undefined {
    const last = this.#trials?.get(session)?.get(resource);
    return last !== undefined && last.epoch === session.epoch ? last : undefined;
  }

  #keep(session: Session, resource: string, trial: TokenTrial): void {
    this.#trials ??= new WeakMap();
    const trials = this.#trials.get(session) ?? new Map<string, TokenTrial>();
    const before = trials.get(resource);
    this.#pendingTrials += Number(!trial.accepted) - Number(before?.accepted === false);
    this.#trials.set(session, trials.set(resource, trial));
  }
}
