/**
 * The responses of protected resources to tokens that were issued because they had rejected the previous one. If a resource
 * rejects even the new token, its 401 has another cause for the moment.
 *
 * @module
 */

import type { RequiredClock } from '../async/abortable.ts';
import type { Session } from '../session/session.ts';

/** The latest new token for a resource, and the response of the resource to it. */
interface TokenTrial {
  readonly token: string;
  /** Time at which the token was about to be sent, or was rejected. */
  readonly at: number;
  /** {@link Session.epoch} of the trial. A trial before a login does not concern the tokens after it. */
  readonly epoch: number;
  /** `true`: the resource has accepted the token, so a later rejection is evidence. */
  readonly accepted: boolean;
  /** `true`: the resource has rejected the token. */
  readonly rejected: boolean;
  /** Time at which the resource rejected an earlier new token. */
  readonly rejectedBefore: number;
  /** Number of consecutive new tokens that were issued on suspicion only, without any being accepted. */
  readonly assumedRejections: number;
}

/**
 * Time for which a resource proves nothing about any token after it has not accepted a new one that was issued for it, in ms.
 * Otherwise two resources that reject everything would replace each other's new tokens repeatedly. This limits them to one
 * refresh a minute.
 */
const suspectForMs = 60_000;

/**
 * Time for which a resource that accepts and rejects the same token, for example at different paths, causes no further refresh,
 * in ms. Otherwise a new token that is rejected at one path and accepted at another would be replaced each time.
 */
const inconsistentForMs = 600_000;

/** Longest pause between two refreshes on suspicion, in ms: an API that is down all night costs one refresh an hour. */
const maxSuspicionPauseMs = 3_600_000;

/** Memory of the responses of resources to tokens that were issued because they had rejected the previous one. */
export class TokenTrials {
  readonly #clock: RequiredClock;
  #trials: WeakMap<Session, Map<string, TokenTrial>> | undefined = undefined;
  /** Number of trials without an accepting response so far. If it is 0, an accepted call costs one comparison. */
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
    // The rejection of an earlier token does not concern this one.
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
   * Checks whether a call that failed without a response may count as a rejection. It does not for a while after a token that was
   * issued because of such a failure was not accepted either: then the cause is the network or the resource.
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
