/** One lock service that all processes share: of a kernel, or with leases. */
import type { TokenLock } from '../../src/index.ts';
import { errands, type Grant, type Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import type { LockKind, Weather } from './weather.ts';

interface Waiter {
  readonly grant: Grant;
  readonly begin: () => void;
}

interface Queue {
  holder: Grant | undefined;
  readonly waiting: Waiter[];
}

export class Locks {
  readonly #scheduler: Scheduler;
  readonly #kind: LockKind;
  readonly #lease: number;
  readonly #mayBeLost: boolean;
  readonly #queues: Map<string, Queue> = new Map();
  readonly #ends: WeakMap<Grant, number> = new WeakMap();

  constructor(
    scheduler: Scheduler,
    { lock, lease, mayBeLost }: Pick<Weather, 'lock' | 'lease' | 'mayBeLost'>,
  ) {
    this.#scheduler = scheduler;
    this.#kind = lock;
    this.#lease = lease;
    this.#mayBeLost = mayBeLost;
  }

  /** The lock as one process sees it. */
  seenBy(process: Process): TokenLock {
    return {
      reach: 'cluster',
      mayBeLost: this.#mayBeLost,
      ...(this.#kind !== 'kernel' && { lease: this.#lease }),
      request: (name, { signal }, callback) => this.#request(process, { name, signal }, callback),
    };
  }

  /** The kernel frees what a dead process holds. A lease has to end. */
  died(process: Process): void {
    if (this.#kind !== 'kernel') return;
    this.#scheduler.after(this.#scheduler.chance.between(0, 5), '', () => {
      for (const { holder } of this.#queues.values()) if (holder?.process === process) this.#free(holder);
    });
  }

  /** Somebody's lock is gone before its time: a server that lost its memory. */
  steal(name: string): void {
    const holder = this.#queues.get(name)?.holder;
    if (holder === undefined) return;
    this.#scheduler.note(`  lock: taken away from ${holder.process.name}`);
    this.#free(holder, 'stolen');
  }

  holder(name: string): Grant | undefined {
    return this.#queues.get(name)?.holder;
  }

  #request<T>(
    process: Process,
    { name, signal }: { name: string; signal: AbortSignal | undefined },
    callback: () => Promise<T>,
  ): Promise<T> {
    const { chance } = this.#scheduler;
    return new Promise<T>((resolve, reject) => {
      const grant: Grant = { name, process, at: 0, over: false, lost: undefined };
      const leave = () => {
        grant.over = true;
        this.#leave(grant);
        reject(signal?.reason);
      };
      if (signal?.aborted) return leave();
      signal?.addEventListener('abort', leave, { once: true });
      const ask = () => {
        const waiter = { grant, begin: this.#granted(grant, begin) };
        this.#scheduler.after(chance.between(0, 10), '', () => {
          if (!grant.over && process.alive) this.#enter(name, waiter);
        });
      };
      const begin = () => {
        if (grant.over) return this.#free(grant);
        if (this.#isOld(grant)) {
          // A lease that began long ago may have expired by now: a holder that learns of it so late asks once
          // more.
          this.#free(grant);
          return ask();
        }
        signal?.removeEventListener('abort', leave);
        const errand = { ...errands.getStore(), process, grant };
        const settle = (result: () => void) => {
          grant.over = true;
          process.deliver(chance.between(0, 3), `lets go of ${name}`, () => {
            this.#scheduler.after(chance.between(0, 5), '', () => this.#free(grant));
            result();
          });
        };
        errands.run(errand, () => {
          if (this.#kind === 'renewed') this.#renew(grant, 1);
          callback().then(
            (value) => settle(() => resolve(value)),
            (error: unknown) => settle(() => reject(error)),
          );
        });
      };
      ask();
    });
  }

  #isOld({ at }: Grant): boolean {
    return this.#kind !== 'kernel' && this.#scheduler.now - at > this.#lease / 10;
  }

  #granted(grant: Grant, begin: () => void): () => void {
    // Made here: the task belongs to the waiter, not to the former holder.
    const errand = errands.getStore();
    const deliver = () =>
      grant.process.deliver(this.#scheduler.chance.between(0, 10), `gets the lock ${grant.name}`, begin);
    return () => void (errand === undefined ? deliver() : errands.run(errand, deliver));
  }

  #enter(name: string, waiter: Waiter): void {
    const queue = this.#queues.get(name) ?? { holder: undefined, waiting: [] };
    this.#queues.set(name, queue);
    queue.waiting.push(waiter);
    this.#pass(queue);
  }

  #leave(grant: Grant): void {
    const queue = this.#queues.get(grant.name);
    const index = queue?.waiting.findIndex((waiter) => waiter.grant === grant) ?? -1;
    if (index >= 0) queue?.waiting.splice(index, 1);
  }

  #pass(queue: Queue): void {
    while (queue.holder === undefined) {
      const next = queue.waiting.shift();
      if (next === undefined) return;
      if (!next.grant.process.alive) continue;
      queue.holder = next.grant;
      Object.assign(next.grant, { at: this.#scheduler.now, lost: undefined });
      if (this.#kind !== 'kernel') this.#watchLease(next.grant, this.#lease);
      next.begin();
    }
  }

  /** By compare: a former holder frees nothing. */
  #free(grant: Grant, how: Grant['lost'] = 'ended'): void {
    const queue = this.#queues.get(grant.name);
    if (queue?.holder !== grant) return;
    if (!grant.over) grant.lost = how;
    queue.holder = undefined;
    this.#pass(queue);
  }

  #watchLease(grant: Grant, rest: number): void {
    this.#ends.set(grant, this.#scheduler.now + rest);
    this.#scheduler.after(rest, '', () => {
      const queue = this.#queues.get(grant.name);
      if (queue?.holder !== grant || (this.#ends.get(grant) ?? 0) > this.#scheduler.now) return;
      this.#scheduler.note(`  lock: the lease of ${grant.process.name} ends`);
      this.#free(grant, 'ended');
    });
  }

  /** As long as the holder lives, but for a limited time. */
  #renew(grant: Grant, round: number): void {
    if (round > 9) return;
    grant.process.deliver(this.#lease / 3, '', () => {
      if (grant.over) return;
      this.#scheduler.after(this.#scheduler.chance.between(0, 20), '', () => {
        if (this.#queues.get(grant.name)?.holder === grant) this.#watchLease(grant, this.#lease);
      });
      this.#renew(grant, round + 1);
    });
  }
}
