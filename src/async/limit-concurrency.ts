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
  const queue = new WaitQueue();
  let running = 0;
  return {
    async run(task, signal) {
      if (signal?.aborted === true) throw abortReason(signal);
      if (running < concurrency) running += 1;
      // After an `await` the task runs in the async context of its own caller, not of the one that made room for it.
      else await queue.wait(signal);
      try {
        return await task();
      } finally {
        // The place goes directly to the next task in line, so a task that arrives now cannot take it.
        if (!queue.resumeNext()) running -= 1;
      }
    },
    get idle() {
      return running === 0;
    },
  };
}

/** Those who wait, in order. Joining, leaving and calling the next one take constant time. */
class WaitQueue {
  readonly #waiting: Set<() => void> = new Set();
  #iterator: Iterator<() => void> = this.#waiting.values();

  /** Resolves when it is called. @throws the signal's reason, having left the line */
  wait(signal: AbortSignal | null | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(resume);
        reject(signal && abortReason(signal));
      };
      const resume = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(resume);
    });
  }

  resumeNext(): boolean {
    if (this.#waiting.size === 0) return false;
    let next = this.#iterator.next();
    if (next.done === true) {
      // An iterator that has ended does not return tasks that were added later.
      this.#iterator = this.#waiting.values();
      next = this.#iterator.next();
    }
    const resume: () => void = next.value;
    this.#waiting.delete(resume);
    resume();
    return true;
  }
}
