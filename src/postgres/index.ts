/**
 * `tokenkeep/postgres`: sessions of a cluster of backends in PostgreSQL.
 *
 * @module
 */
export type { ClusterStorage } from '../cluster/cluster-storage.ts';

export type { PostgresStorageOptions } from './postgres-options.ts';
export type { PostgresClient, PostgresPool, PostgresResult } from './postgres-pool.ts';
export { postgresStorage } from './postgres-storage.ts';
export { postgresTable } from './postgres-table.ts';
