/**
 * `tokenkeep/redis`: sessions of a cluster of backends in Redis.
 *
 * @module
 */
export type { ClusterStorage } from '../cluster/cluster-storage.ts';
export type { IoredisClient, NodeRedisClient, RedisClient, ScriptCall } from './redis-client.ts';
export type { RedisStorageOptions } from './redis-options.ts';
export { redisStorage } from './redis-storage.ts';
