/**
 * Queues inside this process, one for each name: of all callers that wait for a lock here, one at a time requests it from the
 * server. The only door to p-queue.
 *
 * @module
 */
import PQueue from 'p-queue';

/** A queue for each name. A name without waiters costs nothing. */
export class KeyedQueue {
  readonly #queues: Map<string, PQueue> = new Map();

  /**
   * Resolves, when all earlier callers have left, with a function that leaves the queue.
   *
   * @throws the signal's reason. A caller that aborts does not delay the others.
   */
  async acquire(key: string, signal: AbortSignal | undefined): Promise<() => void> {
    signal?.throwIfAborted();
    const queue = this.#queues.get(key) ?? new PQueue({ concurrency: 1 });
    this.#queues.set(key, queue);
    // p-queue's own `signal` also ends a turn that has begun. So p-queue gets a signal that is detached from ours when the turn begins.
    const waiting = new AbortController();
    const onAbort = () => waiting.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    return await new Promise((resolve, reject) => {
      const task = () => {
        signal?.removeEventListener('abort', onAbort);
        return new Promise<void>((release) => resolve(release));
      };
      queue
        .add(task, { signal: waiting.signal })
        .catch(reject)
        .finally(() => {
          const isIdle = queue.size === 0 && queue.pending === 0;
          if (isIdle && this.#queues.get(key) === queue) this.#queues.delete(key);
        });
    });
  }
}
