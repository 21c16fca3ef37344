/**
 * Taking turns: at most so many at a time, in the order they came. The only door to p-queue.
 *
 * No task timeout is ever set: p-queue's rejects the caller while the task runs on.
 *
 * @module
 */
import PQueue from 'p-queue';
import type { Turns } from '../core/contracts.ts';

/** Makes a queue in which `concurrency` tasks run at a time. */
export function takingTurns(concurrency: number): Turns {
  const queue = new PQueue({ concurrency });
  return {
    take: <T>(task: () => Promise<T>, signal?: AbortSignal | null) =>
      signal === undefined || signal === null ? queue.add(task) : addWhileWaiting(queue, task, signal),
    get idle() {
      return queue.size === 0 && queue.pending === 0;
    },
  };
}

/** p-queue's own `signal` also rejects a task that runs. So it gets one that is let go when the task starts. */
function addWhileWaiting<T>(queue: PQueue, task: () => Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const waiting = new AbortController();
  const leave = () => waiting.abort(signal.reason);
  signal.addEventListener('abort', leave, { once: true });
  const start = () => {
    signal.removeEventListener('abort', leave);
    return task();
  };
  return queue.add(start, { signal: waiting.signal });
}
