/**
 * Everything pluggable, on one page: where tokens rest, who may refresh, what time it is, how requests travel.
 * Types only. Imports point down: every other file may import this one.
 *
 * @module
 */

/**
 * How far something is seen: by this process, by every process of this machine (or every tab of this
 * browser profile), or by every machine that talks to the same backend.
 */
export type Reach = 'process' | 'machine' | 'cluster';

/** Names one stored value of one key. It is never used twice for a key, not even after a delete. */
export type Version = string | number;

/** The value of a key in a storage. */
export interface Stored {
  /**
   * The written record, as plain JSON. A storage returns a value that it cannot read as JSON unchanged: the manager
   * judges it.
   */
  readonly record: unknown;
  readonly version: Version;
}

/**
 * Why sessions are kept elsewhere than in the storage that was preferred.
 *
 * - `site data blocked`: the user or a policy blocks it for this site, or for frames of other sites.
 * - `opaque origin`: the page has no origin of its own, as in a sandboxed frame.
 */
export type StorageUnavailableReason = 'site data blocked' | 'opaque origin';

/**
 * Where the tokens of a session rest: one record a session, written whole. A key is any text of any length, and no secret.
 * `examples/bring-your-own-storage` in the repository is one to start from.
 *
 * The laws, each one test of `storageConformance` in `tokenkeep/testing`:
 *
 * - `storage-1`: What was written is read back equal, and belongs to the reader: changing it changes nothing stored.
 * - `storage-2`: A resolved write is durable and visible to everyone within `reach`.
 * - `storage-3`: `write` succeeds only if the stored version is `ifVersion` (`undefined`: only if nothing is stored). Otherwise
 *   it rejects with a `StorageError` whose `conflict` is `true`, and nothing has changed. Of several writers with
 *   the same `ifVersion` exactly one wins: compared and written in one step, not read first and written then.
 * - `storage-4`: `delete` with an `ifVersion` deletes only that version and rejects like `write` if another one is stored, or none.
 *   Without one it always succeeds, also when nothing is there.
 * - `storage-5`: A version is never used twice for a key, not even after a delete.
 * - `storage-6`: No torn reads: a reader sees the old record or the new one, whole.
 * - `storage-7`: No silent failure: what was not stored rejects with a `StorageError`.
 * - `storage-8`: Keys do not touch each other, whatever characters they have.
 * - `storage-9`: `watch`, if the storage has it, reports every change by anyone within `reach`, and nothing after `unwatch`.
 */
export interface TokenStorage {
  readonly reach: Reach;
  /** The lock that belongs to this storage: it reaches as far. */
  readonly lock?: TokenLock;
  /** Returns the stored value, or `undefined`. @throws StorageError */
  read(key: string): Promise<Stored | undefined>;
  /** @throws StorageError with `conflict` when the stored version is not `ifVersion`. */
  write(key: string, record: object, ifVersion: Version | undefined): Promise<Version>;
  /** Takes it away. @throws StorageError with `conflict` when `ifVersion` is given and not what is stored. */
  delete(key: string, ifVersion?: Version): Promise<void>;
  /**
   * Notifies the listener that the value of `key` has changed, not what it is now. Returns a function that
   * unsubscribes.
   */
  watch?(key: string, listener: () => void): () => void;
  /**
   * Says why sessions are kept elsewhere than in the storage that was preferred, once the first operation has resolved. The
   * manager emits `storageUnavailable` with it.
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
 * - `lock-4`: An aborted waiter leaves the queue with the signal's reason and never runs. After the grant the signal has no effect.
 * - `lock-5`: A waiter that is not aborted runs at some time, however many others ask for the lock.
 * - `lock-6`: Names do not touch each other.
 */
export interface TokenLock {
  readonly reach: Reach;
  /**
   * How long a grant lasts at most if it can end by itself, in ms: at least the `timeout` of the manager and 10_000 more.
   *
   * @default only the end of the callback, or of its process, ends a grant
   */
  readonly lease?: number;
  /**
   * `true`: a holder can lose a grant while it lives, without noticing, and continue: with a connection, in a
   * failover. The next holder then waits for a refresh in progress, as long as it can take, before it sends the same
   * refresh token. That holds for clocks that are up to five minutes apart.
   *
   * @default false
   */
  readonly mayBeLost?: boolean;
  /** Runs `callback` as the holder of `name`, once nobody else is. The signal ends the wait, not the holding. */
  request<T>(
    name: string,
    options: { signal?: AbortSignal | undefined },
    callback: () => Promise<T>,
  ): Promise<T>;
}

/** The time, and waiting for it. A test hands in its own. */
export interface Clock {
  /** Now, in Unix ms. */
  now(): number;
  /** Calls back after `delay` ms. @default the platform's `setTimeout` */
  setTimeout?(callback: () => void, delay: number): unknown;
  /** @default the platform's `clearTimeout` */
  clearTimeout?(timer: unknown): void;
}

/** Sends requests: `fetch`, or a function with its shape. */
export type Transport = typeof globalThis.fetch & {
  /**
   * `'manual'`: it follows no redirect of a request with `redirect: 'manual'`, so an answer with another `url` than the one
   * that was asked is believed. For a transport that sends requests to another address, such as a proxy of its own.
   *
   * @default an answer of the authorization server with another `url` is not believed
   */
  readonly redirects?: 'manual';
};

/** Lets tasks run at most so many at a time, in the order they came. */
export interface ConcurrencyLimiter {
  /**
   * Runs `task` when it is its turn. An abort takes a waiting task out of the queue, rejecting with the signal's
   * reason; once the task runs the signal has no effect.
   */
  run<T>(task: () => Promise<T>, signal?: AbortSignal | null): Promise<T>;
  /** `true` when nothing runs or waits. */
  readonly idle: boolean;
}
