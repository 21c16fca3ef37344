/**
 * Lining up inside this process, name by name: of all who want a lock here, one at a time asks the server for it. The
 * only door to p-queue.
 *
 * @module
 */
import PQueue from 'p-queue';

/** A queue for each name. A name that nobody is in line for costs nothing. */
export class Line {
  readonly #queues: Map<string, PQueue> = new Map();

  /**
   * Resolves with how to leave, when everyone before has left.
   *
   * @throws the signal's reason. Who gives up is not waited for.
   */
  async enter(name: string, signal: AbortSignal | undefined): Promise<() => void> {
    signal?.throwIfAborted();
    const queue = this.#queues.get(name) ?? new PQueue({ concurrency: 1 });
    this.#queues.set(name, queue);
    // p-queue's own `signal` also ends a turn that has begun. So p-queue gets a signal that is detached from ours when the turn begins.
    const waiting = new AbortController();
    const giveUp = () => waiting.abort(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    return await new Promise((resolve, reject) => {
      const turn = () => {
        signal?.removeEventListener('abort', giveUp);
        return new Promise<void>((leave) => resolve(leave));
      };
      queue
        .add(turn, { signal: waiting.signal })
        .catch(reject)
        .finally(() => {
          const isIdle = queue.size === 0 && queue.pending === 0;
          if (isIdle && this.#queues.get(name) === queue) this.#queues.delete(name);
        });
    });
  }
}
