/**
 * Advisory locks of Postgres, all of a process on one connection: they are released as soon as it is closed, even if its
 * process crashed.
 *
 * Waiters do not block in Postgres, because each of them would occupy a connection. They poll, all of them in one
 * statement, and are notified when their lock is free.
 *
 * No fencing number is kept with the record, because the record's version is one already: see `redis/redis-lock.ts`.
 *
 * @module
 */

import { setUnrefTimeout } from '../async/abortable.ts';
import { backoffDelay, yieldDelay } from '../cluster/backoff.ts';
import { KeyedQueue } from '../cluster/keyed-queue.ts';
import type { TokenLock } from '../core/contracts.ts';
import { StorageError } from '../core/errors.ts';
import { advisoryLockId } from './advisory-lock-id.ts';
import type { DedicatedConnection, LiveConnection } from './dedicated-connection.ts';

interface Waiter {
  readonly id: string;
  /** Number of attempts for which it was not free. */
  attempts: number;
  /** Number of attempts that failed with an error. */
  failures: number;
  grant(grant: LockGrant): void;
  reject(error: unknown): void;
}

interface LockGrant {
  readonly id: string;
  readonly live: LiveConnection;
  isWanted: boolean;
}

/** Number of locks in one statement: each occupies an entry in a table that all clients of the server share. */
const batchSize = 100;

/** A pooler may send each statement to another backend: a lock of a backend that is not ours protects nothing. */
const tryStatement = `SELECT pg_backend_pid() AS backend, array(SELECT id::text FROM unnest($1::bigint[]) AS id
  WHERE CASE pg_backend_pid() WHEN $2 THEN pg_try_advisory_lock(id) END) AS granted`;
/** Waiters are notified once the lock is released, not before. */
const unlockStatement = `SELECT pg_advisory_unlock(id), CASE WHEN $2 THEN pg_notify($3, 'free ' || id) END
  FROM unnest($1::bigint[]) AS id`;
const wantStatement = "SELECT pg_notify($2, 'wanted ' || id) FROM unnest($1::bigint[]) AS id";

export class AdvisoryLock implements TokenLock {
  readonly reach = 'cluster';
  readonly lease: number;
  /** Lost with its connection, which Postgres or a proxy may close. */
  readonly mayBeLost = true;
  readonly #connection: DedicatedConnection;
  /** The table that the locks belong to: locks of other tables are separate. */
  readonly #namespace: string;
  /** A queue in this process: one caller for each lock asks Postgres, which cannot distinguish callers on one connection. */
  readonly #queue: KeyedQueue = new KeyedQueue();
  readonly #waiting: Set<Waiter> = new Set();
  #isRequesting = false;
  #shouldRequest = false;
  #cancelRetry: () => void = () => undefined;

  constructor(connection: DedicatedConnection, namespace: string, lease: number) {
    this.#connection = connection;
    this.#namespace = namespace;
    this.lease = lease;
  }

  async request<T>(
    name: string,
    { signal }: { signal?: AbortSignal | undefined },
    callback: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const releaseQueue = await this.#queue.acquire(name, signal);
    const releaseConnection = this.#connection.hold();
    let isWanted = false;
    try {
      const id = await advisoryLockId(`${this.#namespace} ${name}`);
      const grant = await this.#acquire(id, signal);
      const unsubscribe = this.#connection.subscribe(`wanted ${id}`, () => {
        grant.isWanted = true;
      });
      try {
        return await callback();
      } finally {
        unsubscribe();
        isWanted = grant.isWanted;
        await this.#unlock(grant.live, [grant.id], isWanted);
      }
    } finally {
      releaseConnection();
      if (isWanted) setUnrefTimeout(releaseQueue, yieldDelay());
      else releaseQueue();
    }
  }

  #acquire(id: string, signal: AbortSignal | undefined): Promise<LockGrant> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(waiter);
        unsubscribe();
        signal?.removeEventListener('abort', onAbort);
      };
      const rejectWaiter = (error: unknown): void => {
        end();
        reject(error);
      };
      const grant = (granted: LockGrant): void => {
        end();
        resolve(granted);
      };
      const onAbort = (): void => rejectWaiter(signal?.reason);
      const waiter: Waiter = { id, attempts: 0, failures: 0, grant, reject: rejectWaiter };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
      const unsubscribe = this.#connection.subscribe(`free ${id}`, () => {
        waiter.attempts = 0; // the next holder starts its own count
        this.#requestLocks();
      });
      this.#requestLocks();
    });
  }

  /** Requests all locks that waiters need: now, or right after the request in progress. */
  #requestLocks(): void {
    this.#shouldRequest = true;
    if (this.#isRequesting) return;
    this.#isRequesting = true;
    this.#cancelRetry();
    void this.#requestAll();
  }

  async #requestAll(): Promise<void> {
    while (this.#shouldRequest) {
      this.#shouldRequest = false;
      const waiters = [...this.#waiting];
      for (let first = 0; first < waiters.length; first += batchSize) {
        await this.#requestBatch(waiters.slice(first, first + batchSize));
      }
    }
    this.#isRequesting = false;
    if (this.#waiting.size === 0) return;
    const latest = Math.min(...[...this.#waiting].map(({ attempts }) => attempts));
    this.#cancelRetry = setUnrefTimeout(() => this.#requestLocks(), backoffDelay(latest, 1000));
  }

  async #requestBatch(waiters: readonly Waiter[]): Promise<void> {
    const ids = waiters.map(({ id }) => id);
    let live: LiveConnection | undefined;
    try {
      live = await this.#connection.live();
      const { rows } = await this.#connection.query(live, tryStatement, [ids, live.backend]);
      const { backend, granted } = rows[0] as { backend: number; granted: string[] };
      if (backend !== live.backend) throw sharedConnectionError();
      await this.#settleWaiters(live, waiters, new Set(granted));
    } catch (error) {
      // A lock that was granted before the error is held.
      if (live !== undefined) await this.#unlock(live, ids, false);
      for (const waiter of waiters) {
        waiter.attempts += 1;
        // After a lost connection, try a new one.
        if (++waiter.failures > 1) waiter.reject(error);
      }
    }
  }

  async #settleWaiters(
    live: LiveConnection,
    waiters: readonly Waiter[],
    granted: ReadonlySet<string>,
  ): Promise<void> {
    const refused: string[] = [];
    const late: string[] = [];
    for (const waiter of waiters) {
      const { id } = waiter;
      waiter.failures = 0;
      if (!granted.has(id)) {
        if (++waiter.attempts === 1) refused.push(id);
      } else if (!this.#waiting.has(waiter)) {
        late.push(id); // its waiter has left meanwhile
      } else {
        waiter.grant({ id, live, isWanted: false });
      }
    }
    if (late.length > 0) await this.#unlock(live, late, true);
    if (refused.length > 0) {
      const { channel } = this.#connection;
      await this.#connection.query(live, wantStatement, [refused, channel]).catch(() => undefined);
    }
  }

  /** Releases locks. A lock that cannot be unlocked is released with the connection, and a lost connection has released all. */
  async #unlock(live: LiveConnection, ids: readonly string[], isWanted: boolean): Promise<void> {
    if (live.isLost) return;
    const { channel } = this.#connection;
    await this.#connection
      .query(live, unlockStatement, [ids, isWanted, channel])
      .catch(() => this.#connection.drop(live));
  }
}

function sharedConnectionError(): StorageError {
  return new StorageError(
    'The statements of one connection reach several backends of Postgres, so there is no lock: let the pool connect to ' +
      'the server itself, or to a pooler in session mode.',
    { operation: 'write' },
  );
}
