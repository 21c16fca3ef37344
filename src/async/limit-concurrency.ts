/**
 * A limit of concurrency: at most so many at a time, in the order they came.
 *
 * Not p-queue, which does not load where there is no `DOMException`, such as React Native.
 *
 * @module
 */

import type { ConcurrencyLimiter } from '../core/contracts.ts';
import { abortReason } from './abortable.ts';

/** Makes a queue in which `concurrency` tasks run at a time. */
export function limitConcurrency(concurrency: number): ConcurrencyLimiter {
  // In order. Joining, leaving and calling the next one take constant time.
  const waiting = new Set<() => void>();
  // It has not ended while one waits: those that it has passed have left, and those that join come after them.
  const iterator = waiting.values();
  let running = 0;
  const wait = (signal: AbortSignal | null | undefined) =>
    new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        waiting.delete(resume);
        reject(signal && abortReason(signal));
      };
      const resume = () => {
        waiting.delete(resume);
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      signal?.addEventListener('abort', onAbort);
      waiting.add(resume);
    });
  return {
    async run(task, signal) {
      if (signal?.aborted === true) throw abortReason(signal);
      if (running < concurrency) running += 1;
      // After an `await` the task runs in the async context of its own caller, not of the one that made room for it.
      else await wait(signal);
      try {
        return await task();
      } finally {
        // The place goes directly to the next task in line, so a task that arrives now cannot take it.
        if (waiting.size === 0) running -= 1;
        else iterator.next().value?.();
      }
    },
    get idle() {
      return running === 0;
    },
  };
}
