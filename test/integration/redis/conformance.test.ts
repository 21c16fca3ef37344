import { redisStorage } from 'tokenkeep/redis';
import { lockConformance, register, storageConformance } from 'tokenkeep/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { conformanceTimeout } from '../../support/conformance-timeout.ts';
import { type RedisProcess, startRedis } from '../../support/servers/redis.ts';
import { Clients, type Package, packages } from './support/clients.ts';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

let count = 0;

/** A prefix for each test: they share a server and nothing else. Each handle has a connection of its own. */
async function fixture(name: Package) {
  const prefix = `test${++count}`;
  const clients = new Clients(name, redis);
  const open = async () => redisStorage({ client: (await clients.connect()).client, prefix });
  return { clients, prefix, open };
}

describe.each(packages)('%s', (name) => {
  describe('redisStorage() keeps the laws of a storage', () => {
    const cases = storageConformance(async () => {
      const { clients, open } = await fixture(name);
      const breakDown = async () => {
        // Out of memory. A server that says nothing proves less: what it was sent it may do later.
        await redis.command('CONFIG', 'SET', 'maxmemory', '1');
        return () => redis.command('CONFIG', 'SET', 'maxmemory', '0');
      };
      return { storage: await open(), reopen: open, breakDown, close: () => clients.close() };
    }, conformanceTimeout);
    register(test, cases);
  });

  describe('its lock keeps the laws of a lock', () => {
    const cases = lockConformance(async () => {
      const { clients, prefix, open } = await fixture(name);
      const abandon = async (lock: string): Promise<void> => {
        const { client, cut } = await clients.connect();
        const mortal = redisStorage({ client, prefix, lease: 300 });
        await new Promise<void>((resolve) => {
          const never = () => new Promise<void>(() => resolve());
          void mortal.lock.request(lock, {}, never);
        });
        cut();
      };
      const { lock } = await open();
      return { lock, reopen: async () => (await open()).lock, abandon, close: () => clients.close() };
    }, conformanceTimeout);
    register(test, cases);
  });
});
