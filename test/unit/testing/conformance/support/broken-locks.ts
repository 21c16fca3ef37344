import type { LockFixture } from '../../../../../src/testing/index.ts';
import type { Broken } from './broken-storages.ts';
import type { Waiter } from './reference-lock.ts';
import { ReferenceLock, ReferenceQueues } from './reference-lock.ts';

type Handle = new (queues: ReferenceQueues) => ReferenceLock;

export function fixtureOf(Lock: Handle): LockFixture {
  const queues = new ReferenceQueues();
  return {
    lock: new Lock(queues),
    reopen: () => new Lock(queues),
    abandon: (name) => new Lock(queues).dieHolding(name),
  };
}

function broken(does: string, laws: number | readonly number[], Lock: Handle): Broken<LockFixture> {
  return { does, laws: [laws].flat().map((law) => `lock-${law}`), open: () => fixtureOf(Lock) };
}

type Signal = { signal?: AbortSignal | undefined };

const exclusion = [
  broken(
    'lets the 51st waiter in',
    1,
    class extends ReferenceLock {
      protected override join(waiter: Waiter): void {
        if (this.queues.waiting.length >= 50) waiter.start();
        else super.join(waiter);
      }
    },
  ),
  broken(
    'runs a callback twice when it is crowded',
    1,
    class extends ReferenceLock {
      protected override async run<T>(name: string, callback: () => Promise<T>): Promise<T> {
        if (this.queues.waiting.length === 50) await callback();
        return super.run(name, callback);
      }
    },
  ),
  broken(
    'excludes within one handle only',
    [1, 4],
    class extends ReferenceLock {
      constructor(_: ReferenceQueues) {
        super(new ReferenceQueues());
      }
    },
  ),
];

const freedom = [
  broken(
    'stays held when the callback resolves the third time',
    2,
    class extends ReferenceLock {
      protected override async run<T>(name: string, callback: () => Promise<T>): Promise<T> {
        const result = await super.run(name, callback);
        const times = (this.queues.timesIdle.get(name) ?? 0) + 1;
        this.queues.timesIdle.set(name, times);
        if (times === 7) this.queues.held.add(name);
        return result;
      }
    },
  ),
  broken(
    'stays held when the callback rejects',
    2,
    class extends ReferenceLock {
      protected override async run<T>(name: string, callback: () => Promise<T>): Promise<T> {
        const result = await callback();
        this.free(this.place(name));
        return result;
      }
    },
  ),
  broken(
    'stays held when the callback throws at once',
    2,
    class extends ReferenceLock {
      protected override run<T>(name: string, callback: () => Promise<T>): Promise<T> {
        return callback().finally(() => this.free(this.place(name)));
      }
    },
  ),
  broken(
    'stays held by the dead',
    2,
    class extends ReferenceLock {
      override async dieHolding(name: string): Promise<void> {
        await this.take(name, undefined);
      }
    },
  ),
];

const outcomes = [
  broken(
    'keeps the result for itself',
    3,
    class extends ReferenceLock {
      override async request<T>(name: string, options: Signal, callback: () => Promise<T>): Promise<T> {
        await super.request(name, options, callback);
        return undefined as T;
      }
    },
  ),
  broken(
    'wraps the error',
    3,
    class extends ReferenceLock {
      protected override run<T>(name: string, callback: () => Promise<T>): Promise<T> {
        return super.run(name, callback).catch((cause: unknown) => {
          throw new Error('The callback failed.', { cause });
        });
      }
    },
  ),
  broken(
    'resolves when the callback throws at once',
    3,
    class extends ReferenceLock {
      protected override run<T>(name: string, callback: () => Promise<T>): Promise<T> {
        let promise: Promise<T>;
        try {
          promise = callback();
        } catch {
          promise = Promise.resolve(undefined as T);
        }
        return super.run(name, () => promise);
      }
    },
  ),
];

