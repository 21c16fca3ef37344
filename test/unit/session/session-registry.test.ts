/** forSession(): many users in one backend. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { TokenManager } from 'tokenkeep';
import { authorizationServer, testClock } from 'tokenkeep/testing';
import { expect, test, vi } from 'vitest';
import { SessionRegistry } from '../../../src/session/session-registry.ts';
import { eventsOf } from '../../support/events.ts';
import { openManager, optionsFor } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';

test('10 000 sessions: each its own record and flight, and everybody gets their own token', async () => {
  const { manager, server, expire, storage, posts } = await openManager({ server: { log: false } });
  const users = times(10_000, (index) => manager.forSession(`user${index}`));
  const logins = users.map(() => server.signIn());
  await Promise.all(users.map((user, index) => user.setTokens(logins[index] ?? server.signIn())));
  const own = await Promise.all(users.map((user) => user.getAccessToken()));
  expect(own).toEqual(logins.map(({ access_token }) => access_token));
  expire();
  const some = times(1_000, (index) => index * 10);
  const fresh = await Promise.all(some.map((index) => users[index]?.getAccessToken()));
  const again = await Promise.all(some.map((index) => users[index]?.getAccessToken()));
  expect(fresh).toEqual(some.map((index) => server.currentAccessToken(own[index])));
  expect(again).toEqual(fresh);
  const stored = await Promise.all(some.map((index) => storage.inner.read(`test-client/user${index}`)));
  expect(stored.map((one) => one?.record)).toMatchObject(
    some.map((index) => ({ refreshToken: server.currentRefreshToken(own[index]) })),
  );
  expect(server.counts).toMatchObject({ refreshes: 1_000, reuses: 0, peakConcurrentRefreshes: 1 });
  expect(new Set(posts).size).toBe(1_000);
});

test('two users refresh at the same time, and their answers cross: nobody gets the other’s', async () => {
  const { manager, server, expire } = await openManager({ signedIn: false });
  const [ann, bob] = [manager.forSession('ann'), manager.forSession('bob')];
  const [annsLogin, bobsLogin] = [server.signIn(), server.signIn()];
  await ann.setTokens(annsLogin);
  await bob.setTokens(bobsLogin);
  expire();
  const first = server.hold({ commits: true, times: 1 });
  const anns = ann.getAccessToken();
  await first.arrived();
  const bobs = await bob.getAccessToken();
  first();
  expect(bobs).toBe(server.currentAccessToken(bobsLogin.access_token));
  expect(await anns).toBe(server.currentAccessToken(annsLogin.access_token));
});

test('the end, the failure and the sign-out of one session are nothing to another', async () => {
  const { manager, server, expire } = await openManager();
  const [ann, bob, cid] = ['ann', 'bob', 'cid'].map((id) => manager.forSession(id)) as [
    TokenManager,
    TokenManager,
    TokenManager,
  ];
  for (const user of [ann, bob, cid]) await user.setTokens(server.signIn());
  server.revokeFamily((await ann.getTokens())?.accessToken);
  await bob.signOut();
  expire();
  expect(await rejection(ann.getAccessToken())).toMatchObject({ reason: 'invalid_grant' });
  expect(await rejection(bob.getAccessToken())).toMatchObject({ reason: 'signed_out' });
  expect(await cid.getAccessToken()).toBe(server.currentAccessToken());
  expect(await manager.getAccessToken()).not.toBe(await cid.getAccessToken());
});

test('where there are no weak references, as in old isolates: the same, and nothing is released', async () => {
  const server = authorizationServer();
  vi.stubGlobal('WeakRef', undefined);
  const manager = new TokenManager({
    ...optionsFor(server),
  });
  const login = server.signIn();
  await manager.forSession('ann').setTokens(login);
  const rejectedToken = login.access_token;
  await Promise.all(times(10, () => manager.forSession('ann').getAccessToken({ rejectedToken })));
  expect(server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1 });
});

test('one session, several managers of forSession(): one flight, one state', async () => {
  const { manager, server, expire, storage } = await openManager({ signedIn: false });
  await manager.forSession('ann').setTokens(server.signIn());
  expire();
  const tokens = await Promise.all(times(10, () => manager.forSession('ann').getAccessToken()));
  expect(new Set(tokens).size).toBe(1);
  expect(server.counts.tokenRequests).toBe(1);
  storage.log.length = 0;
  expect(await manager.forSession('ann').getAccessToken()).toBe(tokens[0]);
});

test('the constructed manager receives the events of all sessions, one of forSession() of its own', async () => {
  const { manager, server } = await openManager({ signedIn: false });
  const [ann, bob] = [manager.forSession('ann'), manager.forSession('bob')];
  const [all, anns] = [eventsOf(manager), eventsOf(ann)];
  await ann.setTokens(server.signIn());
  await bob.setTokens(server.signIn());
  expect(all.map(({ session }) => session)).toEqual(['ann', 'bob']);
  expect(anns.map(({ session }) => session)).toEqual(['ann']);
});

test('close() of one session leaves the others alone', async () => {
  const { manager, server, call } = await openManager();
  const ann = manager.forSession('ann');
  await ann.setTokens(server.signIn());
  const told = eventsOf(manager);
  await ann.close();
  server.expire();
  expect(await call()).toBe(200);
  expect(told.map(({ type }) => type)).toEqual(['refreshed']);
});

test('each new session removes entries of sessions that nobody holds any more', () => {
  const collected = new Set<object>();
  let lookups = 0;
  class FakeWeakRef {
    readonly #target: object;

    constructor(target: object) {
      this.#target = target;
    }

    deref(): object | undefined {
      lookups += 1;
      return collected.has(this.#target) ? undefined : this.#target;
    }
  }
  vi.stubGlobal('WeakRef', FakeWeakRef);
  const registry = new SessionRegistry('client');
  const [kept, ...others] = times(100, (index) => registry.get(`first ${index}`));
  for (const session of others) collected.add(session);
  for (const index of times(100, (index) => index)) registry.get(`second ${index}`);
  expect(registry.get('first 0')).toBe(kept);
  lookups = 0;
  expect(registry.all).toHaveLength(101);
  expect(lookups).toBe(101); // the entries of the other 99 are gone
});

test('an idle session costs at most 1.1 kB of heap and no timer, and an entry of 150 bytes when nobody holds it', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap = async () => {
    for (let round = 0; round < 3; round++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return process.memoryUsage().heapUsed;
  };
  const clock = testClock();
  const server = authorizationServer({ clock, log: false });
  const tokens = server.signIn();
  const root = new TokenManager({
    ...optionsFor(server),
    clock,

    storage: {
      reach: 'process',
      lock: { reach: 'process', request: (_name, _options, callback) => callback() },
      read: async () => undefined,
      write: async () => 1,
      delete: async () => undefined,
    },
  });
  const open = async (count: number) => {
    const users: TokenManager[] = [];
    for (let index = 0; index < count; index++) {
      const user = root.forSession(`user${index}`);
      await user.setTokens({ ...tokens, access_token: `access-token-of-user-${index}` });
      users.push(user);
    }
    return users;
  };
  await open(100);
  const before = await heap();
  const users = await open(10_000);
  const perSession = ((await heap()) - before) / users.length;
  expect(clock.timers).toBe(0);
  expect(await users[77]?.getAccessToken()).toBe('access-token-of-user-77');
  users.length = 0;
  const left = ((await heap()) - before) / 10_000;
  console.info(
    `heap of an idle session: ${Math.round(perSession)} bytes, ${Math.round(left)} when nobody holds it`,
  );
  expect(perSession).toBeLessThan(1_100);
  expect(left).toBeLessThan(150);
});
