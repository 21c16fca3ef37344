/** Step 6 and law commit-before-use: the successor is durable before its access token is used, and never dropped. */
import { memoryStorage, type TokenStorage } from 'tokenkeep';
import { expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { key, openManager } from '../../support/open-manager.ts';
import { deferred, rejection, settlement } from '../../support/promises.ts';
import { diskFull, failWrites, watchedStorage } from '../../support/watched-storage.ts';

test('law commit-before-use: nobody sees the new access token before the write of its successor has resolved', async () => {
  const { manager, server, storage, expire, clock, tokens, events } = await openManager();
  expire();
  const written = deferred();
  let writes = 0;
  storage.before = (operation) => (operation === 'write' && ++writes === 2 ? written.promise : undefined);
  const first = manager.getAccessToken();
  const second = manager.fetch('https://api.test/messages');
  const third = manager.getAccessToken({ rejectedToken: tokens.access_token });
  const states = [first, second, third].map(settlement);
  await clock.advance(0);
  expect(server.counts.refreshes).toBe(1);
  expect(states).toEqual([{ done: false }, { done: false }, { done: false }]);
  expect(server.requests).toEqual([]);
  expect(events).toEqual([]);
  const comer = manager.getAccessToken();
  const came = settlement(comer);
  await clock.advance(0);
  expect(came.done).toBe(false);
  written.resolve();
  expect(await comer).toBe(server.currentAccessToken());
  expect(await first).toBe(server.currentAccessToken());
  expect(await third).toBe(await first);
  expect((await second).status).toBe(200);
});

test('law commit-before-use: a refused write: the tokens are used from memory, storeFailed is emitted, and a timer stores them', async () => {
  const { manager, server, storage, expire, clock, types, record } = await openManager();
  expire();
  failWrites(storage, (index) => index === 1);
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expect(types()).toEqual(['storeFailed', 'refreshed']);
  expect((await record())?.refreshToken).not.toBe(server.currentRefreshToken());
  expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
  await clock.advance(1_000);
  expect(types()).toEqual(['storeFailed', 'refreshed', 'stored']);
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
  expect(clock.timers).toBe(0);
});

test('law commit-before-use: the timer tries again and again, with pauses of a minute at most', async () => {
  const { manager, server, storage, expire, clock, types, record } = await openManager();
  expire();
  const mend = failWrites(storage, (index) => index > 0);
  await manager.getAccessToken();
  await clock.advance(200_000);
  const failures = types().filter((type) => type === 'storeFailed').length;
  expect(failures).toBeGreaterThan(6);
  expect(failures).toBeLessThan(20);
  mend();
  await clock.advance(60_000);
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
  expect(clock.timers).toBe(0);
});

test('law commit-before-use: the next rotation waits until the successor is durable, and stores it first', async () => {
  const { manager, server, storage, expire, record } = await openManager();
  expire();
  const mend = failWrites(storage, (index) => index > 0);
  const token = await manager.getAccessToken();
  expire();
  expect(await rejection(manager.getAccessToken({ rejectedToken: token }))).toMatchObject({
    code: 'ERR_STORAGE',
  });
  expect(server.counts.refreshes).toBe(1);
  mend();
  expect(await manager.getAccessToken({ rejectedToken: token })).toBe(server.currentAccessToken());
  expect(server.counts).toMatchObject({ refreshes: 2, reuses: 0 });
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
});

test('law commit-before-use: close() stores what is not stored yet, and leaves no timer', async () => {
  const { manager, server, storage, expire, clock, record } = await openManager();
  expire();
  failWrites(storage, (index) => index === 1);
  await manager.getAccessToken();
  await manager.close();
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
  expect(clock.timers).toBe(0);
});

test('law commit-before-use: close() waits for a login that is being stored, and keeps what the storage refuses meanwhile no longer', async () => {
  const { manager, storage, tokens, record, clock } = await openManager({ signedIn: false });
  const disk = deferred();
  storage.before = async (operation) => {
    if (operation !== 'write') return;
    storage.before = () => undefined;
    await disk.promise;
    throw diskFull();
  };
  const login = rejection(manager.setTokens(tokens));
  const closing = manager.close();
  disk.resolve();
  await closing;
  expect((await record())?.refreshToken).toBe(tokens.refresh_token);
  expect(clock.timers).toBe(0);
  expect(await login).toMatchObject({ code: 'ERR_STORAGE' });
});

test('law commit-before-use: close() waits for refreshes that begin while it waits', async () => {
  const { manager, server, clock, expire, record } = await openManager({
    server: { scope: ['read', 'write'] },
  });
  expire();
  const [first, second] = [server.hold({ on: 'token' }), server.hold({ on: 'token' })];
  const refresh = manager.getAccessToken({ scope: ['read'] });
  await first.arrived();
  const closing = manager.close();
  const later = manager.getAccessToken({ scope: ['write'] });
  first();
  await refresh;
  await second.arrived();
  let isClosed = false;
  const closed = closing.then(() => {
    isClosed = true;
  });
  await clock.advance(0);
  expect(isClosed).toBe(false);
  second();
  await closed;
  expect(isClosed).toBe(true);
  expect(Object.keys((await record())?.accessTokens ?? {})).toHaveLength(3);
  await later;
});

test('law commit-before-use: close() of a storage that still refuses leaves no timer', async () => {
  const { manager, storage, expire, clock } = await openManager();
  expire();
  failWrites(storage, (index) => index > 0);
  await manager.getAccessToken();
  await manager.close();
  expect(clock.timers).toBe(0);
});

test('law commit-before-use: a write of which only the response was lost is no failure for long', async () => {
  const { manager, server, storage, expire, clock, types, record, open } = await openManager();
  expire();
  const { write } = storage.inner;
  let writes = 0;
  Object.assign(storage.inner, {
    write: async (...parameters: Parameters<typeof write>) => {
      const version = await write(...parameters);
      if (++writes === 2) throw new Error('socket hang up');
      return version;
    },
  });
  await manager.getAccessToken();
  await clock.advance(1_000);
  expect(types()).toEqual(['storeFailed', 'refreshed', 'stored']);
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
  expect(await open().getAccessToken()).toBe(server.currentAccessToken());
});

test('law commit-before-use: an old write that ends late does not touch a successor that is not stored yet', async () => {
  const { manager, server, storage, expire, clock, record } = await openManager();
  expire();
  let writes = 0;
  const late = deferred();
  // 1 mark, 2 successor, 3 its retry by the timer, 4 once more before the next rotation, 5 mark, 6 the next successor.
  storage.before = (operation) => {
    if (operation !== 'write') return undefined;
    writes += 1;
    if (writes === 2 || writes === 6) throw new Error('busy');
    return writes === 3 ? late.promise : undefined;
  };
  const first = await manager.getAccessToken();
  await clock.advance(1_000);
  expect(writes).toBe(3);
  await manager.getAccessToken({ rejectedToken: first });
  expect(writes).toBe(6);
  late.resolve();
  await clock.advance(0);
  expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
  await clock.advance(60_000);
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
});

test('law commit-before-use: an old write that fails late does not come back in place of the newer successor', async () => {
  const { manager, server, storage, expire, clock, record } = await openManager();
  expire();
  let writes = 0;
  const late = deferred();
  storage.before = (operation) => {
    if (operation !== 'write') return undefined;
    writes += 1;
    if (writes === 2 || writes === 6) throw new Error('busy');
    return writes === 3 ? late.promise : undefined;
  };
  const first = await manager.getAccessToken();
  await clock.advance(1_000);
  await manager.getAccessToken({ rejectedToken: first });
  late.reject(new Error('busy'));
  await clock.advance(0);
  expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
  await clock.advance(60_000);
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
});

/** It says "written" to every write but the first. */
function insertOnly(): TokenStorage {
  const inner = memoryStorage();
  let version = 1_000;
  return {
    ...inner,
    write: async (name, record, ifVersion) =>
      ifVersion === undefined ? await inner.write(name, record, ifVersion) : ++version,
  };
}

test('N15: a storage that does not replace is found out when the successor is read back', async () => {
  const { manager, server, types, call, expire } = await openManager({ manager: { storage: insertOnly() } });
  expire();
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expect(types()).toEqual(['storeFailed', 'refreshed']);
  expect(await call()).toBe(200);
  server.expire();
  await expect(call()).rejects.toMatchObject({ code: 'ERR_STORAGE' });
  expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
});

test('N15: a storage that does not replace is found out at the next login', async () => {
  const { manager, server, types } = await openManager({ manager: { storage: insertOnly() } });
  const second = server.signIn();
  expect(await rejection(manager.setTokens(second))).toMatchObject({ code: 'ERR_STORAGE' });
  expect(await manager.getAccessToken()).toBe(second.access_token);
  expect(types()).toEqual(['storeFailed', 'signedIn']);
});

test('law commit-before-use: a storage that mangles what it stores does not cost the successor, nor is it revoked', async () => {
  const inner = memoryStorage();
  const storage = watchedStorage({
    ...inner,
    // A cookie of 4 kB, a keychain entry of 2.5 kB.
    read: async (name) => {
      const stored = await inner.read(name);
      return mangles && stored ? { ...stored, record: JSON.stringify(stored.record).slice(0, 100) } : stored;
    },
  });
  let mangles = false;
  const { manager, server, expire, types } = await openManager({ manager: { storage } });
  expire();
  let writes = 0;
  storage.before = (operation) => {
    if (operation === 'write' && ++writes === 2) mangles = true;
  };
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expect(types()).toEqual(['recordRejected', 'storeFailed', 'refreshed']);
  expect(server.counts.revocations).toBe(0);
  mangles = false;
  expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
});

test('step 5: the marker proves that the storage takes writes: if it does not, nothing is sent', async () => {
  const { manager, server, storage, expire, record, tokens } = await openManager();
  expire();
  failWrites(storage, () => true);
  expect(await rejection(manager.getAccessToken())).toMatchObject({
    code: 'ERR_STORAGE',
    operation: 'write',
  });
  expect(server.counts.tokenRequests).toBe(0);
  storage.before = () => undefined;
  expect((await record())?.refreshToken).toBe(tokens.refresh_token);
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
});

test('step 3: a storage that cannot be read: a typed error, and nothing is sent (N45)', async () => {
  const { manager, server, storage, expire } = await openManager();
  expire();
  storage.before = () => {
    throw new Error('The keychain is locked.');
  };
  const error = await rejection(manager.getAccessToken());
  expect(error).toMatchObject({
    code: 'ERR_STORAGE',
    operation: 'read',
    cause: { message: 'The keychain is locked.' },
  });
  expect(server.counts.tokenRequests).toBe(0);
  storage.before = () => undefined;
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
});

test('step 3: a storage that hangs is left after the timeout, and the next call goes through', async () => {
  const { manager, server, storage, expire, clock } = await openManager({ manager: { timeout: 5_000 } });
  expire();
  storage.before = () => new Promise<void>(() => undefined);
  const first = rejection(manager.getAccessToken());
  await clock.advance(5_000);
  expect(await first).toMatchObject({ code: 'ERR_STORAGE', operation: 'read' });
  storage.before = () => undefined;
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expect(clock.timers).toBe(0);
});

test('law commit-before-use: a write that hangs after the POST: the tokens are used from memory and stored later', async () => {
  const { manager, server, storage, expire, clock, types, record } = await openManager({
    manager: { timeout: 5_000 },
  });
  expire();
  let writes = 0;
  storage.before = (operation) =>
    operation === 'write' && ++writes === 2 ? new Promise<void>(() => undefined) : undefined;
  const token = manager.getAccessToken();
  await clock.advance(5_000);
  expect(await token).toBe(server.currentAccessToken());
  await clock.advance(1_000);
  expect(types()).toEqual(['storeFailed', 'refreshed', 'stored']);
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
});

test('law commit-before-use: a login that the storage refuses is in use, said to be in memory only, and stored later', async () => {
  const { manager, tokens, storage, clock, types, record } = await openManager({ signedIn: false });
  failWrites(storage, (index) => index === 0);
  expect(await rejection(manager.setTokens(tokens))).toMatchObject({
    code: 'ERR_STORAGE',
    operation: 'write',
  });
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  await clock.advance(1_000);
  expect(types()).toEqual(['storeFailed', 'signedIn', 'stored']);
  expect((await record())?.refreshToken).toBe(tokens.refresh_token);
});

test('law commit-before-use: a successor that is not stored yet outlives its manager of forSession()', async () => {
  const { manager, server, storage, clock } = await openManager({ signedIn: false });
  const events = eventsOf(manager);
  await (async () => {
    const user = manager.forSession('user');
    await user.setTokens(server.signIn());
    clock.set(clock.now() + 300_000);
    failWrites(storage, (index) => index === 1);
    await user.getAccessToken();
  })();
  await clock.advance(1_000);
  expect(events.at(-1)).toMatchObject({ type: 'stored', session: 'user' });
  const stored = await storage.inner.read('test-client/user');
  expect(stored?.record).toMatchObject({ refreshToken: server.currentRefreshToken() });
  expect(await storage.inner.read(key)).toBeUndefined();
});