const leaving = [
  broken(
    'lets an aborted waiter leave when it would be its turn',
    4,
    class extends ReferenceLock {
      protected override take(name: string, signal: AbortSignal | undefined): Promise<void> {
        if (signal?.aborted) return super.take(name, signal);
        return super.take(name, undefined).then(() => {
          if (!signal?.aborted) return;
          this.free(name);
          signal.throwIfAborted();
        });
      }
    },
  ),
  broken(
    'runs an aborted waiter nevertheless',
    4,
    class extends ReferenceLock {
      override request<T>(name: string, options: Signal, callback: () => Promise<T>): Promise<T> {
        if (options.signal?.aborted) return super.request(name, options, callback);
        let runs = false;
        const request = super.request(name, {}, () => {
          runs = true;
          return callback();
        });
        return Promise.race([request, aborted(options.signal, () => !runs)]);
      }
    },
  ),
  broken(
    'has a reason of its own for an abort',
    4,
    class extends ReferenceLock {
      protected override take(name: string, signal: AbortSignal | undefined): Promise<void> {
        return super.take(name, signal).catch(() => {
          throw new DOMException('The wait was aborted.', 'AbortError');
        });
      }
    },
  ),
  broken(
    'does not look whether a signal is aborted already',
    4,
    class extends ReferenceLock {
      protected override take(name: string, signal: AbortSignal | undefined): Promise<void> {
        return super.take(name, signal?.aborted ? undefined : signal);
      }
    },
  ),
  broken(
    'rejects when the signal is aborted while the callback runs',
    4,
    class extends ReferenceLock {
      override async request<T>(name: string, { signal }: Signal, callback: () => Promise<T>): Promise<T> {
        await this.take(this.place(name), signal);
        return Promise.race([this.run(name, callback), aborted(signal, () => true)]);
      }
    },
  ),
  broken(
    'gives the lock away when the signal is aborted while the callback runs',
    4,
    class extends ReferenceLock {
      override async request<T>(name: string, { signal }: Signal, callback: () => Promise<T>): Promise<T> {
        await this.take(this.place(name), signal);
        signal?.addEventListener('abort', () => this.free(this.place(name)));
        return this.run(name, callback);
      }
    },
  ),
  broken(
    'sends everyone away who stands behind an aborted waiter',
    [4, 5],
    class extends ReferenceLock {
      protected override leave(waiter: Waiter, reject: () => void): void {
        const index = this.queues.waiting.indexOf(waiter);
        if (index >= 0) this.queues.waiting.splice(index);
        reject();
      }
    },
  ),
];

const timeLimit = [
  broken(
    'serves the last first',
    5,
    class extends ReferenceLock {
      protected override join(waiter: Waiter): void {
        this.queues.waiting.unshift(waiter);
      }
    },
  ),
  broken(
    'forgets the last waiter when many leave',
    5,
    class extends ReferenceLock {
      gone = 0;
      protected override leave(waiter: Waiter, reject: () => void): void {
        super.leave(waiter, reject);
        if (++this.gone === 5) this.queues.waiting.pop();
      }
    },
  ),
];

const places: readonly [string, (name: string) => string][] = [
  ['does not tell upper from lower case', (name) => name.toLowerCase()],
  ['trims names', (name) => name.trim()],
  ['shortens long names', (name) => name.slice(0, 255)],
  ['has one queue for all', () => 'all'],
];

const names = places.map(([does, place]) =>
  broken(
    does,
    6,
    class extends ReferenceLock {
      protected override place(name: string): string {
        return place(name);
      }
    },
  ),
);

/** Rejects with the reason of the signal, if it is aborted while `isStill` holds. */
function aborted(signal: AbortSignal | undefined, isStill: () => boolean): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => isStill() && reject(signal.reason));
  });
}

export const brokenLocks: readonly Broken<LockFixture>[] = [
  ...exclusion,
  ...freedom,
  ...outcomes,
  ...leaving,
  ...timeLimit,
  ...names,
];
