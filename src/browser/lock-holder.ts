/**
 * Identifies the holder of a lock, and how long it has been seen to hold it.
 *
 * @module
 */
import { randomId } from '../platform/web-crypto.ts';

/** Names of Web Locks. None begins with `-`, which the platform refuses, and all differ from each other. */
export const lockNames: {
  queue(name: string): string;
  guard(name: string): string;
  holder(name: string): string;
} = {
  /** The lock itself. */
  queue: (name) => `tokenkeep.lock:${name}`,
  /** Held briefly while a tab becomes a holder or takes over. */
  guard: (name) => `tokenkeep.guard:${name}`,
  /** Held beside the lock under its own name, so that others can distinguish one holder from the next. */
  holder: (name) => `${markerPrefix(name)}${randomId()}`,
};

const uuidLength = 36;
const markerPrefix = (name: string): string => `tokenkeep.holder:${name}|`;

/** Returns the name of the current holder of a lock; `undefined` if it is free. */
export async function holderOf(locks: LockManager, name: string): Promise<string | undefined> {
  const { held = [] } = await locks.query();
  const queue = held.find((lock) => lock.name === lockNames.queue(name));
  if (queue === undefined) return undefined;
  const prefix = markerPrefix(name);
  const markers = held.flatMap((lock) =>
    lock.name?.startsWith(prefix) && lock.name.length === prefix.length + uuidLength ? lock.name : [],
  );
  return [queue.clientId, ...markers.sort()].join(' ');
}

interface ObservedHolder {
  readonly holder: string;
  /** Time for which the holder has been observed, in ms. */
  readonly observed: number;
  readonly seenAt: number;
}

/** Watches holders, and remembers them from one wait to the next. */
export class HolderMonitor {
  readonly #locks: LockManager;
  readonly #lease: number;
  readonly #holders: Map<string, ObservedHolder> = new Map();

  constructor(locks: LockManager, lease: number) {
    this.#locks = locks;
    this.#lease = lease;
  }

  /** Forgets the observed holder of a name whose lock was free. */
  reset(name: string): void {
    this.#holders.delete(name);
  }

  /** Resolves with the holder of a name once it has been seen to hold it for the lease; `undefined` after `stop`. */
  async waitUntilOverdue(name: string, stop: AbortSignal): Promise<string | undefined> {
    const interval = this.#lease / 10;
    for (let wait = Math.min(1_000, interval); ; wait = interval) {
      await waitFor(wait, stop);
      if (stop.aborted) return undefined;
      const suspect = this.#observe(name, await holderOf(this.#locks, name));
      if (suspect !== undefined && suspect.observed >= this.#lease) return suspect.holder;
    }
  }

  #observe(name: string, holder: string | undefined): ObservedHolder | undefined {
    const before = this.#holders.get(name);
    this.#holders.delete(name);
    if (holder === undefined) return undefined;
    const seenAt = performance.now();
    // A tab that slept between two checks has not watched the holder: after a night every holder gets a moment to wake up.
    const gap = Math.min(seenAt - (before?.seenAt ?? seenAt), 0.75 * this.#lease);
    const observed = before?.holder === holder ? before.observed + gap : 0;
    const suspect = { holder, observed, seenAt };
    this.#holders.set(name, suspect);
    return suspect;
  }
}

function waitFor(delay: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, delay);
    stop.addEventListener('abort', end);
  });
}
