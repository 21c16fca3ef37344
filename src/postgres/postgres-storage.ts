/**
 * The storage of a cluster of backends that share a PostgreSQL.
 *
 * @module
 */
import type { ClusterStorage } from '../cluster/cluster-storage.ts';
import { escapeKey } from '../cluster/escape-key.ts';
import { recordTtl } from '../cluster/record-ttl.ts';
import {
  parseRecord,
  type StorageOperation,
  serializeRecord,
  versionConflict,
} from '../core/stored-record.ts';
import { AdvisoryLock } from './advisory-lock.ts';
import { DedicatedConnection } from './dedicated-connection.ts';
import { checkPostgresOptions, type PostgresStorageOptions } from './postgres-options.ts';
import {
  isSerializationFailure,
  type PostgresPool,
  type PostgresResult,
  runBounded,
} from './postgres-pool.ts';
import { buildStatements } from './postgres-table.ts';

/**
 * Keeps sessions in PostgreSQL (14 or newer), so that several backend instances can share sessions: one refreshes,
 * the others wait and use the result. It brings its own lock, and notifies all of them of a change.
 *
 * The pool is yours, of `pg`; tokenkeep does not end it. It must reach the primary, directly or through a pooler in
 * session mode. One of its connections is used while a session is watched or a lock is held, whatever the number of
 * sessions. Create the table with `postgresTable()`. Anyone who can read the table can read the tokens.
 *
 * @example
 * ```ts
 * import { Pool } from 'pg';
 * import { TokenManager } from 'tokenkeep';
 * import { postgresStorage } from 'tokenkeep/postgres';
 *
 * const pool = new Pool({ connectionString: 'postgres://postgres.example.com/backend' });
 * pool.on('error', (error: Error) => console.warn(error.message));
 *
 * const manager = new TokenManager({
 *   clientId: 'my-backend',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: postgresStorage({ pool }),
 * });
 * const alice = manager.forSession('alice');
 * await manager.close(); // before pool.end()
 * ```
 * @throws ConfigurationError that names the option and the remedy.
 */
export function postgresStorage(options: PostgresStorageOptions): ClusterStorage {
  const { pool, table, lease, timeout, expireAfter } = checkPostgresOptions(options);
  const sql = buildStatements(table);
  const channel = `tokenkeep ${table.replace('.', ' ')}`.slice(0, 63);
  const connection = new DedicatedConnection({ pool, table, lease, timeout }, channel);
  const run = (operation: StorageOperation, text: string, values: unknown[]): Promise<PostgresResult> =>
    runBounded(operation, timeout, () => runOnce(pool, text, values));

  return {
    reach: 'cluster',
    lock: new AdvisoryLock(connection, table, lease),
    async read(key) {
      const { rows } = await run('read', sql.read, [escapeKey(key)]);
      const [row] = rows as [{ record: string; version: string }?];
      return row && { record: parseRecord(row.record), version: row.version };
    },
    async write(key, record, ifVersion) {
      const version = crypto.randomUUID();
      const keep = recordTtl(record, expireAfter) ?? null;
      const values = [escapeKey(key), serializeRecord(record), version, keep, channel, topicOf(key)];
      const { rows } =
        ifVersion === undefined
          ? await run('write', sql.insert, values)
          : await run('write', sql.update, [...values, String(ifVersion)]);
      if (rows.length === 0) throw versionConflict('write');
      return version;
    },
    async delete(key, ifVersion) {
      const values = [escapeKey(key), channel, topicOf(key)];
      if (ifVersion === undefined) return void (await run('delete', sql.delete, values));
      const { rows } = await run('delete', sql.deleteVersion, [...values, String(ifVersion)]);
      if (rows.length === 0) throw versionConflict('delete');
    },
    watch: (key, listener) => connection.subscribe(topicOf(key), listener),
  };
}

/** Returns the subject of a key's notifications. Its length is limited: keys that begin with the same 1000 characters share one. */
function topicOf(key: string): string {
  return `changed ${escapeKey(key)
    .slice(0, 1000)
    .replace(/\p{Surrogate}$/u, '')}`;
}

/** Runs a statement. Where transactions are serializable, it may have to run again: then it has done nothing. */
async function runOnce(pool: PostgresPool, text: string, values: unknown[]): Promise<PostgresResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await pool.query(text, values);
    } catch (error) {
      if (!isSerializationFailure(error) || attempt === 10) throw error;
    }
  }
}
