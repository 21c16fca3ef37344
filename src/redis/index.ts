/**
 * `tokenkeep/redis`: sessions of a fleet of backends in Redis.
 *
 * @module
 */
export type { FleetStorage } from '../fleet/fleet-storage.ts';
export type { IoredisClient, NodeRedisClient, RedisClient, ScriptCall } from './redis-client.ts';
export type { RedisStorageOptions } from './redis-options.ts';
export { redisStorage } from './redis-storage.ts';
