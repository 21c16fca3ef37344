/**
 * Taking turns: at most so many at a time, in the order they came.
 *
 * Not p-queue, which does not load where there is no `DOMException`, such as React Native.
 *
 * @module
 */
import { abortReason, throwIfAborted } from '../core/abort.ts';
import type { Turns } from '../core/contracts.ts';

/** Makes a queue in which `concurrency` tasks run at a time. */
export function takingTurns(concurrency: number): Turns {
  const line = new WaitingLine();
  let running = 0;
  return {
    async take(task, signal) {
      throwIfAborted(signal);
      if (running < concurrency) running += 1;
      // After an `await` the task runs in the async context of its own caller, not of the one that made room for it.
      else await line.wait(signal);
      try {
        return await task();
      } finally {
        // The place goes directly to the next task in line, so a task that arrives now cannot take it.
        if (!line.callNext()) running -= 1;
      }
    },
    get idle() {
      return running === 0;
    },
  };
}

/** Those who wait, in order. Joining, leaving and calling the next one take constant time. */
class WaitingLine {
  readonly #waiting: Set<() => void> = new Set();
  #upcoming: Iterator<() => void> = this.#waiting.values();

  /** Resolves when it is called. @throws the signal's reason, having left the line */
  wait(signal: AbortSignal | null | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(proceed);
        reject(signal && abortReason(signal));
      };
      const proceed = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.add(proceed);
    });
  }

  callNext(): boolean {
    if (this.#waiting.size === 0) return false;
    let next = this.#upcoming.next();
    if (next.done === true) {
      // An iterator that has ended does not return tasks that were added later.
      this.#upcoming = this.#waiting.values();
      next = this.#upcoming.next();
    }
    const proceed: () => void = next.value;
    this.#waiting.delete(proceed);
    proceed();
    return true;
  }
}
