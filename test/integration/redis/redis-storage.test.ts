import { Cluster, Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { TokenManager } from 'tokenkeep';
import { type RedisClient, type RedisStorageOptions, redisStorage } from 'tokenkeep/redis';
import { authorizationServer, lockConformance, register, storageConformance } from 'tokenkeep/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until, watching } from '../../support/cluster/watching.ts';
import { conformanceTimeout } from '../../support/conformance-timeout.ts';
import { optionsFor } from '../../support/open-manager.ts';
import { type RedisProcess, startRedis } from '../../support/servers/redis.ts';
import { Clients, packages } from './support/clients.ts';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());
beforeEach(() => redis.command('FLUSHALL'));

/** The connections of clients, without the one that asks. */
async function connections(): Promise<number> {
  return (
    String(await redis.command('CLIENT', 'LIST'))
      .trim()
      .split('\n').length - 1
  );
}

describe.each(packages)('%s', (name) => {
  let clients: Clients;
  beforeEach(() => {
    clients = new Clients(name, redis);
  });
  afterEach(() => clients.close());

  const open = async (options: Partial<RedisStorageOptions> = {}) =>
    redisStorage({ client: (await clients.connect()).client, ...options });

  describe('how long a session is kept', () => {
    const day = 24 * 60 * 60 * 1000;
    const left = async () => Number(await redis.command('PTTL', 'tokenkeep{:key}'));

    test('as long as its refresh token lives, and a day', async () => {
      const storage = await open({ expireAfter: 5 * day });
      const version = await storage.write('key', { refreshTokenExpiresAt: Date.now() + 2 * day }, undefined);
      expect(await left()).toBeGreaterThan(2.9 * day);
      expect(await left()).toBeLessThanOrEqual(3 * day);
      // An access token may live longer than the refresh token.
      const accessTokens = { '': { expiresAt: Date.now() + 3 * day }, other: null };
      await storage.write('key', { refreshTokenExpiresAt: Date.now(), accessTokens }, version);
      expect(await left()).toBeGreaterThan(3.9 * day);
    });

    test('forever, or as long as configured, if the expiry is unknown', async () => {
      const version = await (await open()).write('key', { refreshToken: 'r' }, undefined);
      expect(await left()).toBe(-1);
      await (await open({ expireAfter: 5 * day })).write('key', { refreshToken: 'r' }, version);
      expect(await left()).toBeGreaterThan(4.9 * day);
    });

    test('a record that has long expired can still be stored: the server decides', async () => {
      await (await open()).write('key', { refreshTokenExpiresAt: 1000 }, undefined);
      expect(await left()).toBeGreaterThan(0);
    });
  });

  test('1000 sessions that are refreshed by two backends take two connections each, and one subscription', async () => {
    const server = authorizationServer({ log: false });
    const managers = await Promise.all(
      [0, 1].map(
        async () =>
          new TokenManager({
            ...optionsFor(server),
            storage: await open({ timeout: 120_000 }), // a thousand at once
          }),
      ),
    );
    const sessions = Array.from({ length: 1000 }, (_, index) => `user${index}`);
    const [first] = managers as [TokenManager];
    await Promise.all(sessions.map((id) => first.forSession(id).setTokens(server.signIn())));
    server.expire();
    const calls = sessions.flatMap((id) =>
      managers.map(
        async (manager) => (await manager.forSession(id).fetch(`${server.apiOrigin}/orders`)).status,
      ),
    );
    expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
    expect(server.counts).toMatchObject({ refreshes: 1000, tokenRequests: 1000, reuses: 0 });
    expect(await connections()).toBe(4);
    expect(await redis.command('PUBSUB', 'NUMSUB', 'tokenkeep:changes')).toEqual(['tokenkeep:changes', 2]);
    expect(await redis.command('DBSIZE')).toBe(1000);
    for (const manager of managers) await manager.close();
  }, 120_000);

  test('a connection for announcements is there while somebody watches, and not longer', async () => {
    const storage = await open();
    await storage.write('key', {}, undefined);
    expect(await connections()).toBe(1);
    const told = watching(storage, 'key');
    await told.next();
    expect(await connections()).toBe(2);
    told.stop();
    await until(async () => (await connections()) === 1);
    const again = watching(storage, 'key');
    await again.next();
    expect(await connections()).toBe(2);
    clients.close();
    await until(async () => (await connections()) === 0);
  });

  test('a connection of yours is used instead, and stays open', async () => {
    const { client: subscriber } = await clients.connect();
    const storage = await open({ subscriber });
    const told = watching(storage, 'key');
    await told.next();
    await storage.write('key', {}, undefined);
    await told.next();
    expect(await connections()).toBe(2);
    told.stop();
    await until(async () =>
      String(await redis.command('PUBSUB', 'NUMSUB', 'tokenkeep:changes')).endsWith(',0'),
    );
    expect(await connections()).toBe(2);
  });

  test('when the announcements were interrupted, all watchers learn that there may have been a change', async () => {
    const storage = await open();
    const told = watching(storage, 'key');
    await told.next();
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await told.next();
    await storage.write('key', {}, undefined);
    await told.next();
    told.stop();
  });

  test('a lock that is released wakes up a waiter elsewhere', async () => {
    const [one, other] = [await open(), await open()];
    const told = watching(other, 'key');
    await told.next();
    const order: string[] = [];
    let waiting: Promise<unknown> = Promise.resolve();
    await one.lock.request('name', {}, async () => {
      waiting = other.lock.request('name', {}, async () => order.push('other'));
      await until(async () => (await redis.command('EXISTS', 'tokenkeep{:name}:other:wanted')) === 1);
      order.push('one');
    });
    await waiting;
    expect(order).toEqual(['one', 'other']);
    told.stop();
  });

  test('a foreign value is returned as it is, and can be replaced', async () => {
    const storage = await open();
    await redis.command('SET', 'tokenkeep{:key}', 'hello');
    const stored = await storage.read('key');
    expect(stored).toMatchObject({ version: 'hello' });
    await storage.write('key', { step: 1 }, stored?.version);
    expect((await storage.read('key'))?.record).toEqual({ step: 1 });
    await redis.command('LPUSH', 'tokenkeep{:list}', 'a');
    await expect(storage.read('list')).rejects.toMatchObject({ code: 'ERR_STORAGE', conflict: false });
  });
});

