/** Law bounded-locks and the tabs that sleep: locks that pass on, holders that wake up, waiters that need no lock any more. */
import { memoryLock, memoryStorage, type TokenLock, type TokenStorage } from 'tokenkeep';
import { faults } from 'tokenkeep/testing';
import { afterEach, expect, test, vi } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { key, openManager } from '../../support/open-manager.ts';
import { deferred, rejection } from '../../support/promises.ts';

const lease = 50_000;
const leased = (): TokenLock => ({ ...memoryLock(), lease });

test('a holder that slept through its lease before the POST sends nothing, takes its marker back and queues again', async () => {
  const { open, storage, server, expire, clock, record, posts } = await openManager();
  const sleeper = open({ lock: leased() });
  expire();
  let sleeps = true;
  storage.before = async (operation) => {
    if (operation !== 'write' || !sleeps) return;
    sleeps = false;
    clock.set(clock.now() + lease);
    server.hold({ times: 1 });
  };
  const calling = sleeper.getAccessToken();
  await expect.poll(() => posts).toHaveLength(1);
  // It has come back and marked once more: the send before it did not happen, and does not count.
  expect(await record()).toMatchObject({ pendingRefresh: { sends: 1 } });
  expect(storage.log.filter((operation) => operation === 'write')).toHaveLength(3);
  calling.catch(() => undefined);
});

test.each([
  ['5 s', 5_000, 1],
  ['longer', 5_001, 3],
])(
  'a holder of a lock that may be lost that slept for %s after its marker marks once more if others may have stopped waiting for it',
  async (_, slept, writes) => {
    const { open, storage, server, expire, clock, posts } = await openManager();
    const sleeper = open({ lock: { ...memoryLock(), mayBeLost: true } });
    expire();
    let sleeps = true;
    storage.before = async (operation) => {
      if (operation !== 'write' || !sleeps) return;
      sleeps = false;
      clock.set(clock.now() + slept);
      server.hold({ times: 1 });
    };
    const calling = sleeper.getAccessToken();
    await expect.poll(() => posts).toHaveLength(1);
    // The marker, and where it slept for too long: the marker taken back, and a new one.
    expect(storage.log.filter((operation) => operation === 'write')).toHaveLength(writes);
    calling.catch(() => undefined);
  },
);

test('a holder whose session was marked by someone else meanwhile queues again, and adopts', async () => {
  const { open, manager, storage, server, expire, posts } = await openManager();
  expire();
  const robbed: TokenLock = { reach: 'process', request: (_name, _options, callback) => callback() };
  const late = open({ lock: robbed });
  const entered = deferred();
  const other = deferred();
  let first = true;
  storage.before = async (operation) => {
    if (operation !== 'write' || !first) return;
    first = false;
    entered.resolve();
    await other.promise;
  };
  const slow = late.getAccessToken();
  await entered.promise;
  const hold = server.hold();
  const fast = manager.getAccessToken();
  await hold.arrived();
  other.resolve();
  await hold();
  expect(await slow).toBe(await fast);
  expect(posts).toHaveLength(1);
  expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
});

test('a waiter for a holder that has stored the successor and sleeps on the lock adopts it', async () => {
  const storage = memoryStorage();
  const { open, server, expire, clock, posts } = await openManager({ manager: { storage } });
  expire();
  const asleep = deferred();
  const lock = storage.lock ?? memoryLock();
  const keeping: TokenLock = {
    reach: 'process',
    request: (name, options, callback) =>
      lock.request(name, options, async () => {
        const result = await callback();
        await asleep.promise;
        return result;
      }),
  };
  const hold = server.hold();
  const sleeping = open({ lock: keeping }).getAccessToken();
  await hold.arrived();
  const waiting = open().getAccessToken();
  await clock.advance(100);
  await hold();
  expect(await waiting).toBe(server.currentAccessToken());
  expect(posts).toHaveLength(1);
  asleep.resolve();
  await sleeping;
  await clock.advance(0);
  expect(clock.timers).toBe(0);
});

test('a failure without a network ends when the network is back, others are waited out', async () => {
  const { manager, server, expire, posts } = await openManager();
  expire();
  vi.stubGlobal('navigator', { onLine: false });
  expect(await rejection(manager.getAccessToken())).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    sent: false,
  });
  expect(await rejection(manager.getAccessToken())).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    sent: false,
  });
  vi.stubGlobal('navigator', { onLine: true });
  server.fail(faults.serverError);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ status: 503 });
  expect(await rejection(manager.getAccessToken())).toMatchObject({ status: 503 });
  expect(posts).toHaveLength(1);
});

test('metadata that take longer than the pause after a failure end no session', async () => {
  const { open, server, expire, clock, storage } = await openManager();
  expire();
  server.fail(faults.lostRequest);
  await rejection(open().getAccessToken());
  let asked = 0;
  const slow = open({
    authorizationServer: async () => {
      asked++;
      clock.set(clock.now() + 70_000);
      throw new Error('No metadata.');
    },
  });
  const events = eventsOf(slow);
  expect(await rejection(slow.getAccessToken())).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
  expect(asked).toBeGreaterThan(1);
  expect(events.map(({ type }) => type)).toEqual(['refreshFailed']);
  expect(await storage.inner.read(key)).toBeDefined();
});

test('a change that is reported during a refresh is read afterwards', async () => {
  const storage = memoryStorage();
  const { open, server, expire } = await openManager({ manager: { storage } });
  expire();
  const elsewhere: TokenStorage = storage;
  const manager = open();
  const events = eventsOf(manager);
  // Signed out after the refresh was stored, and before it has landed.
  manager.on('refreshed', () => void elsewhere.delete(key));
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  await expect.poll(() => events.map(({ type }) => type)).toContain('signedOut');
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
});

afterEach(() => vi.unstubAllGlobals());
