/**
 * Delays between attempts to acquire what another machine of the cluster holds, with a way to end a delay early.
 *
 * @module
 */
import { abortable, platformClock } from '../async/abortable.ts';

/** A pause that can be ended early, also before it begins, so that a message between two looks is not missed. */
export class WakeableDelay {
  #isWoken = false;
  #finish: (() => void) | undefined = undefined;

  /** Ends the pause, or the next one. */
  readonly wake: () => void = () => {
    this.#isWoken = true;
    this.#finish?.();
  };

  /** Waits for `ms`, or until `wake` is called. @throws the signal's reason */
  async wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    let timer: unknown;
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
      timer = platformClock.setTimeout(resolve, this.#isWoken ? 0 : ms);
    });
    try {
      await abortable(finished, signal);
    } finally {
      platformClock.clearTimeout(timer);
      this.#isWoken = false;
    }
  }
}

/** Returns the delay before the next attempt, in ms: it grows with the number of attempts, and is random. */
export function backoffDelay(attempt: number, max: number): number {
  return Math.min(max, 20 * 1.6 ** attempt) * (0.5 + Math.random() / 2);
}

/**
 * Returns the delay, in ms, for which this process lets other waiters of the cluster go first: the process nearest to the server would
 * otherwise win every time.
 */
export function yieldDelay(): number {
  return 5 + Math.random() * 15;
}
