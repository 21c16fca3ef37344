/**
 * The options of `postgresStorage()`, and their checks.
 *
 * @module
 */
import { ConfigurationError } from '../core/errors.ts';
import type { PostgresPool } from './postgres-pool.ts';

/** Options of {@link postgresStorage}. */
export interface PostgresStorageOptions {
  /**
   * Pool of `pg` for the primary, with at least two connections: one is used while a session is watched or a lock is held.
   * tokenkeep does not end the pool.
   */
  readonly pool: PostgresPool;
  /** Name of the table of `postgresTable()`, with or without its schema. @default 'tokenkeep_sessions' */
  readonly table?: string | undefined;
  /**
   * Time until the lock of a stopped or disconnected holder expires, in ms. It must exceed the longest refresh: the `timeout`
   * of the manager plus 10 s. The lock of a process that has died is released at once.
   *
   * @default 45_000
   */
  readonly lease?: number | undefined;
  /**
   * Time after its last change when a session may be deleted, in ms, if its server does not report the lifetime of its
   * refresh token. If the server reports it, the session may be deleted a day after that. The column `expires_at` contains
   * this time.
   *
   * @default never
   */
  readonly expireAfter?: number | undefined;
  /** Time limit of one operation, in ms, including the wait for a connection of the pool. @default 10_000 */
  readonly timeout?: number | undefined;
}

/** The options with their defaults. */
export interface PostgresSettings extends Pick<PostgresStorageOptions, 'pool' | 'expireAfter'> {
  readonly table: string;
  readonly lease: number;
  readonly timeout: number;
}

/** @throws ConfigurationError that names the option and the remedy. */
export function checkPostgresOptions(options: PostgresStorageOptions): PostgresSettings {
  const { pool, table = 'tokenkeep_sessions', ...durations } = options ?? {};
  if (isClient(pool)) {
    refuse('pool', 'is a single client of pg. Pass a Pool, new Pool(…): a lock needs its own connection.');
  }
  if (!isPool(pool)) refuse('pool', 'must be a Pool of pg, or have its query() and connect().');
  const { max } = (pool as { options?: { max?: number } }).options ?? {};
  if (max !== undefined && max < 2) {
    refuse('pool', 'must have max: 2 or more: one connection holds the locks and receives changes.');
  }
  checkTable(table);
  const { lease = 45_000, timeout = 10_000, expireAfter, ...others } = durations;
  for (const [name, value] of Object.entries({ lease, timeout, expireAfter })) {
    if (value !== undefined && !isDuration(value)) refuse(name, 'must be a positive number of milliseconds.');
  }
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) refuse(unknown, 'is not known.');
  return { pool, table, lease, timeout, expireAfter };
}

/** @throws ConfigurationError for a name that would have to be escaped, or that Postgres would truncate. */
export function checkTable(table: string): void {
  const part = '[A-Za-z_][A-Za-z0-9_]{0,62}';
  if (typeof table === 'string' && new RegExp(`^(${part}\\.)?${part}$`).test(table)) return;
  refuse('table', "must be a name or schema.name, of letters, digits and '_', 63 at most.");
}

/** Returns whether a value is a client of `pg`. It has the same methods as a pool, but its `connect()` returns no client. */
function isClient(value: unknown): boolean {
  const client = (value ?? {}) as { query?: unknown; escapeIdentifier?: unknown; release?: unknown };
  return typeof client.query === 'function' && [client.escapeIdentifier, client.release].some(isFunction);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isPool(value: unknown): value is PostgresPool {
  const pool = (value ?? {}) as Partial<PostgresPool>;
  return typeof pool.query === 'function' && typeof pool.connect === 'function';
}

/** Returns whether a value is a duration that a setting of Postgres can hold. */
function isDuration(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 2 ** 31 - 1;
}

function refuse(name: string, problem: string): never {
  throw new ConfigurationError(`postgresStorage(): the option ${name} ${problem}`);
}
