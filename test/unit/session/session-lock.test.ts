/** Step 2: the lock, and callers that cannot have it. */
import type { TokenLock } from 'tokenkeep';
import { expect, test } from 'vitest';
import { openManager } from '../../support/open-manager.ts';
import { deferred, rejection } from '../../support/promises.ts';

const lock = (request: TokenLock['request']): TokenLock => ({ reach: 'process', request });

/** Never granted; an aborted waiter leaves. */
const taken = lock(
  (_name, { signal }) =>
    new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
);

test('step 2, N23: a lock that is not free in time: a typed error, nothing sent, the session kept', async () => {
  const { open, server, expire, clock, record, tokens } = await openManager({ manager: { timeout: 5_000 } });
  expire();
  const caller = rejection(open({ lock: taken }).getAccessToken());
  await clock.advance(20_000);
  expect(await caller).toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
  expect(server.counts.tokenRequests).toBe(0);
  expect((await record())?.refreshToken).toBe(tokens.refresh_token);
  expect(clock.timers).toBe(0);
});

test('step 2, N23: before it times out it reads once more, and adopts a successor that the holder has stored', async () => {
  const { open, manager, server, expire, clock } = await openManager({ manager: { timeout: 5_000 } });
  expire();
  const caller = open({ lock: taken }).getAccessToken();
  await clock.advance(0);
  const fresh = await manager.getAccessToken();
  await clock.advance(20_000);
  expect(await caller).toBe(fresh);
  expect(server.counts.tokenRequests).toBe(1);
});

test('step 2: a storage whose watch fails ends no process: the lock is waited for', async () => {
  const { open, manager, server, expire, clock, storage } = await openManager();
  let isDeaf = false;
  const watch = (): (() => void) => {
    if (isDeaf) throw new Error('EMFILE');
    return () => undefined;
  };
  const other = open({ storage: { ...storage, watch } });
  isDeaf = true;
  expire();
  const held = server.hold();
  const holder = manager.getAccessToken();
  await held.arrived();
  const waiter = other.getAccessToken();
  await clock.advance(1_000);
  held();
  expect(await waiter).toBe(await holder);
  expect(server.counts.tokenRequests).toBe(1);
});

test('step 2: a lock that fails: a typed error with its cause, and nothing is sent', async () => {
  const { open, server, expire } = await openManager();
  expire();
  const broken = lock(() => Promise.reject(new Error('ECONNRESET')));
  expect(await rejection(open({ lock: broken }).getAccessToken())).toMatchObject({
    code: 'ERR_LOCK_TIMEOUT',
    cause: { message: 'ECONNRESET' },
  });
  expect(server.counts.tokenRequests).toBe(0);
});

test('step 2: a lock that fails as it is released does not cost the token', async () => {
  const { open, server, expire } = await openManager();
  expire();
  const broken = lock(async (_name, _options, callback) => {
    await callback();
    throw new Error('lost the connection');
  });
  expect(await open({ lock: broken }).getAccessToken()).toBe(server.currentAccessToken());
  expect(server.counts.refreshes).toBe(1);
});

test('step 2: a lock that neither grants nor rejects is left, and a grant that comes too late runs nothing', async () => {
  const { open, server, expire, clock, storage } = await openManager({ manager: { timeout: 5_000 } });
  expire();
  const late = deferred();
  const deaf = lock(async (_name, _options, callback) => {
    await late.promise;
    return await callback();
  });
  const caller = rejection(open({ lock: deaf }).getAccessToken());
  await clock.advance(20_000);
  expect(await caller).toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
  storage.log.length = 0;
  late.resolve();
  await clock.advance(0);
  expect(storage.log).toEqual([]);
  expect(server.counts.tokenRequests).toBe(0);
});

test('step 2: a caller’s abort does not take the flight out of the queue', async () => {
  const { open, manager, server, expire } = await openManager();
  expire();
  const held = server.hold();
  const holder = open().getAccessToken();
  await held.arrived();
  const controller = new AbortController();
  const leaver = rejection(manager.getAccessToken({ signal: controller.signal }));
  const stayer = manager.getAccessToken();
  controller.abort(new Error('left'));
  expect(await leaver).toMatchObject({ message: 'left' });
  held();
  expect(await stayer).toBe(await holder);
  expect(server.counts.tokenRequests).toBe(1);
});

test('order is law: flight outside, lock inside: a hundred callers ask for the lock once', async () => {
  const { open, storage, expire } = await openManager();
  expire();
  let requests = 0;
  const counting = lock(async (name, options, callback) => {
    requests += 1;
    if (storage.lock === undefined) throw new Error('no lock');
    return await storage.lock.request(name, options, callback);
  });
  const manager = open({ lock: counting });
  await Promise.all(Array.from({ length: 100 }, () => manager.getAccessToken()));
  expect(requests).toBe(1);
});

test('a call with a fresh token costs no lock and no storage', async () => {
  const { manager, storage, call } = await openManager();
  await Promise.all([manager.getAccessToken(), call(), call()]);
  expect(storage.log).toEqual([]);
});
