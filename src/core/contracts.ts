/**
 * The contracts of all replaceable parts: storage, lock, clock and transport. Types only. Imports point down: every
 * other file may import this one.
 *
 * @module
 */

/**
 * Reach of a storage or lock: this process, every process of this machine (or every tab of this browser profile),
 * or every machine that uses the same backend.
 */
export type Reach = 'process' | 'machine' | 'cluster';

/** Identifies one stored value of one key. A version is never used twice for a key, not even after a delete. */
export type Version = string | number;

/** Stored value of a key, with its version. */
export interface Stored {
  /**
   * The written record, as plain JSON. A storage returns a value that it cannot read as JSON unchanged: the manager
   * judges it.
   */
  readonly record: unknown;
  readonly version: Version;
}

/**
 * Reason why sessions are not in the preferred storage.
 *
 * - `site data blocked`: the user or a policy blocks it for this site, or for frames of other sites.
 * - `opaque origin`: the page has an opaque origin, as in a sandboxed frame.
 */
export type StorageUnavailableReason = 'site data blocked' | 'opaque origin';

/**
 * Storage for the tokens of a session: one record per session, written whole. A key is any text of any length, and no
 * secret. Start from `examples/bring-your-own-storage` in the repository.
 *
 * The laws, each one test of `storageConformance` in `tokenkeep/testing`:
 *
 * - `storage-1`: A record is read back equal to what was written, and belongs to the reader: changing it changes
 *   nothing stored.
 * - `storage-2`: A resolved write is durable and visible to everyone within `reach`.
 * - `storage-3`: `write` succeeds only if the stored version is `ifVersion` (`undefined`: only if nothing is stored).
 *   Otherwise it rejects with a `StorageError` whose `conflict` is `true`, and nothing has changed. Of several
 *   writers with the same `ifVersion` exactly one succeeds: the version is compared and the record written in one
 *   step.
 * - `storage-4`: `delete` with an `ifVersion` deletes only that version, and rejects like `write` if another version
 *   or nothing is stored. Without an `ifVersion` it always succeeds, also if nothing is stored.
 * - `storage-5`: A version is never used twice for a key, not even after a delete.
 * - `storage-6`: A reader sees the old record or the new one, whole.
 * - `storage-7`: A write or delete that was not done rejects with a `StorageError`.
 * - `storage-8`: Keys are independent of each other, whatever characters they contain.
 * - `storage-9`: `watch`, if the storage has it, reports every change by anyone within `reach`, and nothing after
 *   `unwatch`.
 */
export interface TokenStorage {
  readonly reach: Reach;
  /** The lock that belongs to this storage: it reaches as far. */
  readonly lock?: TokenLock;
  /** Returns the stored value, or `undefined`. @throws StorageError */
  read(key: string): Promise<Stored | undefined>;
  /** Stores the record and returns its version. @throws StorageError with `conflict` if the stored version is not `ifVersion`. */
  write(key: string, record: object, ifVersion: Version | undefined): Promise<Version>;
  /** Deletes the stored value. @throws StorageError with `conflict` if `ifVersion` is given and another version is stored. */
  delete(key: string, ifVersion?: Version): Promise<void>;
  /**
   * Calls the listener after each change of the value of `key`, without the value. Returns a function that
   * unsubscribes.
   */
  watch?(key: string, listener: () => void): () => void;
  /**
   * Returns why sessions are not in the preferred storage, once the first operation has resolved.
   * The manager emits `storageUnavailable` with it.
   */
  unavailable?(): StorageUnavailableReason | undefined;
}

/**
 * Serialises refreshes: at most one holder of a name at a time, in the shape of the Web Locks API. A name is any text
 * of any length, and no secret. A waiter blocks nothing else: timers and other requests of the process continue.
 *
 * The laws, each one test of `lockConformance` in `tokenkeep/testing`:
 *
 * - `lock-1`: At most one callback per name runs at a time, everywhere within `reach`.
 * - `lock-2`: The lock is free again when the callback settles, also when it throws, and when its holder dies.
 * - `lock-3`: The result or the error of the callback is the result of `request`.
 * - `lock-4`: An aborted waiter leaves the queue with the signal's reason and never runs. After the grant the signal
 *   has no effect.
 * - `lock-5`: A waiter that is not aborted runs at some time, however many others ask for the lock.
 * - `lock-6`: Names are independent of each other, whatever characters they contain.
 */
export interface TokenLock {
  readonly reach: Reach;
  /**
   * Maximum duration of a grant that can expire, in ms: at least the `timeout` of the manager plus 10_000.
   *
   * @default only the end of the callback, or of its process, ends a grant
   */
  readonly lease?: number;
  /**
   * `true`: a running holder can lose a grant without noticing, for example with its connection or in a failover.
   * The next holder then waits for a refresh in progress, as long as it can take, before it sends the same
   * refresh token. That holds for clocks that are up to five minutes apart.
   *
   * @default false
   */
  readonly mayBeLost?: boolean;
  /** Runs `callback` as the only holder of `name`. The signal ends the wait, not the callback. */
  request<T>(
    name: string,
    options: { signal?: AbortSignal | undefined },
    callback: () => Promise<T>,
  ): Promise<T>;
}

/** Clock of a manager: the time and its timers. Tests pass `testClock()`. */
export interface Clock {
  /** Returns the current time, in Unix ms. */
  now(): number;
  /** Calls `callback` after `delay` ms. @default the platform's `setTimeout` */
  setTimeout?(callback: () => void, delay: number): unknown;
  /** Cancels a timer of `setTimeout`. @default the platform's `clearTimeout` */
  clearTimeout?(timer: unknown): void;
}

/** Sends requests: `fetch`, or a function with its shape. */
export type Transport = typeof globalThis.fetch & {
  /**
   * `'manual'`: declares that it follows no redirect of a request with `redirect: 'manual'`, so a response whose `url`
   * is not the requested one is accepted. For a transport that sends requests to another address, such as a proxy.
   *
   * @default a response of the authorization server with another `url` is rejected
   */
  readonly redirects?: 'manual';
};

/** Limit of concurrent tasks, which start in the order of their requests. */
export interface ConcurrencyLimiter {
  /**
   * Runs `task` when it is its turn. An abort takes a waiting task out of the queue, rejecting with the signal's
   * reason; once the task runs the signal has no effect.
   */
  run<T>(task: () => Promise<T>, signal?: AbortSignal | null): Promise<T>;
  /** `true` when nothing runs or waits. */
  readonly idle: boolean;
}
