/**
 * A lock in Redis: a lease with its owner's name, renewed while the owner lives, and let go by nobody else.
 *
 * No fencing number is kept with the record, because the record's version is one already: every write names the version
 * that it replaces, and no version ever comes back. A holder that has lost its lease and comes late finds another version
 * and is refused. A number of the lease would refuse more, and too much: it would refuse the late holder its successor
 * also while the record still waits for it, and that successor is then the only living refresh token there is.
 *
 * @module
 */
import type { TokenLock } from '../core/contracts.ts';
import { Line } from '../fleet/line.ts';
import { courtesy, jittered, later, Pause } from '../fleet/patience.ts';
import type { Announcements } from './announcements.ts';
import type { RedisServer } from './redis-server.ts';
import { acquireScript, releaseScript, renewScript } from './scripts.ts';

export interface RedisLockParts {
  readonly server: RedisServer;
  readonly announcements: Announcements;
  readonly lease: number;
  /** The key of the lock of this name. */
  keyOf(name: string): string;
}

interface Grant {
  readonly keys: [lock: string, wanted: string];
  /** A name that nobody else has, and that is never used again. */
  readonly owner: string;
  /** Ends the renewal. */
  stop: () => void;
}

export class RedisLock implements TokenLock {
  readonly reach = 'cluster';
  readonly lease: number;
  /** In a failover, a restart or a flush Redis may forget who has it. */
  readonly losable = true;
  readonly #parts: RedisLockParts;
  /** Of those in this process that want one lock, one at a time asks Redis. */
  readonly #line: Line = new Line();

  constructor(parts: RedisLockParts) {
    this.#parts = parts;
    this.lease = parts.lease;
  }

  async request<T>(
    name: string,
    { signal }: { signal?: AbortSignal | undefined },
    callback: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const leave = await this.#line.enter(name, signal);
    let isWanted = false;
    try {
      const grant = await this.#acquire(name, signal);
      try {
        return await callback();
      } finally {
        isWanted = await this.#release(grant);
      }
    } finally {
      if (isWanted) later(leave, courtesy());
      else leave();
    }
  }

  async #acquire(name: string, signal: AbortSignal | undefined): Promise<Grant> {
    const { announcements, keyOf } = this.#parts;
    const key = keyOf(name);
    const grant: Grant = { keys: [key, `${key}:wanted`], owner: crypto.randomUUID(), stop: () => undefined };
    const pause = new Pause();
    const unlisten = announcements.overhear(key, pause.end);
    try {
      for (let attempt = 0; ; attempt++) {
        const askedAt = Date.now();
        const left = await this.#take(grant);
        signal?.throwIfAborted();
        // The lease began when Redis heard of it. If that is long ago, because this process or the answer was late, it
        // may be over by now: asking once more begins it anew, or says whose it is.
        if (left === 0 && Date.now() - askedAt > this.#parts.lease / 10) continue;
        if (left === 0) break;
        // Announcements may get lost, so it looks anyway: more often if there is nothing to hear.
        const longest = announcements.areHeard ? 1000 : 250;
        await pause.take(Math.min(left, jittered(attempt, longest)), signal);
      }
    } catch (error) {
      // It may be ours without our knowledge, if only the answer was lost or the signal came too late.
      void this.#release(grant);
      throw error;
    } finally {
      unlisten();
    }
    this.#renewing(grant);
    return grant;
  }

  /** 0 if it is ours, or for how long it is another's at most, in ms. */
  async #take({ keys, owner }: Grant): Promise<number> {
    const { server, lease } = this.#parts;
    return Number(await server.ask('write', acquireScript, { keys, arguments: [owner, String(lease)] }));
  }

  /**
   * Renews the lease until the grant ends, but not for ever (law 11): a callback that never ends is not a living holder.
   * What cannot be renewed was lost, and the next write finds out.
   */
  #renewing(grant: Grant, round = 1): void {
    const { server, lease } = this.#parts;
    if (round > 9) return;
    grant.stop = later(() => {
      const call = { keys: [grant.keys[0]], arguments: [grant.owner, String(lease)] };
      server.ask('write', renewScript, call).catch(() => undefined);
      this.#renewing(grant, round + 1);
    }, lease / 3);
  }

  /** Tells whether others wait for it. If Redis does not hear of it, the lease ends by itself. */
  async #release({ keys, owner, stop }: Grant): Promise<boolean> {
    const { server, announcements } = this.#parts;
    stop();
    try {
      const call = { keys, arguments: [owner, announcements.channel, keys[0]] };
      return Number(await server.ask('write', releaseScript, call)) === 1;
    } catch {
      return false;
    }
  }
}
