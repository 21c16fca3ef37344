/**
 * A lock in Redis: a lease with its owner's name, renewed while the owner lives, and released by its owner only.
 *
 * No fencing number is kept with the record, because the record's version is one already: every write names the version
 * that it replaces, and no version is ever used again. A holder that has lost its lease and writes late finds another version
 * and is refused. A number of the lease would refuse more, and too much: it would refuse the late holder its successor
 * also while the record still waits for it, and that successor is then the only living refresh token there is.
 *
 * @module
 */

import { setUnrefTimeout } from '../async/abortable.ts';
import { backoffDelay, WakeableDelay, yieldDelay } from '../cluster/backoff.ts';
import { KeyedQueue } from '../cluster/keyed-queue.ts';
import type { TokenLock } from '../core/contracts.ts';
import type { ChangeNotifications } from './change-notifications.ts';
import { acquireScript, releaseScript, renewScript } from './redis-scripts.ts';
import type { RedisServer } from './redis-server.ts';

export interface RedisLockOptions {
  readonly server: RedisServer;
  readonly notifications: ChangeNotifications;
  readonly lease: number;
  /** Returns the key of the lock of a name. */
  keyOf(name: string): string;
}

interface LockGrant {
  readonly keys: [lock: string, waiters: string];
  /** Unique name of this holder, never used again. */
  readonly owner: string;
  /** Ends the renewal. */
  stop: () => void;
}

export class RedisLock implements TokenLock {
  readonly reach = 'cluster';
  readonly lease: number;
  /** Redis may lose the lock in a failover, a restart or a flush. */
  readonly mayBeLost = true;
  readonly #options: RedisLockOptions;
  /** A queue in this process: one caller for each lock asks Redis at a time. */
  readonly #queue: KeyedQueue = new KeyedQueue();

  constructor(options: RedisLockOptions) {
    this.#options = options;
    this.lease = options.lease;
  }

  async request<T>(
    name: string,
    { signal }: { signal?: AbortSignal | undefined },
    callback: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const releaseQueue = await this.#queue.acquire(name, signal);
    let isWanted = false;
    try {
      const grant = await this.#acquire(name, signal);
      try {
        return await callback();
      } finally {
        isWanted = await this.#release(grant);
      }
    } finally {
      if (isWanted) setUnrefTimeout(releaseQueue, yieldDelay());
      else releaseQueue();
    }
  }

  async #acquire(name: string, signal: AbortSignal | undefined): Promise<LockGrant> {
    const { notifications, keyOf } = this.#options;
    const key = keyOf(name);
    const grant: LockGrant = {
      keys: [key, `${key}:wanted`],
      owner: crypto.randomUUID(),
      stop: () => undefined,
    };
    const retryDelay = new WakeableDelay();
    const unsubscribe = notifications.subscribeIfOpen(key, retryDelay.wake);
    try {
      for (let attempt = 0; ; attempt++) {
        const askedAt = Date.now();
        const left = await this.#tryAcquire(grant);
        signal?.throwIfAborted();
        // The lease began when Redis received the command. If that is long ago, because this process or the response was late, it may have
        // expired: another attempt renews it, or returns its owner's remaining time.
        if (left === 0 && Date.now() - askedAt > this.#options.lease / 10) continue;
        if (left === 0) break;
        // Notifications may get lost, so it polls anyway: more often if no notifications arrive.
        const longest = notifications.isOpen ? 1000 : 250;
        await retryDelay.wait(Math.min(left, backoffDelay(attempt, longest)), signal);
      }
    } catch (error) {
      // The lock may be held here, if only the response was lost or the signal came too late.
      void this.#release(grant);
      throw error;
    } finally {
      unsubscribe();
    }
    this.#scheduleRenewal(grant);
    return grant;
  }

  /** Returns 0 if the lock is held here, or else the longest time for which another owner holds it, in ms. */
  async #tryAcquire({ keys, owner }: LockGrant): Promise<number> {
    const { server, lease } = this.#options;
    return Number(await server.execute('write', acquireScript, { keys, arguments: [owner, String(lease)] }));
  }

  /**
   * Renews the lease until the grant ends, but for a limited time (law bounded-locks): a callback that never ends does
   * not count as a living holder. If a lease cannot be renewed it was lost, and the next write fails.
   */
  #scheduleRenewal(grant: LockGrant, round = 1): void {
    const { server, lease } = this.#options;
    if (round > 9) return;
    grant.stop = setUnrefTimeout(() => {
      const call = { keys: [grant.keys[0]], arguments: [grant.owner, String(lease)] };
      server.execute('write', renewScript, call).catch(() => undefined);
      this.#scheduleRenewal(grant, round + 1);
    }, lease / 3);
  }

  /** Releases the lock. Returns whether others wait for it. If Redis does not receive this, the lease expires by itself. */
  async #release({ keys, owner, stop }: LockGrant): Promise<boolean> {
    const { server, notifications } = this.#options;
    stop();
    try {
      const call = { keys, arguments: [owner, notifications.channel, keys[0]] };
      return Number(await server.execute('write', releaseScript, call)) === 1;
    } catch {
      return false;
    }
  }
}