test.each<[string, () => Promise<[RedisClient, () => void]>]>([
  [
    'ioredis',
    async () => {
      const client = new Redis(redis.url, { keyPrefix: 'mine:' });
      return [client, () => client.disconnect()];
    },
  ],
  [
    'redis',
    async () => {
      const client = await createClient({ url: redis.url, keyPrefix: 'mine:' }).connect();
      return [client, () => client.destroy()];
    },
  ],
])('%s with its own key prefix: everything is below it, and changes arrive', async (_name, connect) => {
  const [client, close] = await connect();
  const storage = redisStorage({ client });
  const told = watching(storage, 'key');
  await told.next();
  await storage.write('key', {}, undefined);
  await told.next();
  await storage.lock.request('name', {}, async () => {
    expect(await redis.command('KEYS', '*')).toEqual(expect.arrayContaining(['mine:tokenkeep{:key}']));
    for (const key of (await redis.command('KEYS', '*')) as string[]) expect(key).toMatch(/^mine:/);
  });
  told.stop();
  close();
});

describe('options', () => {
  const client = { evalSha() {}, eval() {}, on() {} } as unknown as RedisClient;
  test.each<[string, unknown]>([
    ['client', {}],
    ['client', { client: { get() {} } }],
    ['subscriber', { client, subscriber: {} }],
    ['subscriber', { client, subscriber: client }],
    ['prefix', { client, prefix: '' }],
    ['prefix', { client, prefix: 'a{b}' }],
    ['lease', { client, lease: 0 }],
    ['timeout', { client, timeout: Number.POSITIVE_INFINITY }],
    ['expireAfter', { client, expireAfter: -1 }],
    ['wait', { client, wait: { replicas: 0, timeout: 100 } }],
    ['wait', { client, wait: 1 }],
    ['wait', { client: { ...client, isCluster: true }, wait: { replicas: 1, timeout: 100 } }],
    ['leese', { client, leese: 1 }],
  ])('%s is refused: %o', (name, options) => {
    expect(() => redisStorage(options as RedisStorageOptions)).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIGURATION',
        message: expect.stringContaining(`the option ${name} `),
      }),
    );
  });

  test('a lease that a refresh may outlast is refused by the manager', () => {
    const make = (lease: number) =>
      new TokenManager({
        clientId: 'app',
        authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
        protectedResources: ['https://api.example.com/'],
        storage: { ...redisStorage({ client, lease }), watch: () => () => undefined },
      });
    expect(() => make(39_999)).toThrow(/lease/);
    make(40_000);
  });
});

describe('a cluster', () => {
  let cluster: RedisProcess;
  beforeAll(async () => {
    cluster = await startRedis({ more: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] });
    await cluster.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => String(await cluster.command('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  });
  afterAll(() => cluster.close());

  let count = 0;
  describe.each<[string, () => Promise<[RedisClient, () => void]>]>([
    [
      'ioredis',
      async () => {
        const client = new Cluster([{ host: '127.0.0.1', port: cluster.port }], { scaleReads: 'slave' });
        return [client, () => client.disconnect()];
      },
    ],
    [
      'redis',
      async () => {
        const client = createCluster({ rootNodes: [{ url: cluster.url }], useReplicas: true });
        await client.connect();
        return [client, () => client.destroy()];
      },
    ],
  ])('%s', (_name, connect) => {
    const fixture = async () => {
      const [client, close] = await connect();
      const prefix = `cluster${++count}`;
      return { open: () => redisStorage({ client, prefix }), close };
    };
    const cases = storageConformance(
      async () => {
        const { open, close } = await fixture();
        return { storage: open(), reopen: open, close };
      },
      { breakDown: false, ...conformanceTimeout },
    );
    register(test, cases);
    const lockCases = lockConformance(
      async () => {
        const { open, close } = await fixture();
        return { lock: open().lock, reopen: () => open().lock, close };
      },
      { holderDeath: false, ...conformanceTimeout },
    );
    register(test, lockCases);
  });
});
