/**
 * The part of `pg` that is used, by shape: tokenkeep does not import it. Also the conversion of its errors.
 *
 * @module
 */

import { platformClock, withTimeout } from '../async/abortable.ts';
import { StorageError } from '../core/errors.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { StorageOperation } from '../core/stored-record.ts';

/** The result of a query. */
export interface PostgresResult {
  // biome-ignore lint/suspicious/noExplicitAny: the columns are the query's
  readonly rows: any[];
}

/** A connection of a pool. */
export interface PostgresClient {
  /** Runs a statement on this connection. */
  query(text: string, values?: unknown[]): Promise<PostgresResult>;
  /** Calls back when the connection is lost. */
  on(event: 'error' | 'end', listener: () => void): unknown;
  /** Calls back with notifications on channels that this connection listens to. */
  on(
    event: 'notification',
    listener: (message: { channel: string; payload?: string | undefined }) => void,
  ): unknown;
  /** Returns the connection to the pool. `true`: the pool closes it. */
  release(isBroken?: boolean): void;
}

/** The result of `new Pool()` of the package `pg`, as far as it is used. */
export interface PostgresPool {
  /** Runs a statement on some connection. */
  query(text: string, values?: unknown[]): Promise<PostgresResult>;
  /** Resolves with a connection of the pool. */
  connect(): Promise<PostgresClient>;
}

/** Runs an operation on Postgres with a time limit. Every failure is a `StorageError`. */
export async function runBounded<T>(
  operation: StorageOperation,
  timeout: number,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await withTimeout({ clock: platformClock, timeout }, run);
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw toStorageError(operation, error);
  }
}

/** Remedies for errors, by their SQLSTATE. */
const remedies: Readonly<Record<string, string>> = {
  '42P01': 'Its table is missing: create it with the statements of postgresTable().',
  '42703': 'Its table has other columns: compare it with postgresTable().',
  '42501': 'The role of this pool must be allowed to select, insert, update and delete in its table.',
  '42704': 'PostgreSQL 14 or newer is needed.',
  '25006': 'This server takes no writes: the pool must connect to the primary.',
};

function toStorageError(operation: StorageOperation, error: unknown): StorageError {
  const { code } = (error ?? {}) as { code?: unknown };
  const remedy =
    remedies[String(code)] ?? 'It must be reachable; the cause says more. Nothing is lost: try again.';
  // Only name, message and code: the detail of a Postgres error quotes whole rows.
  const cause = safeCause(error, []);
  return new StorageError(`Postgres failed to ${operation} the session. ${remedy}`, { operation, cause });
}

/** Returns whether a concurrent transaction changed the same row, so this statement did nothing. */
export function isSerializationFailure(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === '40001' || code === '40P01';
}
