/**
 * Advisory locks of Postgres, all of a process on one connection: they are free as soon as it is closed, however its
 * process ended.
 *
 * Nobody blocks in Postgres: it would take a connection for each who waits. Those who wait ask again, all of them in one
 * statement, and are told when what they wait for is free.
 *
 * No fencing number is kept with the record, because the record's version is one already: see `redis/redis-lock.ts`.
 *
 * @module
 */
import type { TokenLock } from '../core/contracts.ts';
import { StorageError } from '../core/errors.ts';
import { Line } from '../fleet/line.ts';
import { courtesy, jittered, later } from '../fleet/patience.ts';
import { lockId } from './lock-id.ts';
import type { Live, OwnConnection } from './own-connection.ts';

interface Waiter {
  readonly id: string;
  /** How often it was not free. */
  attempts: number;
  /** How often asking failed. */
  failures: number;
  grant(grant: Grant): void;
  refuse(error: unknown): void;
}

interface Grant {
  readonly id: string;
  readonly live: Live;
  isWanted: boolean;
}

/** Locks of one statement: each takes a place in a table of the server that all share. */
const atOnce = 100;

/** A pooler in between may hand each statement to another backend: a lock of one that is not ours is worse than none. */
const tryStatement = `SELECT pg_backend_pid() AS backend, array(SELECT id::text FROM unnest($1::bigint[]) AS id
  WHERE CASE pg_backend_pid() WHEN $2 THEN pg_try_advisory_lock(id) END) AS granted`;
/** Those who wait hear of it when the lock is free, not before. */
const unlockStatement = `SELECT pg_advisory_unlock(id), CASE WHEN $2 THEN pg_notify($3, 'free ' || id) END
  FROM unnest($1::bigint[]) AS id`;
const wantStatement = "SELECT pg_notify($2, 'wanted ' || id) FROM unnest($1::bigint[]) AS id";

export class AdvisoryLock implements TokenLock {
  readonly reach = 'cluster';
  readonly lease: number;
  /** With its connection, which Postgres and whatever is in between may close. */
  readonly losable = true;
  readonly #connection: OwnConnection;
  /** What the locks are about: those of another table are others. */
  readonly #about: string;
  /** Of those in this process that want one lock, one at a time asks Postgres, for which they would all be the same. */
  readonly #line: Line = new Line();
  readonly #waiting: Set<Waiter> = new Set();
  #isAsking = false;
  #isToAsk = false;
  #cancel: () => void = () => undefined;

  constructor(connection: OwnConnection, about: string, lease: number) {
    this.#connection = connection;
    this.#about = about;
    this.lease = lease;
  }

  async request<T>(
    name: string,
    { signal }: { signal?: AbortSignal | undefined },
    callback: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const leave = await this.#line.enter(name, signal);
    const over = this.#connection.hold();
    let isWanted = false;
    try {
      const id = await lockId(`${this.#about} ${name}`);
      const grant = await this.#granted(id, signal);
      const unlisten = this.#connection.listen(`wanted ${id}`, () => {
        grant.isWanted = true;
      });
      try {
        return await callback();
      } finally {
        unlisten();
        isWanted = grant.isWanted;
        await this.#unlock(grant.live, [grant.id], isWanted);
      }
    } finally {
      over();
      if (isWanted) later(leave, courtesy());
      else leave();
    }
  }

  #granted(id: string, signal: AbortSignal | undefined): Promise<Grant> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(waiter);
        unlisten();
        signal?.removeEventListener('abort', leave);
      };
      const refuse = (error: unknown): void => {
        end();
        reject(error);
      };
      const grant = (granted: Grant): void => {
        end();
        resolve(granted);
      };
      const leave = (): void => refuse(signal?.reason);
      const waiter: Waiter = { id, attempts: 0, failures: 0, grant, refuse };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', leave, { once: true });
      const unlisten = this.#connection.listen(`free ${id}`, () => {
        waiter.attempts = 0; // whoever has it next does not know of us
        this.#ask();
      });
      this.#ask();
    });
  }

  /** Asks for everything that is waited for: now, or right after the answer that is under way. */
  #ask(): void {
    this.#isToAsk = true;
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#cancel();
    void this.#askUntilAnswered();
  }

  async #askUntilAnswered(): Promise<void> {
    while (this.#isToAsk) {
      this.#isToAsk = false;
      const waiters = [...this.#waiting];
      for (let first = 0; first < waiters.length; first += atOnce) {
        await this.#try(waiters.slice(first, first + atOnce));
      }
    }
    this.#isAsking = false;
    if (this.#waiting.size === 0) return;
    const latest = Math.min(...[...this.#waiting].map(({ attempts }) => attempts));
    this.#cancel = later(() => this.#ask(), jittered(latest, 1000));
  }

  async #try(waiters: readonly Waiter[]): Promise<void> {
    const ids = waiters.map(({ id }) => id);
    let live: Live | undefined;
    try {
      live = await this.#connection.live();
      const { rows } = await this.#connection.ask(live, tryStatement, [ids, live.backend]);
      const { backend, granted } = rows[0] as { backend: number; granted: string[] };
      if (backend !== live.backend) throw notOurOwn();
      await this.#hand(live, waiters, new Set(granted));
    } catch (error) {
      // What it granted before it failed is ours all the same.
      if (live !== undefined) await this.#unlock(live, ids, false);
      for (const waiter of waiters) {
        waiter.attempts += 1;
        // A connection that was lost is worth another one.
        if (++waiter.failures > 1) waiter.refuse(error);
      }
    }
  }

  async #hand(live: Live, waiters: readonly Waiter[], granted: ReadonlySet<string>): Promise<void> {
    const refused: string[] = [];
    const late: string[] = [];
    for (const waiter of waiters) {
      const { id } = waiter;
      waiter.failures = 0;
      if (!granted.has(id)) {
        if (++waiter.attempts === 1) refused.push(id);
      } else if (!this.#waiting.has(waiter)) {
        late.push(id); // it has left meanwhile
      } else {
        waiter.grant({ id, live, isWanted: false });
      }
    }
    if (late.length > 0) await this.#unlock(live, late, true);
    if (refused.length > 0) {
      const { channel } = this.#connection;
      await this.#connection.ask(live, wantStatement, [refused, channel]).catch(() => undefined);
    }
  }

  /** A lock that cannot be unlocked is let go with the connection, and a connection that is lost has let go of all. */
  async #unlock(live: Live, ids: readonly string[], isWanted: boolean): Promise<void> {
    if (live.isLost) return;
    const { channel } = this.#connection;
    await this.#connection
      .ask(live, unlockStatement, [ids, isWanted, channel])
      .catch(() => this.#connection.drop(live));
  }
}

function notOurOwn(): StorageError {
  return new StorageError(
    'The statements of one connection reach several backends of Postgres, so there is no lock: let the pool connect to ' +
      'the server itself, or to a pooler in session mode.',
    { operation: 'write' },
  );
}
