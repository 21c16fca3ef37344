/**
 * Sending a crowd that has waited for a refresh: not all at once, and never held up by one that gets no answer.
 *
 * @module
 */

import { type RequiredClock, startTimer } from '../async/abortable.ts';
import type { ConcurrencyLimiter } from '../core/contracts.ts';

/** A turn is over when the answer is there, or after this long without one, in ms: a long poll must not hold up others. */
const maxSlotMs = 1_000;

/** Sends when it is its turn. */
export type RequestQueue = (
  send: () => Promise<Response>,
  signal: AbortSignal | null | undefined,
) => Promise<Response>;

export function createRequestQueue(limiter: ConcurrencyLimiter, clock: RequiredClock): RequestQueue {
  return (send, signal) =>
    new Promise((resolve, reject) => {
      const task = () =>
        new Promise<void>((finish) => {
          const timer = startTimer(clock, finish, maxSlotMs);
          const end = () => {
            clock.clearTimeout(timer);
            finish();
          };
          send().then(resolve, reject).then(end);
        });
      limiter.run(task, signal).catch(reject);
    });
}
