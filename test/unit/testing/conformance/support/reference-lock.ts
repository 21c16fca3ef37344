import type { Reach, TokenLock } from '../../../../../src/core/contracts.ts';

/** Someone who waits for a lock. */
export interface Waiter {
  readonly name: string;
  readonly start: () => void;
}

/** State that all handles of one lock share: the holder and the waiters of each name. */
export class ReferenceQueues {
  readonly held = new Set<string>();
  readonly waiting: Waiter[] = [];
  /** How often a name was free with nobody waiting, for the broken double that has to know. */
  readonly timesIdle = new Map<string, number>();
}

/** A correct lock, as plain as can be, in steps that a broken double can replace one at a time. */
export class ReferenceLock implements TokenLock {
  readonly reach: Reach = 'machine';
  readonly queues: ReferenceQueues;

  constructor(queues: ReferenceQueues) {
    this.queues = queues;
  }

  async request<T>(
    name: string,
    { signal }: { signal?: AbortSignal | undefined },
    callback: () => Promise<T>,
  ): Promise<T> {
    await this.take(this.place(name), signal);
    return this.run(name, callback);
  }

  /** Takes the lock and dies: someone notices, and frees it. */
  async dieHolding(name: string): Promise<void> {
    await this.take(this.place(name), undefined);
    this.free(this.place(name));
  }

  protected async run<T>(name: string, callback: () => Promise<T>): Promise<T> {
    try {
      return await callback();
    } finally {
      this.free(this.place(name));
    }
  }

  protected place(name: string): string {
    return name;
  }

  protected take(name: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const leave = (): void => this.leave(waiter, () => reject(signal?.reason));
      const start = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const waiter: Waiter = { name, start };
      if (this.mayStart(name)) return this.grant(waiter);
      this.join(waiter);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  protected mayStart(name: string): boolean {
    return !this.queues.held.has(name);
  }

  protected join(waiter: Waiter): void {
    this.queues.waiting.push(waiter);
  }

  protected leave(waiter: Waiter, reject: () => void): void {
    const index = this.queues.waiting.indexOf(waiter);
    if (index >= 0) this.queues.waiting.splice(index, 1);
    reject();
  }

  protected grant(waiter: Waiter): void {
    this.queues.held.add(waiter.name);
    waiter.start();
  }

  protected free(name: string): void {
    this.queues.held.delete(name);
    const index = this.queues.waiting.findIndex((waiter) => waiter.name === name);
    const [next] = index < 0 ? [] : this.queues.waiting.splice(index, 1);
    if (next) this.grant(next);
  }
}
