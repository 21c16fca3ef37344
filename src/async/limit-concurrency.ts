/**
 * A limit on concurrent tasks, which start in the order of their arrival.
 *
 * Not p-queue, which does not load without a `DOMException`, as in React Native.
 *
 * @module
 */

import type { ConcurrencyLimiter } from '../core/contracts.ts';
import { abortReason } from './abortable.ts';

/** Makes a queue in which `concurrency` tasks run at a time. */
export function limitConcurrency(concurrency: number): ConcurrencyLimiter {
  // Waiting tasks in order. Joining, leaving and starting the next one take constant time.
  const waiting = new Set<() => void>();
  // The iterator does not end while a task waits: earlier tasks have left the set, and new tasks are added after its position.
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
      // After an `await` the task runs in the async context of its own caller, not in that of the task that ended.
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
