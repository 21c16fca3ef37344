import { inspect } from 'node:util';
import { redisStorage } from 'tokenkeep/redis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';
import { proxyTo, type Way } from '../../support/servers/proxy.ts';
import { type RedisChoice, type RedisProcess, startRedis } from '../../support/servers/redis.ts';
import { Clients, packages } from './support/clients.ts';

/**
 * How long an operation may take where Redis will not answer, in ms: what comes before that has to be done in it as well, also
 * on a machine that is busy with other things.
 */
const timeLimit = 1_500;

const running: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close();
});

async function redis(choice?: RedisChoice): Promise<RedisProcess> {
  const server = await startRedis(choice);
  running.push(server);
  return server;
}

describe.each(packages)('%s', (name) => {
  async function storageAt(server: Pick<RedisProcess, 'url'>, options = {}) {
    const clients = new Clients(name, server);
    running.push(clients);
    return redisStorage({ client: (await clients.connect()).client, ...options });
  }

  test('Redis is restarted between the POST and the commit: the successor is stored when it is back', async () => {
    const server = await redis({ isDurable: true });
    const storage = await storageAt(server);
    await using user = await openManager({ isRealTime: true, manager: { storage } });
    user.server.expire();
    const held = user.server.hold({ commits: true });
    const call = user.call();
    await held.arrived();
    await server.restart();
    await held();
    expect(await call).toBe(200);
    if (user.types().includes('storeFailed')) await user.until('stored');
    const stored = await user.open({ storage: await storageAt(server) }).getTokens();
    expect(stored?.refreshToken).toBe(user.server.currentRefreshToken());
    expect(user.server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('Redis is cut off at the commit: the tokens are in use, and stored when it can be reached again', async () => {
    const server = await redis();
    await using proxy = await proxyTo(server.port);
    const storage = await storageAt(proxy, { timeout: timeLimit });
    await using user = await openManager({ isRealTime: true, manager: { storage } });
    user.server.expire();
    const held = user.server.hold({ commits: true });
    const call = user.call();
    await held.arrived();
    proxy.cut();
    await held();
    expect(await call).toBe(200);
    expect(user.types()).toContain('storeFailed');
    proxy.leadTo(server.port);
    await user.until('stored');
    const stored = await user.open({ storage: await storageAt(server) }).getTokens();
    expect(stored?.refreshToken).toBe(user.server.currentRefreshToken());
    expect(user.server.counts).toMatchObject({ refreshes: 1, reuses: 0, familiesRevoked: 0 });
  });

  test.each([
    ['has no memory left', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
    ['has become a replica', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
  ])('Redis %s at the commit, and takes no writes: the same', async (_what, begin, end) => {
    const server = await redis();
    const storage = await storageAt(server);
    await using user = await openManager({ isRealTime: true, manager: { storage } });
    user.server.expire();
    const held = user.server.hold({ commits: true });
    const call = user.call();
    await held.arrived();
    await server.command(...begin);
    await held();
    expect(await call).toBe(200);
    expect(user.types()).toContain('storeFailed');
    await server.command(...end);
    await user.until('stored');
    const stored = await user.open({ storage: await storageAt(server) }).getTokens();
    expect(stored?.refreshToken).toBe(user.server.currentRefreshToken());
    expect(user.server.counts).toMatchObject({ refreshes: 1, reuses: 0, familiesRevoked: 0 });
  });

  test('Redis stands still at the commit: the same', async () => {
    const server = await redis();
    const storage = await storageAt(server, { timeout: timeLimit });
    await using user = await openManager({ isRealTime: true, manager: { storage } });
    user.server.expire();
    const held = user.server.hold({ commits: true });
    const call = user.call();
    await held.arrived();
    server.signal('SIGSTOP');
    await held();
    expect(await call).toBe(200);
    expect(user.types()).toContain('storeFailed');
    server.signal('SIGCONT');
    await user.until('stored');
    const stored = await user.open({ storage: await storageAt(server) }).getTokens();
    expect(stored?.refreshToken).toBe(user.server.currentRefreshToken());
    expect(user.server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('while Redis is away everything ends in time with a StorageError that says nothing secret, and nothing is sent', async () => {
    const server = await redis();
    await using proxy = await proxyTo(server.port);
    const storage = await storageAt(proxy, { timeout: timeLimit });
    await using user = await openManager({ isRealTime: true, manager: { storage } });
    const secrets = [user.server.currentRefreshToken(), user.server.currentAccessToken()] as string[];
    user.server.expire();
    proxy.cut();
    const first = await rejection(user.call()); // by now the client knows that nobody is there
    const attempts = [
      Promise.reject(first),
      user.manager.getTokens(),
      storage.write('other', { token: secrets[0] }, undefined),
      storage.lock.request('name', {}, async () => undefined),
    ];
    for (const error of await Promise.all(attempts.map(rejection))) {
      expect(error).toMatchObject({ name: 'StorageError', code: 'ERR_STORAGE', conflict: false });
      for (const secret of secrets)
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret);
    }
    expect(user.server.counts.tokenRequests).toBe(0);
    proxy.leadTo(server.port);
    expect(await user.call()).toBe(200);
    // A write that was aborted while Redis was gone is not done later.
    expect(await storage.read('other')).toBeUndefined();
    expect(user.server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('FLUSHALL during a refresh signs out: what comes late is revoked, and no version from before fits again', async () => {
    const server = await redis();
    const storage = await storageAt(server);
    await using user = await openManager({ isRealTime: true, manager: { storage } });
    const key = 'test-client/default';
    const before = await storage.read(key);
    user.server.expire();
    const held = user.server.hold({ commits: true });
    const call = rejection(user.call());
    await held.arrived();
    await server.command('FLUSHALL');
    await held();
    expect(await call).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
    await user.until('lateTokensDiscarded');
    expect(user.server.isActive(user.server.currentRefreshToken() as string)).toBe(false);
    expect(await storage.read(key)).toBeUndefined();
    const late = rejection(storage.write(key, { late: true }, before?.version));
    expect(await late).toMatchObject({ conflict: true });
    const version = await storage.write(key, { new: true }, undefined);
    expect(version).not.toBe(before?.version);
  });

  test('a holder whose lease has expired does not write over the login that came meanwhile, nor unlock it for others', async () => {
    const server = await redis();
    const [mine, theirs] = [await storageAt(server), await storageAt(server)];
    await using user = await openManager({ isRealTime: true, manager: { storage: mine } });
    const other = user.open({ storage: theirs });
    user.server.expire();
    const held = user.server.hold({ commits: true });
    const call = user.call();
    await held.arrived();
    const lock = 'tokenkeep{:test-client/default}:lock';
    const owner = await server.command('GET', lock);
    expect(owner).toMatch(/^[\da-f-]{36}$/);
    await server.command('DEL', lock);
    let isHeld = true;
    const released = theirs.lock.request('tokenkeep:test-client/default', {}, async () => {
      await other.setTokens(user.server.signIn());
      await held();
      // It began under the login before, so the API's answer to its own token is the answer (law one-login).
      expect(await call).toBe(401);
      isHeld = (await server.command('GET', lock)) !== owner && (await server.command('EXISTS', lock)) === 1;
    });
    await released;
    expect(isHeld).toBe(true);
    expect((await other.getTokens())?.refreshToken).toBe(user.server.currentRefreshToken());
    expect((await user.manager.getTokens())?.refreshToken).toBe(user.server.currentRefreshToken());
    expect(await server.command('EXISTS', lock)).toBe(0);
  });

  test('scripts that Redis has forgotten are sent again', async () => {
    const server = await redis();
    const storage = await storageAt(server);
    const version = await storage.write('key', { step: 1 }, undefined);
    await server.command('SCRIPT', 'FLUSH');
    await storage.write('key', { step: 2 }, version);
    expect((await storage.read('key'))?.record).toEqual({ step: 2 });
    expect(String(await server.command('INFO', 'commandstats'))).toMatch(/cmdstat_evalsha:calls=\d/);
  });
});

describe.each(packages)('%s, a primary with a replica', (name) => {
  let primary: RedisProcess;
  let replica: RedisProcess;
  /** From the backend to Redis, and from the replica to the primary. */
  let way: Way;
  let link: Way;
  beforeEach(async () => {
    primary = await redis();
    [way, link] = [await proxyTo(primary.port), await proxyTo(primary.port)];
    for (const one of [way, link]) running.push({ close: () => one[Symbol.asyncDispose]() });
    replica = await redis({ replicaOf: link });
    // Its first copy is complete when it contains a later write.
    for (let acknowledged = 0; acknowledged < 1; ) acknowledged = await inSync();
  });

  async function inSync(): Promise<number> {
    const clients = new Clients('ioredis', primary);
    const { command } = await clients.connect();
    await command('SET', 'sync', '1');
    const acknowledged = Number(await command('WAIT', '1', '1000'));
    clients.close();
    return acknowledged;
  }

  async function failOver(): Promise<void> {
    await primary.end('SIGKILL');
    await replica.command('REPLICAOF', 'NO', 'ONE');
    way.leadTo(replica.port);
  }

  async function storageOf(options = {}) {
    const clients = new Clients(name, way);
    running.push(clients);
    return redisStorage({ client: (await clients.connect()).client, ...options });
  }

  test('with WAIT what was stored is there after a failover', async () => {
    const storage = await storageOf({ wait: { replicas: 1, timeout: 5000 } });
    await using user = await openManager({ isRealTime: true, manager: { storage } });
    user.server.expire();
    expect(await user.call()).toBe(200);
    await failOver();
    expect((await user.manager.getTokens())?.refreshToken).toBe(user.server.currentRefreshToken());
    expect(user.server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('with WAIT a write that no replica confirms rejects; it counts when one does', async () => {
    const storage = await storageOf({ wait: { replicas: 1, timeout: 1500 } });
    await using user = await openManager({ isRealTime: true, manager: { storage } });
    user.server.expire();
    const held = user.server.hold({ commits: true });
    const call = user.call();
    await held.arrived();
    replica.signal('SIGSTOP');
    await held();
    expect(await call).toBe(200);
    expect(user.types()).toContain('storeFailed');
    // It is on the primary, and nobody takes that for enough.
    expect(await rejection(user.manager.getTokens().then(() => storage.read('anything')))).toMatchObject({
      code: 'ERR_STORAGE',
      operation: 'read',
    });
    expect(user.types()).not.toContain('stored');
    replica.signal('SIGCONT');
    await user.until('stored');
    await failOver();
    const stored = await storage.read('test-client/default');
    expect(stored?.record).toMatchObject({ refreshToken: user.server.currentRefreshToken() });
  });

  test('with WAIT nothing is sent when the marker reaches no replica', async () => {
    const storage = await storageOf({ wait: { replicas: 1, timeout: 1500 } });
    await using user = await openManager({ isRealTime: true, manager: { storage } });
    user.server.expire();
    replica.signal('SIGSTOP');
    expect(await rejection(user.call())).toMatchObject({ code: 'ERR_STORAGE' });
    expect(user.server.counts.tokenRequests).toBe(0);
    replica.signal('SIGCONT');
  });

  test('without WAIT a failover can bring back a spent refresh token: that is what WAIT is for', async () => {
    const storage = await storageOf();
    await using user = await openManager({ isRealTime: true, manager: { storage } });
    const spent = user.server.currentRefreshToken();
    expect(await inSync()).toBe(1);
    link.cut();
    user.server.expire();
    expect(await user.call()).toBe(200);
    await failOver();
    const stored = await storage.read('test-client/default');
    expect(stored?.record).toMatchObject({ refreshToken: spent });
  });
});
