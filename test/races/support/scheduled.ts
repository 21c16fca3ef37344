/** The contracts of a manager, each with its I/O points in the hands of fast-check's scheduler. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type fc from 'fast-check';
import type { Clock, TokenLock, TokenStorage } from 'tokenkeep';
import { StorageError } from 'tokenkeep';

/** Lets everything happen that follows without I/O. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Each task of a scheduler is followed to its end before the next one is chosen: a schedule says it all. */
export const act = async (task: () => Promise<void>) => {
  await task();
  await turn();
};

/** `true` in whatever a lock's callback has begun, timers excepted. */
export const insideLock = new AsyncLocalStorage<boolean>();

export interface ScheduledClock extends Required<Clock> {
  /** Lets time go by; timers that are due are called, unless everything slept. */
  step(ms: number, how: 'awake' | 'asleep'): void;
  /** Lets time go by until the next timer; `false`: there is none. */
  next(): boolean;
}

export function scheduledClock(): ScheduledClock {
  let now = Date.UTC(2030, 0, 1);
  let latest = 0;
  const timers = new Map<number, { at: number; callback: () => void }>();
  const fire = () => {
    for (const [id, { at, callback }] of timers) {
      if (at > now || !timers.delete(id)) continue;
      insideLock.exit(callback);
    }
  };
  return {
    now: () => now,
    setTimeout: (callback, delay) => {
      latest += 1;
      timers.set(latest, { at: now + delay, callback });
      return latest;
    },
    clearTimeout: (id) => void timers.delete(id as number),
    step(ms, how) {
      now += ms;
      if (how === 'awake') fire();
    },
    next() {
      if (timers.size === 0) return false;
      now = Math.max(now, Math.min(...[...timers.values()].map(({ at }) => at)));
      fire();
      return true;
    },
  };
}

/** How an operation of a storage fails: before it has happened, or after it, when only the response is lost. */
export interface StorageTrouble {
  readonly on: 'read' | 'write' | 'delete';
  readonly after: boolean;
}

/** A storage whose every operation, and every answer, waits for its turn. */
export function scheduledStorage(
  inner: TokenStorage,
  s: fc.Scheduler,
  troubles: StorageTrouble[],
): TokenStorage {
  const operation = async <T>(
    on: StorageTrouble['on'],
    key: string,
    effect: () => Promise<T>,
    record?: object,
  ) => {
    const index = troubles.findIndex((one) => one.on === on);
    const [trouble] = index < 0 ? [] : troubles.splice(index, 1);
    await s.schedule(Promise.resolve(), `${on} ${key}`);
    // Like a database whose error quotes the row.
    if (trouble?.after === false)
      throw new StorageError(`The disk is full: ${JSON.stringify(record)}`, { operation: on });
    const outcome = await effect().then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    await s.schedule(Promise.resolve(), `${on} ${key} done`);
    if (trouble !== undefined) throw new StorageError('The response was lost.', { operation: on });
    return outcome();
  };
  return {
    reach: inner.reach,
    read: (key) => operation('read', key, () => inner.read(key)),
    write: (key, record, ifVersion) =>
      operation('write', key, () => inner.write(key, record, ifVersion), record) as Promise<number>,
    delete: (key, ifVersion) => operation('delete', key, () => inner.delete(key, ifVersion)),
    watch: (key, listener) => inner.watch?.(key, listener) ?? (() => undefined),
  };
}

/** A lock that is granted when it is its turn. Code that runs inside knows it. */
export function scheduledLock(inner: TokenLock, s: fc.Scheduler): TokenLock {
  return {
    reach: inner.reach,
    async request(name, options, callback) {
      await s.schedule(Promise.resolve(), `lock ${name}`);
      return await inner.request(name, options, () => insideLock.run(true, callback));
    },
  };
}
