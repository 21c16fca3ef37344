/**
 * Sending a crowd that has waited for a refresh: not all at once, and never held up by one that gets no answer.
 *
 * @module
 */
import type { Turns } from '../core/contracts.ts';
import type { FullClock } from './waiting.ts';

/** A turn is over when the answer is there, or after this long without one, in ms: a long poll must not hold up others. */
const longestTurn = 1_000;

/** Sends when it is its turn. */
export type Pace = (
  send: () => Promise<Response>,
  signal: AbortSignal | null | undefined,
) => Promise<Response>;

export function pacedBy(turns: Turns, clock: FullClock): Pace {
  return (send, signal) =>
    new Promise((resolve, reject) => {
      const turn = () =>
        new Promise<void>((over) => {
          const timer = clock.setTimeout(over, longestTurn);
          const end = () => {
            clock.clearTimeout(timer);
            over();
          };
          send().then(resolve, reject).then(end);
        });
      turns.take(turn, signal).catch(reject);
    });
}
