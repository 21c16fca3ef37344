/**
 * `tokenkeep/postgres`: sessions of a fleet of backends in PostgreSQL.
 *
 * @module
 */
export type { FleetStorage } from '../fleet/fleet-storage.ts';

export type { PostgresStorageOptions } from './postgres-options.ts';
export type { PostgresClient, PostgresPool, PostgresResult } from './postgres-pool.ts';
export { postgresStorage } from './postgres-storage.ts';
export { postgresTable } from './table.ts';
