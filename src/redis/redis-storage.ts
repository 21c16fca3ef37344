/**
 * The storage of a cluster of backends that share a Redis.
 *
 * @module
 */

import type { ClusterStorage } from '../cluster/cluster-storage.ts';
import { escapeKey } from '../cluster/escape-key.ts';
import { recordTtl } from '../cluster/record-ttl.ts';
import type { Version } from '../core/contracts.ts';
import { parseRecord, serializeRecord, versionConflict } from '../core/stored-record.ts';
import { ChangeNotifications } from './change-notifications.ts';
import { RedisLock } from './redis-lock.ts';
import { checkRedisOptions, type RedisStorageOptions } from './redis-options.ts';
import { deleteScript, readScript, versionLength, writeScript } from './redis-scripts.ts';
import { RedisServer } from './redis-server.ts';

/**
 * Keeps sessions in Redis, so that several backend instances can share sessions: one refreshes, the others wait and
 * use the result. It brings its own lock, and notifies all of them of a change.
 *
 * The client is yours, of `redis` (node-redis) or `ioredis`; tokenkeep does not close it. Anyone who can read this Redis
 * can read the tokens: give it a password and TLS. Set the eviction policy `noeviction`, because an evicted session
 * is signed out.
 *
 * Each session uses one key, and a second one during a refresh. It needs no timer, subscription or connection per session.
 *
 * @example
 * ```ts
 * import { createClient } from 'redis';
 * import { TokenManager } from 'tokenkeep';
 * import { redisStorage } from 'tokenkeep/redis';
 *
 * const client = createClient({ url: 'rediss://redis.example.com' });
 * client.on('error', (error: Error) => console.warn(error.message));
 * await client.connect();
 *
 * const manager = new TokenManager({
 *   clientId: 'my-backend',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: redisStorage({ client }),
 * });
 * const alice = manager.forSession('alice');
 * ```
 * @throws ConfigurationError that names the option and the remedy.
 */
export function redisStorage(options: RedisStorageOptions): ClusterStorage {
  const settings = checkRedisOptions(options);
  const { prefix, lease, expireAfter } = settings;
  const server = new RedisServer(settings);
  const notifications = new ChangeNotifications(settings);
  // Braces: a session's record and its lock are in one slot of a cluster, so they are lost or kept together. The lock is
  // older than what is written under it, and replicas get one node's writes in order.
  const keyOf = (key: string): string => `${prefix}{:${escapeKey(key)}}`;
  const lockKeyOf = (name: string): string => {
    const key = name.startsWith('tokenkeep:') ? name.slice('tokenkeep:'.length) : undefined;
    return key === undefined ? `${keyOf(name)}:other` : `${keyOf(key)}:lock`;
  };

  return {
    reach: 'cluster',
    lock: new RedisLock({ server, notifications, lease, keyOf: lockKeyOf }),
    async read(key) {
      const reply = await server.execute('read', readScript, { keys: [keyOf(key)], arguments: [] });
      if (reply === null || reply === undefined) return undefined;
      const value = String(reply);
      return { record: parseRecord(value.slice(versionLength)), version: value.slice(0, versionLength) };
    },
    async write(key, record, ifVersion) {
      const version = crypto.randomUUID();
      const value = version + serializeRecord(record);
      const ttl = String(recordTtl(record, expireAfter) ?? '');
      const [name, stored] = [keyOf(key), expectedVersion(ifVersion)];
      const call = { keys: [name], arguments: [stored, value, ttl, notifications.channel, name] };
      const reply = await server.executeReplicated('write', writeScript, call);
      if (Number(reply) !== 1) throw versionConflict('write');
      return version;
    },
    async delete(key, ifVersion) {
      const name = keyOf(key);
      const call = { keys: [name], arguments: [expectedVersion(ifVersion), notifications.channel, name] };
      const reply = await server.executeReplicated('delete', deleteScript, call);
      if (Number(reply) !== 1) throw versionConflict('delete');
    },
    watch: (key, listener) => notifications.subscribe(keyOf(key), listener),
  };
}

/** Returns the expected version for scripts: no stored value has no `=`. */
function expectedVersion(version: Version | undefined): string {
  return version === undefined ? '' : `=${version}`;
}
