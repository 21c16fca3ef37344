/** Events: emitted in order, outside the lock, and isolated from each other’s listeners. */
import { faults } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { openManager } from '../../support/open-manager.ts';
import { deferred, rejection, times } from '../../support/promises.ts';

test('step 7: emitted after the lock is released, and before the waiting callers continue', async () => {
  const { manager, expire, storage, clock } = await openManager();
  expire();
  const order: string[] = [];
  manager.on('refreshed', () => {
    order.push('told');
    void storage.lock?.request(
      'tokenkeep:test-client/default',
      {},
      async () => void order.push('lock is free'),
    );
  });
  await manager.getAccessToken().then(() => order.push('resolved'));
  await clock.advance(0);
  expect(order[0]).toBe('told');
  expect(order.slice(1).sort()).toEqual(['lock is free', 'resolved']);
});

test('a listener that throws or rejects affects no other, and is reported', async () => {
  const { manager, expire, types, events, server } = await openManager();
  const order: string[] = [];
  manager.on('refreshed', () => {
    order.push('first');
    throw new Error('from a listener');
  });
  manager.on('refreshed', async () => {
    order.push('second');
    throw new Error('from an async listener');
  });
  manager.on('refreshed', () => void order.push('third'));
  expire();
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expect(order).toEqual(['first', 'second', 'third']);
  await expect.poll(() => types()).toEqual(['refreshed', 'listenerFailed', 'listenerFailed']);
  expect(events[1]).toMatchObject({ of: 'refreshed', error: { message: 'from a listener' } });
});

test('a listener of listenerFailed that throws is the end of it', async () => {
  const { manager, expire } = await openManager();
  let calls = 0;
  manager.on('listenerFailed', () => {
    calls += 1;
    throw new Error('again');
  });
  manager.on('refreshed', () => {
    throw new Error('first');
  });
  expire();
  await manager.getAccessToken();
  expect(calls).toBe(1);
});

test('WL-04: a listener that calls the manager back does not wait for itself: the lock is free by then', async () => {
  const { manager, expire, server, storage } = await openManager();
  const done: string[] = [];
  manager.on('refreshed', async () => {
    done.push(await manager.getAccessToken());
    await manager.getAccessToken({ rejectedToken: done[0] ?? '' });
    done.push('other');
    await manager.signOut();
    done.push('out');
  });
  expire();
  await manager.getAccessToken();
  await expect.poll(() => done.at(-1)).toBe('out');
  expect(server.counts.refreshes).toBe(2);
  expect(await storage.inner.read('test-client/default')).toBeUndefined();
});

test('a listener of the end can sign in again at once', async () => {
  const { manager, expire, server } = await openManager();
  const login = server.signIn();
  manager.on('sessionEnded', () => manager.setTokens(login));
  expire();
  server.revokeFamily((await manager.getTokens())?.accessToken);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'invalid_grant' });
  await expect.poll(() => manager.getAccessToken()).toBe(login.access_token);
});

test('a listener that closes the manager while it runs', async () => {
  const { manager, expire, server } = await openManager();
  const closed = deferred();
  manager.on('refreshed', () => manager.close().then(closed.resolve));
  expire();
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  await closed.promise;
});

test('unsubscribing, once or twice, also while a listener runs', async () => {
  const { manager, server } = await openManager({ signedIn: false });
  const heard: string[] = [];
  const stop = manager.on('signedIn', () => {
    heard.push('one');
    stop();
  });
  manager.on('signedIn', () => void heard.push('two'));
  await manager.setTokens(server.signIn());
  await manager.setTokens(server.signIn());
  stop();
  expect(heard).toEqual(['one', 'two', 'two']);
});

test('after close() nothing is emitted', async () => {
  const { manager, server, types } = await openManager();
  await manager.close();
  await manager.setTokens(server.signIn());
  expect(types()).toEqual([]);
});

