/**
 * The storage of a fleet of backends that share a Redis.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import type { FleetStorage } from '../fleet/fleet-storage.ts';
import { keepFor } from '../fleet/keep-for.ts';
import { plainText } from '../fleet/plain-text.ts';
import { conflict, recordOf, textOf } from '../fleet/record-text.ts';
import { Announcements } from './announcements.ts';
import { RedisLock } from './redis-lock.ts';
import { checkRedisOptions, type RedisStorageOptions } from './redis-options.ts';
import { RedisServer } from './redis-server.ts';
import { deleteScript, readScript, versionLength, writeScript } from './scripts.ts';

/**
 * Keeps sessions in Redis, for backends of which several serve the same sessions: one of them refreshes, the others wait
 * and use what it got. It brings its own lock, and tells all of them of a change.
 *
 * The client is yours, of `redis` (node-redis) or `ioredis`; nothing here closes it. Whoever can read this Redis can read
 * the tokens: give it a password and TLS, and the eviction policy `noeviction`, for what it evicts is signed out.
 *
 * One key a session, one more while it is refreshed, and no timer, subscription or connection per session.
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
export function redisStorage(options: RedisStorageOptions): FleetStorage {
  const settings = checkRedisOptions(options);
  const { prefix, lease, expireAfter } = settings;
  const server = new RedisServer(settings);
  const announcements = new Announcements(settings);
  // Braces: a session's record and its lock are in one slot of a cluster, so they are lost or kept together. The lock is
  // older than what is written under it, and replicas get one node's writes in order.
  const keyOf = (key: string): string => `${prefix}{:${plainText(key)}}`;
  const lockKeyOf = (name: string): string => {
    const key = name.startsWith('tokenkeep:') ? name.slice('tokenkeep:'.length) : undefined;
    return key === undefined ? `${keyOf(name)}:other` : `${keyOf(key)}:lock`;
  };

  return {
    reach: 'cluster',
    lock: new RedisLock({ server, announcements, lease, keyOf: lockKeyOf }),
    async read(key) {
      const reply = await server.ask('read', readScript, { keys: [keyOf(key)], arguments: [] });
      if (reply === null || reply === undefined) return undefined;
      const value = String(reply);
      return { record: recordOf(value.slice(versionLength)), version: value.slice(0, versionLength) };
    },
    async write(key, record, ifVersion) {
      const version = crypto.randomUUID();
      const value = version + textOf(record);
      const ttl = String(keepFor(record, expireAfter) ?? '');
      const [name, held] = [keyOf(key), heldAs(ifVersion)];
      const call = { keys: [name], arguments: [held, value, ttl, announcements.channel, name] };
      const reply = await server.change('write', writeScript, call);
      if (Number(reply) !== 1) throw conflict('write');
      return version;
    },
    async delete(key, ifVersion) {
      const name = keyOf(key);
      const call = { keys: [name], arguments: [heldAs(ifVersion), announcements.channel, name] };
      const reply = await server.change('delete', deleteScript, call);
      if (Number(reply) !== 1) throw conflict('delete');
    },
    watch: (key, listener) => announcements.listen(keyOf(key), listener),
  };
}

/** What the scripts call what is expected: nothing has no `=`. */
function heldAs(version: Version | undefined): string {
  return version === undefined ? '' : `=${version}`;
}
