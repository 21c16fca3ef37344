/**
 * How long to wait for the other machines of a cluster, and how to stop waiting early.
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

  /** @throws the signal's reason */
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

/** How long to wait before looking once more: the longer the more often one has looked, and never all at once. */
export function backoffDelay(attempt: number, max: number): number {
  return Math.min(max, 20 * 1.6 ** attempt) * (0.5 + Math.random() / 2);
}

/**
 * How long someone of this process lets others go first, when others of the cluster wait for the same lock: who is near
 * would win every time.
 */
export function yieldDelay(): number {
  return 5 + Math.random() * 15;
}
