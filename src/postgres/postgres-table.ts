/**
 * The table, and the statements that use it.
 *
 * @module
 */
import { checkTable } from './postgres-options.ts';

/**
 * Returns the statements that create the table of `postgresStorage()`, for your migrations. They can be run again.
 *
 * One row is one session: `key` names the client and the session (`my-backend/alice`), `record` is JSON with the
 * tokens, `version` changes with every write, `updated_at` and `expires_at` are for administrators and for cleaning up:
 * delete rows whose `expires_at` has passed.
 *
 * @example
 * ```ts
 * import { Pool } from 'pg';
 * import { postgresTable } from 'tokenkeep/postgres';
 *
 * const pool = new Pool();
 * await pool.query(postgresTable());
 * await pool.query('delete from tokenkeep_sessions where expires_at < now()'); // now and then
 * ```
 * @throws ConfigurationError for an invalid name.
 */
export function postgresTable(table = 'tokenkeep_sessions'): string {
  checkTable(table);
  const index = quoteIdentifier(`${table.split('.').at(-1)?.slice(0, 45)}_expires_at`);
  return `CREATE TABLE IF NOT EXISTS ${quoteIdentifier(table)} (
  key text PRIMARY KEY,
  record text NOT NULL,
  version uuid NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz
);
CREATE INDEX IF NOT EXISTS ${index} ON ${quoteIdentifier(table)} (expires_at) WHERE expires_at IS NOT NULL;`;
}

/** Quotes an identifier, so that keywords can be names too. */
export function quoteIdentifier(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}

/** The statements of a storage. */
export interface Statements {
  readonly read: string;
  readonly insert: string;
  readonly update: string;
  readonly delete: string;
  readonly deleteVersion: string;
}

/**
 * Returns the statements. A change and its notification are one statement, so neither occurs alone. The record must survive a
 * crash of the server: if `synchronous_commit` is off, this statement turns it on for its transaction.
 */
export function buildStatements(table: string): Statements {
  const name = quoteIdentifier(table);
  const changing = (change: string, announcement: string): string => `WITH changed AS (${change} RETURNING 1)
SELECT pg_notify(${announcement}),
  CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
FROM changed`;
  const expiry = "now() + $4::float8 * interval '1 millisecond'";
  return {
    read: `SELECT record, version::text AS version FROM ${name} WHERE key = $1`,
    insert: changing(
      `INSERT INTO ${name} (key, record, version, expires_at) VALUES ($1, $2, $3::uuid, ${expiry})
ON CONFLICT (key) DO NOTHING`,
      '$5, $6',
    ),
    update: changing(
      `UPDATE ${name} SET record = $2, version = $3::uuid, expires_at = ${expiry}, updated_at = now()
WHERE key = $1 AND version::text = $7`,
      '$5, $6',
    ),
    delete: changing(`DELETE FROM ${name} WHERE key = $1`, '$2, $3'),
    deleteVersion: changing(`DELETE FROM ${name} WHERE key = $1 AND version::text = $4`, '$2, $3'),
  };
}
