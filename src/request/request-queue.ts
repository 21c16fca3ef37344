/**
 * Sends the requests that have waited for a refresh: a limited number at a time, so that they do not arrive all at once.
 *
 * @module
 */

import { type RequiredClock, startTimer } from '../async/abortable.ts';
import type { ConcurrencyLimiter } from '../core/contracts.ts';

/**
 * Time after which a request leaves its place in the queue, in ms, if no response has arrived: a long poll must not delay others.
 */
const maxSlotMs = 1_000;

/** Calls `send` in its turn. @throws the signal's reason, if the caller aborts before that */
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
