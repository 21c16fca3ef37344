/**
 * The lock of all tabs and workers of one origin.
 *
 * Web Locks free themselves when their holder is closed or crashes, but not when it is frozen. So waiters watch the
 * holder, and after the lease one of them takes over. A bare `steal` could rob the next holder instead of the frozen
 * one. Therefore a tab that becomes a holder or takes over does so under a second lock, the guard, which is held for
 * a moment only:
 *
 * - a holder holds the lock and a separate marker with a unique name, which it acquires under the guard;
 * - a tab that takes over checks, under the guard, whether the marker is still that of the holder that it watched,
 *   and steals then;
 * - a tab that was granted the lock in that moment, and had it stolen, finds out under the guard and queues again.
 *
 * The core, not this file, keeps a former holder harmless when it wakes up: it sends nothing after its lease, and
 * compares what it stores with the stored version.
 *
 * @module
 */

import { throwIfAborted } from '../async/abortable.ts';
import type { TokenLock } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { requireOptions } from './argument-checks.ts';
import { HolderMonitor, holderOf, lockNames } from './lock-holder.ts';
import { onPageLifecycle, trackPageState, untilPageActive } from './page-lifecycle.ts';
import {
  acquireWebLock,
  type HeldWebLock,
  requireWebLocks,
  toLockName,
  webLocksReach,
  withBriefLock,
} from './platform-locks.ts';

/** Options of {@link webLock}. */
export interface WebLockOptions {
  /**
   * Time after which a waiter takes over from a holder, in ms. It must outlast a refresh: the `timeout` of the manager and ten
   * seconds. The other waiters proceed within 1.1 leases and a second.
   *
   * @default 50_000
   */
  readonly lease?: number | undefined;
}

/**
 * Returns a lock for all tabs, frames and workers of this origin and browser profile, built on Web Locks. It is the default
 * lock of `indexedDbStorage()` and `webStorage()`.
 *
 * If a holder closes or crashes, the lock is free at once. If a holder is frozen (by the browser to save memory, by a debugger, by
 * the operating system), waiters wait for `lease` ms; then one of them takes over.
 *
 * Partitioned frames, private windows and other browsers have separate locks and storages. In Node its `reach` is one process;
 * the lock of `fileStorage()` reaches all processes of the machine.
 *
 * @example
 * ```ts
 * import { indexedDbStorage, webLock } from 'tokenkeep/browser';
 * import { TokenManager } from 'tokenkeep';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: indexedDbStorage(),
 *   timeout: 60_000, // a slow server
 *   lock: webLock({ lease: 90_000 }), // outlasts it
 * });
 * ```
 * @throws ConfigurationError for an invalid option, and without Web Locks. `request` rejects with one if the browser refuses
 *   Web Locks, as in sandboxed frames. There is no weaker fallback.
 * @see https://www.w3.org/TR/web-locks/
 */
export function webLock(options: WebLockOptions = {}): TokenLock {
  requireOptions('webLock(options)', options);
  const { lease = 50_000 } = options;
  if (typeof lease !== 'number' || !(lease > 0 && lease <= 2 ** 31 - 1)) {
    throw new ConfigurationError(
      explain(
        'browser-storage',
        'webLock(options): the option lease must be a positive number of milliseconds.',
      ),
    );
  }
  const locks = requireWebLocks();
  trackPageState();
  const queue = new WebLockQueue(locks, lease);
  return {
    reach: webLocksReach(),
    lease,
    async request(name, { signal }, callback) {
      throwIfAborted(signal);
      const release = await queue.acquire(await toLockName(name), signal);
      try {
        return await callback();
      } finally {
        release();
      }
    },
  };
}

/** Removes a waiter from the queue, because its page sleeps. */
const pageSuspended: unique symbol = Symbol('asleep');

/** Removes a waiter from the queue, because it takes over instead. */
const takingOver: unique symbol = Symbol('takes over');

type Takeover =
  /** The waiter has left the queue. Without a lock it waits again. */
  | { readonly kind: 'left-queue'; readonly lock: HeldWebLock | undefined }
  | { readonly kind: 'holder-changed' };

class WebLockQueue {
  readonly #locks: LockManager;
  readonly #monitor: HolderMonitor;

  constructor(locks: LockManager, lease: number) {
    this.#locks = locks;
    this.#monitor = new HolderMonitor(locks, lease);
  }

  /** Becomes the holder. Returns a function that releases the lock. */
  async acquire(name: string, signal: AbortSignal | undefined): Promise<() => void> {
    for (;;) {
      const queue = await this.#wait(name, signal);
      if (queue === undefined) continue;
      const marker = await this.#acquireMarker(name, queue).catch((error: unknown) => {
        queue.release();
        throw error;
      });
      const release = (): void => {
        marker?.release();
        queue.release();
      };
      // The lock was stolen before the task began, or the page may have slept too long.
      if (marker === undefined) {
        release();
        continue;
      }
      this.#monitor.reset(name);
      if (!signal?.aborted) return release;
      release();
      throw signal.reason;
    }
  }

  async #acquireMarker(name: string, queue: HeldWebLock): Promise<HeldWebLock | undefined> {
    return await withBriefLock(this.#locks, lockNames.guard(name), async (mayAct) => {
      const marker = await acquireWebLock(this.#locks, lockNames.holder(name));
      if (!queue.isStolen && mayAct()) return marker;
      marker.release();
      return undefined;
    });
  }

  /** Waits in the queue, and watches the tab at its head. Returns `undefined` if the tab has to wait again. */
  async #wait(name: string, signal: AbortSignal | undefined): Promise<HeldWebLock | undefined> {
    await untilPageActive();
    const leaving = new AbortController();
    const onAbort = (): void => leaving.abort(signal?.reason);
    // A frozen page would be granted the lock, and keep it.
    const stopWatchingPage = onPageLifecycle(
      () => {},
      () => leaving.abort(pageSuspended),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    const granted = acquireWebLock(this.#locks, lockNames.queue(name), { signal: leaving.signal });
    const settled = new AbortController();
    const end = (): void => settled.abort();
    granted.then(end, end);
    try {
      for (;;) {
        const overdue = await this.#monitor.waitUntilOverdue(name, settled.signal);
        if (overdue === undefined) return await granted;
        const takeover = await this.#takeOver(name, overdue, { granted, leaving });
        if (takeover.kind === 'left-queue') return takeover.lock;
      }
    } catch (error) {
      if (error !== pageSuspended) throw error;
      return undefined;
    } finally {
      stopWatchingPage();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #takeOver(
    name: string,
    overdue: string,
    place: { granted: Promise<HeldWebLock>; leaving: AbortController },
  ): Promise<Takeover> {
    return await withBriefLock(this.#locks, lockNames.guard(name), async (mayAct) => {
      if ((await holderOf(this.#locks, name)) !== overdue) return { kind: 'holder-changed' };
      // Leave the queue first: this request may have just been granted, and the steal would rob this tab itself.
      place.leaving.abort(takingOver);
      const own = await place.granted.catch((reason: unknown) => {
        if (reason !== takingOver) throw reason;
        return undefined;
      });
      if (own !== undefined) return { kind: 'left-queue', lock: own };
      if (!mayAct()) return { kind: 'left-queue', lock: undefined };
      const stolen = await acquireWebLock(this.#locks, lockNames.queue(name), { steal: true });
      return { kind: 'left-queue', lock: stolen };
    });
  }
}
