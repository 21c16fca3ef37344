/**
 * Protected resources that reject even a new token: their 401 is about something else.
 *
 * @module
 */
import type { Session } from './session.ts';
import type { FullClock } from './waiting.ts';

interface Trial {
  readonly token: string;
  readonly at: number;
  /** {@link Session.epoch}: what was before a login says nothing about what comes after it. */
  readonly epoch: number;
  /** `true`: the new token was rejected as well. */
  readonly lost: boolean;
  /** `true`: the new token was accepted, so whatever becomes of it later is evidence. */
  readonly won?: boolean;
}

/**
 * How long a resource proves nothing about any token after a new one was issued because of it and not accepted, in ms.
 * Without it two resources that reject everything would have each other's new tokens replaced for ever.
 */
const truce = 60_000;

/** What became of the tokens that were issued because a resource had rejected the one before. */
export class Rejections {
  readonly #clock: FullClock;
  readonly #trials: WeakMap<Session, Map<string, Trial>> = new WeakMap();

  constructor(clock: FullClock) {
    this.#clock = clock;
  }

  /** `resource` is about to be sent `token`, or has rejected it (`lost`). */
  note(session: Session, resource: string, { token, lost }: Pick<Trial, 'token' | 'lost'>): void {
    const trials = this.#trials.get(session) ?? new Map<string, Trial>();
    const last = trials.get(resource);
    const isKnown = last?.token === token && last.epoch === session.epoch;
    // A straggler that finds the token ended says nothing against the place that has accepted it.
    if (isKnown && (!lost || last.won === true)) return;
    const trial = { token, lost, at: this.#clock.now(), epoch: session.epoch };
    this.#trials.set(session, trials.set(resource, trial));
  }

  /** `resource` has accepted `token`: when it rejects it one day, that is evidence. */
  accepted(session: Session, resource: string, token: string): void {
    const trials = this.#trials.get(session);
    const last = trials?.get(resource);
    if (last?.token === token && !last.lost) trials?.set(resource, { ...last, won: true });
  }

  /** Tells whether it says nothing about `token` that `resource` rejects it. */
  meanNothing(session: Session, resource: string, token: string): boolean {
    const last = this.#trials.get(session)?.get(resource);
    if (last === undefined || last.won === true || last.epoch !== session.epoch) return false;
    return (last.lost && last.token === token) || Math.abs(this.#clock.now() - last.at) < truce;
  }
}