test('one refresh, one event, however many wait', async () => {
  const { manager, expire, events, clock } = await openManager();
  expire();
  await Promise.all(times(100, () => manager.getAccessToken()));
  expect(events).toEqual([
    {
      type: 'refreshed',
      login: expect.any(String),
      session: 'default',
      expiresAt: clock.now() + 300_000,
      scope: ['read', 'write'],
      rotated: true,
    },
  ]);
});

test('a server that does not rotate: refreshed says so, and the refresh token is kept', async () => {
  const { manager, expire, events, record, tokens } = await openManager({
    server: { profile: 'noRotation' },
  });
  expire();
  await manager.getAccessToken();
  expect(events).toMatchObject([{ type: 'refreshed', rotated: false }]);
  expect((await record())?.refreshToken).toBe(tokens.refresh_token);
});

test('law no-token-in-words: no event holds a token', async () => {
  const { manager, expire, events, server, storage, tokens } = await openManager();
  const seen = new Set([tokens.access_token, tokens.refresh_token]);
  const all = eventsOf(manager);
  for (let round = 0; round < 3; round++) {
    expire();
    await manager.getAccessToken();
    for (const token of [server.currentAccessToken(), server.currentRefreshToken()]) seen.add(token);
  }
  storage.before = (operation) => {
    if (operation === 'write') throw new Error(`no room for ${server.currentAccessToken()}`);
  };
  expire();
  await rejection(manager.getAccessToken());
  await manager.signOut();
  const text = JSON.stringify([...events, ...all]);
  for (const token of seen) expect(text).not.toContain(token);
});

test("'*' receives everything, in order, and only its own session in a manager of forSession()", async () => {
  const { manager, expire, tokens } = await openManager();
  const all: string[] = [];
  const own: string[] = [];
  const stop = manager.on('*', ({ type, session }) => void all.push(`${type} ${session}`));
  const alice = manager.forSession('alice');
  alice.on('*', ({ type }) => {
    own.push(type);
    throw new Error('from a listener');
  });
  await alice.setTokens(tokens);
  expire();
  await manager.getAccessToken();
  expect(all).toEqual([
    'signedIn alice',
    'listenerFailed alice',
    'refreshed default',
    'refreshFinished default',
  ]);
  expect(own).toEqual(['signedIn', 'listenerFailed']);
  stop();
  await manager.signOut();
  expect(all.length).toBe(4);
});

test('a refresh says how long its parts took, however it ends; who finds it done says nothing', async () => {
  const { manager, open, clock, expire, server } = await openManager();
  const other = open();
  const told: unknown[] = [];
  for (const one of [manager, other]) one.on('refreshFinished', (event) => void told.push(event));
  expire();
  const startedAt = clock.now();
  const held = server.hold();
  const token = manager.getAccessToken();
  await held.arrived();
  const waiting = other.getAccessToken();
  await clock.advance(0); // it looks first
  clock.set(startedAt + 40);
  held();
  await Promise.all([token, waiting]);
  const common = {
    type: 'refreshFinished',
    session: 'default',
    login: expect.any(String),
    startedAt,
    code: undefined,
  };
  expect(told).toEqual([
    { ...common, outcome: 'refreshed', lock: 0, request: 40, commit: 0, total: 40 },
    { ...common, outcome: 'adopted', lock: 40, request: undefined, commit: undefined, total: 40 },
  ]);
  await manager.getAccessToken();
  expire();
  server.fail(faults.serverError);
  await rejection(manager.getAccessToken());
  expect(told.slice(2)).toMatchObject([{ outcome: 'failed', code: 'ERR_REFRESH_FAILED', request: 0 }]);
});

test('a replay is reported with the status that it ended with', async () => {
  const { manager, call, server } = await openManager();
  const told: unknown[] = [];
  manager.on('replayed', (event) => void told.push(event));
  await call();
  server.expire();
  await call();
  expect(told).toEqual([
    {
      type: 'replayed',
      login: expect.any(String),
      session: 'default',
      resource: expect.stringContaining('https://api.test'),
      status: 200,
    },
  ]);
});
