/**
 * The lock of one process.
 *
 * @module
 */

import { limitConcurrency } from '../async/limit-concurrency.ts';
import type { ConcurrencyLimiter, TokenLock } from '../core/contracts.ts';

/**
 * A lock within this process: one holder of a name at a time, in the order of the requests. A name without
 * a holder or waiters costs nothing.
 *
 * @example
 * ```ts
 * import { memoryLock } from 'tokenkeep';
 *
 * const lock = memoryLock();
 * const answer = await lock.request('invoices', {}, async () => 42);
 * ```
 */
export function memoryLock(): TokenLock {
  let queues: Map<string, ConcurrencyLimiter> | undefined;
  return {
    reach: 'process',
    async request(name, { signal }, callback) {
      queues ??= new Map();
      const queue = queues.get(name) ?? limitConcurrency(1);
      queues.set(name, queue);
      try {
        return await queue.run(callback, signal);
      } finally {
        // During the task, others may have joined the queue, or the queue may have been deleted and replaced.
        if (queue.idle && queues.get(name) === queue) queues.delete(name);
      }
    },
  };
}
