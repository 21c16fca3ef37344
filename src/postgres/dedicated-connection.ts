/**
 * One connection of the pool for locks and notifications of this process, which outlast a statement.
 *
 * Advisory locks belong to a connection, and one connection can hold any number of them. So all waiters and holders
 * share one connection.
 *
 * @module
 */

import { setUnrefTimeout } from '../async/abortable.ts';
import { KeyedListeners } from '../async/keyed-listeners.ts';
import { backoffDelay } from '../cluster/backoff.ts';
import type { PostgresSettings } from './postgres-options.ts';
import { type PostgresClient, type PostgresPool, type PostgresResult, runBounded } from './postgres-pool.ts';
import { quoteIdentifier } from './postgres-table.ts';

/** The open connection. */
export interface LiveConnection {
  readonly client: PostgresClient;
  /** Process id of the server behind it. */
  readonly backend: number;
  isLost: boolean;
  /** Settles with the latest statement: the next `pg` runs one at a time and queues none. */
  last: Promise<unknown>;
}

export class DedicatedConnection {
  readonly channel: string;
  readonly #settings: PostgresSettings;
  /** Listeners of the channel's messages, by subject. */
  readonly #listeners: KeyedListeners = new KeyedListeners();
  #holders = 0;
  #opening: Promise<LiveConnection> | undefined = undefined;
  #live: LiveConnection | undefined = undefined;
  #failures = 0;
  #cancelTimer: () => void = () => undefined;

  constructor(settings: PostgresSettings, channel: string) {
    this.#settings = settings;
    this.channel = channel;
    const { on } = settings.pool as { on?: (event: 'remove', listener: () => void) => unknown };
    on?.call(settings.pool, 'remove', () => {
      if (this.#live !== undefined && isEnding(settings.pool)) this.drop(this.#live);
    });
  }

  /** Keeps the connection open, and the process alive, until the returned function is called. */
  hold(): () => void {
    this.#holders += 1;
    this.#updateRef();
    return () => {
      this.#holders -= 1;
      this.#updateRef();
      this.#closeIfIdle();
    };
  }

  /** Calls back for messages about `topic`, and when a message may have been missed. */
  subscribe(topic: string, listener: () => void): () => void {
    const stop = this.#listeners.subscribe(topic, listener);
    this.live().catch(() => undefined); // a later attempt opens it
    return () => {
      stop();
      this.#closeIfIdle();
    };
  }

  /** Returns the connection. Opens it if necessary. */
  live(): Promise<LiveConnection> {
    if (this.#live !== undefined) return Promise.resolve(this.#live);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /**
   * Sends a statement over the connection. After an error other than the statement's own the connection is closed,
   * because the state of its locks is unknown.
   */
  async query(live: LiveConnection, text: string, values?: unknown[]): Promise<PostgresResult> {
    const { timeout } = this.#settings;
    try {
      const result = live.last.then(() => live.client.query(text, values));
      live.last = result.catch(() => undefined);
      return await runBounded('write', timeout, () => result);
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as { code?: string };
      if (!/^[0-9FHPX][0-9A-Z]{4}$/.test(code ?? '')) this.drop(live);
      throw error;
    }
  }

  /** Closes the connection, which releases all locks that it holds. */
  drop(live: LiveConnection): void {
    if (live.isLost) return;
    live.isLost = true;
    live.client.release(true);
    if (this.#live !== live) return;
    this.#live = undefined;
    this.#cancelTimer();
    this.#scheduleReconnect();
  }

  async #open(): Promise<LiveConnection> {
    const connecting = this.#connect();
    try {
      const live = await runBounded('write', this.#settings.timeout, () => connecting);
      if (live.isLost) throw new Error('The connection was lost as soon as it was made.');
      this.#live = live;
      this.#failures = 0;
      this.#updateRef();
      this.#scheduleHeartbeat(live);
      for (const key of this.#listeners.keys) this.#listeners.notify(key);
      this.#closeIfIdle();
      return live;
    } catch (error) {
      connecting.then(
        (late) => this.drop(late),
        () => undefined,
      );
      this.#scheduleReconnect();
      throw error;
    }
  }

  async #connect(): Promise<LiveConnection> {
    const { pool, lease } = this.#settings;
    const client = await pool.connect();
    const live = { client, backend: 0, isLost: false, last: Promise.resolve() };
    client.on('error', () => this.drop(live));
    client.on('end', () => this.drop(live));
    client.on('notification', ({ channel, payload = '' }) => {
      // Messages that arrive before the connection is announced as open belong to the announcement.
      if (channel === this.channel && this.#live === live) this.#listeners.notify(payload);
    });
    try {
      // The lease: if a process is silent for this long, the server closes its connection, and its locks are
      // free.
      const { rows } = await client.query(
        "SELECT pg_backend_pid() AS backend, set_config('idle_session_timeout', $1, false)",
        [`${lease}ms`],
      );
      await client.query(`LISTEN ${quoteIdentifier(this.channel)}`);
      return Object.assign(live, { backend: Number(rows[0].backend) });
    } catch (error) {
      this.drop(live);
      throw error;
    }
  }

  /**
   * Sends heartbeats for as long as this process lives. `pool.end()` waits for all connections, and emits no
   * event, so the pool is checked every second.
   */
  #scheduleHeartbeat(live: LiveConnection, silent = 0): void {
    const { pool, lease } = this.#settings;
    const interval = Math.min(1000, lease / 3);
    this.#cancelTimer = setUnrefTimeout(() => {
      if (isEnding(pool)) return this.drop(live);
      if (silent + interval < lease / 3) return this.#scheduleHeartbeat(live, silent + interval);
      this.query(live, 'SELECT 1').then(
        () => live.isLost || this.#scheduleHeartbeat(live),
        () => this.drop(live),
      );
    }, interval);
  }

  /** Reconnects, because listeners receive nothing without a connection. */
  #scheduleReconnect(): void {
    if (this.#listeners.keys.length === 0 || isEnding(this.#settings.pool)) return;
    this.#cancelTimer = setUnrefTimeout(
      () => this.live().catch(() => undefined),
      5 * backoffDelay(this.#failures++, 2000),
    );
  }

  #closeIfIdle(): void {
    if (this.#holders > 0 || this.#listeners.keys.length > 0) return;
    this.#cancelTimer();
    if (this.#live !== undefined) this.drop(this.#live);
  }

  /** Updates whether the connection keeps the process alive: listening alone does not, waiting for a lock does. */
  #updateRef(): void {
    const client = this.#live?.client as { ref?(): void; unref?(): void } | undefined;
    if (this.#holders > 0) client?.ref?.();
    else client?.unref?.();
  }
}

function isEnding(pool: PostgresPool): boolean {
  return (pool as { ending?: boolean }).ending === true;
}
