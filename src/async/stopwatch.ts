/**
 * How long the parts of a refresh take, for those who want to know.
 *
 * @module
 */
import { isTokenKeepError } from '../core/errors.ts';
import type { RefreshTimes } from '../core/events.ts';
import type { RequiredClock } from './abortable.ts';

/** What happens once in a refresh. Of what happens again, the last time counts. */
type Moment = 'locked' | 'sent' | 'answered';

export class Stopwatch {
  readonly #clock: RequiredClock;
  readonly #startedAt: number;
  readonly #moments: { [At in Moment]?: number } = {};

  constructor(clock: RequiredClock) {
    this.#clock = clock;
    this.#startedAt = clock.Date.now();
  }

  mark(moment: Moment): void {
    this.#moments[moment] = this.#clock.Date.now();
  }

  /** Runs what is timed; `finished` hears of it, however it ends. */
  async time<T>(run: () => Promise<T>, finished: (times: RefreshTimes) => void): Promise<T> {
    try {
      const result = await run();
      finished(this.#read(undefined));
      return result;
    } catch (error) {
      finished(this.#read(error));
      throw error;
    }
  }

  #read(failure: unknown): RefreshTimes {
    const startedAt = this.#startedAt;
    const now = this.#clock.Date.now();
    const { locked = now, sent, answered } = this.#moments;
    const done = answered === undefined ? 'adopted' : 'refreshed';
    return {
      startedAt,
      outcome: failure === undefined ? done : 'failed',
      code: isTokenKeepError(failure) ? failure.code : undefined,
      lock: locked - startedAt,
      request: sent === undefined || answered === undefined ? undefined : answered - sent,
      commit: answered === undefined ? undefined : now - answered,
      total: now - startedAt,
    };
  }
}
