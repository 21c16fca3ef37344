/** Law response-lost: sent, and no answer. */

import { memoryLock, memoryStorage, type TokenStorage } from 'tokenkeep';
import { faults } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { fingerprint } from '../../../src/core/fingerprint.ts';
import { eventsOf } from '../../support/events.ts';
import { key, openManager } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';

test('law response-lost: without a reuse window the valid token is used to its end, and nothing is sent again', async () => {
  const { manager, server, clock, tokens, types, posts } = await openManager();
  clock.set(clock.now() + 280_000);
  server.fail(faults.lostResponse);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  clock.set(clock.now() + 19_999);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  expect(posts).toEqual([tokens.refresh_token]);
  expect(types()).toEqual(['refreshFailed']);
});

test('law response-lost: when a token is really needed there is one careful attempt; the session ends saying that the response was lost', async () => {
  const { manager, server, clock, posts, events } = await openManager();
  clock.set(clock.now() + 280_000);
  server.fail(faults.lostResponse);
  await manager.getAccessToken();
  clock.set(clock.now() + 20_000);
  const errors = await Promise.all(times(5, () => rejection(manager.getAccessToken())));
  expect(new Set(errors).size).toBe(1);
  expect(errors[0]).toMatchObject({
    code: 'ERR_LOGIN_REQUIRED',
    reason: 'response_lost',
    error: 'invalid_grant',
  });
  expect(posts.length).toBe(2);
  expect(events.at(-1)).toMatchObject({ type: 'sessionEnded', error: errors[0] });
  await rejection(manager.getAccessToken());
  expect(posts.length).toBe(2);
});

test('law response-lost: a request that was lost before the server had it: the careful attempt brings the session back', async () => {
  const { manager, server, expire, types, call } = await openManager();
  expire();
  server.fail(faults.lostRequest);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
  expect(await call()).toBe(200);
  expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  expect(types()).toEqual(['refreshFailed', 'refreshed']);
});

test('law response-lost: attempts that stay unanswered pause, longer each time', async () => {
  const { manager, server, expire, clock, posts } = await openManager();
  expire();
  server.fail(faults.lostRequest, { times: 4 });
  const tries = async () => {
    await rejection(manager.getAccessToken());
    return posts.length;
  };
  expect(await tries()).toBe(1);
  expect(await tries()).toBe(2);
  expect(await tries()).toBe(2);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ sent: true, retryAfter: 1_000 });
  clock.set(clock.now() + 1_000);
  expect(await tries()).toBe(3);
  clock.set(clock.now() + 1_000);
  expect(await tries()).toBe(3);
  clock.set(clock.now() + 1_000);
  expect(await tries()).toBe(4);
  clock.set(clock.now() + 4_000);
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
});

test('law response-lost: inside a declared reuse window the same token is sent again at once, and the session is kept', async () => {
  const { manager, server, expire, posts, tokens, record } = await openManager({
    server: { profile: { kind: 'leeway', ms: 10_000 } },
    manager: {
      authorizationServer: { tokenEndpoint: 'https://as.test/token', profile: { reuseWindow: 10_000 } },
    },
  });
  expire();
  server.fail(faults.lostResponse);
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expect(posts).toEqual([tokens.refresh_token, tokens.refresh_token]);
  expect(server.counts).toMatchObject({ reuses: 0, familiesRevoked: 0, replays: 1 });
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
});

test('law response-lost: after the reuse window the valid token is used on', async () => {
  const { manager, server, clock, posts, tokens } = await openManager({
    manager: {
      authorizationServer: { tokenEndpoint: 'https://as.test/token', profile: { reuseWindow: 10_000 } },
      timeout: 15_000,
    },
  });
  clock.set(clock.now() + 270_000);
  server.fail(faults.neverResponds);
  const token = manager.getAccessToken();
  await clock.advance(15_000);
  expect(await token).toBe(tokens.access_token);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  expect(posts.length).toBe(1);
});

test.each([
  ['timeout', faults.neverResponds],
  ['truncated answer', { truncate: 20 }],
  ['stalled answer', { stall: 20 }],
  ['portal page with status 200', faults.captivePortal],
  ['502 of a gateway', { response: { status: 502, body: '<h1>Bad Gateway</h1>' } }],
  ['504 of a gateway', { response: { status: 504, body: '{"message":"Endpoint request timed out"}' } }],
  ['empty 200', { response: { status: 200, body: '' } }],
  ['2 MiB of answer', { response: { status: 200, body: 'x'.repeat(2_000_000) } }],
])('law response-lost: a %s may have spent the refresh token', async (_what, fault) => {
  const { manager, server, clock, tokens, record } = await openManager({ manager: { timeout: 5_000 } });
  clock.set(clock.now() + 280_000);
  server.fail(fault);
  const token = manager.getAccessToken();
  await clock.advance(5_000);
  expect(await token).toBe(tokens.access_token);
  expect((await record())?.pendingRefresh).toMatchObject({ sends: 1 });
});

test('law response-lost: a gateway times out while the token endpoint rotates: the error says so, and so does the end', async () => {
  const { manager, server, expire, posts } = await openManager();
  expire();
  server.fail(faults.gatewayTimeout);
  expect(await rejection(manager.getAccessToken())).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    sent: true,
    status: 504,
    message: expect.stringContaining('504'),
  });
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'response_lost' });
  expect(posts.length).toBe(2);
});

test('step 5, N27: the marker is stored before the POST, and names no token', async () => {
  const { manager, server, expire, record, tokens, clock } = await openManager();
  expire();
  const held = server.hold();
  const token = manager.getAccessToken();
  await held.arrived();
  const { pendingRefresh } = (await record()) ?? {};
  expect(pendingRefresh).toEqual({
    fingerprint: fingerprint(tokens.refresh_token ?? ''),
    since: clock.now(),
    latest: clock.now(),
    sends: 1,
    by: expect.stringMatching(/^[\w-]{6,}$/),
  });
  expect(JSON.stringify(pendingRefresh)).not.toContain(tokens.refresh_token?.slice(8, 20));
  held();
  await token;
  expect((await record())?.pendingRefresh).toBeUndefined();
});

test('N27, N13: a process that died after the POST leaves its marker: the next one uses the valid token on', async () => {
  const { server, clock, open, tokens, posts, storage } = await openManager();
  clock.set(clock.now() + 280_000);
  // It dies: its transport never answers, and nothing of it runs on.
  const dead = open({ lock: { reach: 'process', request: (_name, _options, callback) => callback() } });
  server.fail(faults.neverResponds);
  void dead.getAccessToken().catch(() => undefined);
  await expect.poll(() => server.counts.refreshes).toBe(1);
  const next = open();
  expect(await next.getAccessToken()).toBe(tokens.access_token);
  expect(posts.length).toBe(1);
  clock.set(clock.now() + 20_000);
  expect(await rejection(next.getAccessToken())).toMatchObject({ reason: 'response_lost' });
  expect(posts.length).toBe(2);
  expect(await storage.inner.read(key)).toBeUndefined();
});

test('N27: a process that died before the POST leaves its marker too: the careful attempt succeeds', async () => {
  const { server, expire, open, storage, tokens } = await openManager();
  const stored = await storage.inner.read(key);
  const mark = { since: 1, latest: 1, sends: 1, by: 'a manager that is no more' };
  const pendingRefresh = { ...mark, fingerprint: fingerprint(tokens.refresh_token ?? '') };
  await storage.inner.write(key, { ...(stored?.record as object), pendingRefresh }, stored?.version);
  expire();
  expect(await open().getAccessToken()).toBe(server.currentAccessToken());
  expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  expect(server.currentRefreshToken()).not.toBe(tokens.refresh_token);
});

test.each([
  ['is refreshed at once', false],
  ['and is dead ends the session, and no response was lost', true],
])('step 4: a refresh token that was put beside the marker of another one %s', async (_what, isDead) => {
  const { manager, server, expire, storage, posts } = await openManager();
  expire();
  server.fail(faults.lostResponse, { times: 2 });
  await rejection(manager.getAccessToken());
  await rejection(manager.getAccessToken());
  // A program that knows nothing of marks writes the tokens of a new login into the record.
  const refreshToken = server.signIn().refresh_token ?? '';
  const stored = await storage.inner.read(key);
  await storage.inner.write(key, { ...(stored?.record as object), refreshToken }, stored?.version);
  if (isDead) server.revokeFamily(refreshToken);
  const outcome = await manager.getAccessToken().catch(({ reason }) => reason);
  expect(outcome).toBe(isDead ? 'invalid_grant' : server.currentAccessToken(refreshToken));
  expect(posts.slice(2)).toEqual([refreshToken]);
});

test('N27: inside the reuse window the successor of a dead process sends at once', async () => {
  const profile = { reuseWindow: 60_000 };
  const { server, clock, open, posts } = await openManager({
    server: { profile: { kind: 'leeway', ms: 60_000 } },
    manager: { authorizationServer: { tokenEndpoint: 'https://as.test/token', profile } },
  });
  clock.set(clock.now() + 280_000);
  const dead = open({ lock: { reach: 'process', request: (_name, _options, callback) => callback() } });
  server.fail(faults.neverResponds);
  void dead.getAccessToken().catch(() => undefined);
  await expect.poll(() => server.counts.refreshes).toBe(1);
  clock.set(clock.now() + 5_000);
  expect(await open().getAccessToken()).toBe(server.currentAccessToken());
  expect(posts.length).toBe(2);
  expect(server.counts.familiesRevoked).toBe(0);
});

/** It forgets its holder at once, as a lock does whose server was restarted. */
const forgetful = () => ({
  reach: 'process' as const,
  mayBeLost: true,
  request: <T>(_name: string, _options: object, callback: () => Promise<T>) => callback(),
});

/** A refresh that waits for its answer, and has lost the lock. */
async function lostLock(storage?: TokenStorage) {
  const story = await openManager({ manager: { lock: forgetful(), ...(storage && { storage }) } });
  const { manager, server, clock } = story;
  clock.set(clock.now() + 360_000);
  const held = server.hold({ commits: true });
  const first = manager.getAccessToken();
  await held.arrived();
  /** It is answered at the last moment. */
  const end = async () => {
    await clock.advance(29_999);
    held();
    return await first;
  };
  return { ...story, end };
}

test.each([0, -60_000, 60_000])(
  'law bounded-locks: who has lost the lock without knowing is given the time to end, also by a clock that is %i ms off: nobody sends again',
  async (off) => {
    const { server, posts, open, clock, end } = await lostLock(memoryStorage());
    const theirs = { ...clock, now: () => clock.now() + off };
    const calls = times(2, () => open({ lock: forgetful(), clock: theirs }).getAccessToken());
    const token = await end();
    await clock.advance(0);
    expect(await Promise.all(calls)).toEqual([token, token]);
    expect(posts.length).toBe(1);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
    expect(clock.timers).toBe(0);
  },
);

test('law bounded-locks: a refresh from before a login that ends is not the end of the one that came after it', async () => {
  const { manager, server, expire, posts, clock } = await openManager({
    manager: { lock: forgetful(), storage: memoryStorage() },
  });
  expire();
  const before = server.hold({ commits: true, times: 1 });
  const first = manager.getAccessToken().catch(() => undefined);
  await before.arrived();
  await manager.setTokens(server.signIn());
  expire();
  const after = server.hold({ commits: true, times: 1 });
  const second = manager.getAccessToken();
  await after.arrived();
  before();
  await clock.advance(0);
  const other = manager.getAccessToken({ scope: ['read'] });
  await clock.advance(1_000);
  expect(posts.length).toBe(2);
  after();
  await clock.advance(0);
  await Promise.all([first, second, other]);
  expect(new Set(posts).size).toBe(posts.length);
});

test('law response-lost: a marker from long ago is of somebody who is dead: nobody waits', async () => {
  const { manager, server, expire, posts, open, clock } = await openManager({
    manager: { lock: forgetful() },
  });
  expire();
  server.fail(faults.neverResponds);
  void manager.getAccessToken().catch(() => undefined);
  await expect.poll(() => server.counts.refreshes).toBe(1);
  clock.set(clock.now() + 300_001);
  const next = open({ lock: forgetful() });
  expect(await rejection(next.getAccessToken())).toMatchObject({ reason: 'response_lost' });
  expect(posts.length).toBe(2);
});

test('law bounded-locks: a storage that reports no changes is read when the time has passed', async () => {
  const { posts, open, clock, end } = await lostLock();
  const next = open({ lock: forgetful() }).getAccessToken();
  const token = await end();
  await clock.advance(5_001);
  expect(await next).toBe(token);
  expect(posts.length).toBe(1);
});

test('law sign-out-wins: a sign-out does not wait for the refresh of somebody who has lost the lock', async () => {
  const { server, expire, posts, open, clock } = await openManager({
    manager: { lock: forgetful(), storage: memoryStorage() },
  });
  const [lost, other] = [open(), open()];
  await Promise.all([lost.getAccessToken(), other.getAccessToken()]);
  expire();
  server.fail(faults.neverResponds);
  const stuck = rejection(lost.getAccessToken());
  await expect.poll(() => server.counts.tokenRequests).toBe(1);
  const call = rejection(other.getAccessToken());
  await clock.advance(1_000);
  const signedOut = other.signOut({ revoke: false });
  await clock.advance(0);
  await signedOut;
  expect(await call).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
  expect(posts.length).toBe(1);
  await clock.advance(30_000);
  await stuck;
  expect(clock.timers).toBe(0);
});

test('law response-lost: when the time has passed it has died, and one careful attempt is made', async () => {
  const { manager, server, expire, posts, open, clock } = await openManager({
    manager: { lock: forgetful() },
  });
  expire();
  server.fail(faults.neverResponds);
  void manager.getAccessToken().catch(() => undefined);
  await expect.poll(() => server.counts.refreshes).toBe(1);
  const next = rejection(open({ lock: forgetful() }).getAccessToken());
  await clock.advance(34_999);
  expect(posts.length).toBe(1);
  await clock.advance(1);
  expect(await next).toMatchObject({ reason: 'response_lost' });
  expect(posts.length).toBe(2);
});

test('law response-lost: inside a declared reuse window nobody is waited for', async () => {
  const { manager, server, expire, posts, open } = await openManager({
    server: { profile: { kind: 'idempotentReplay', ms: 60_000 } },
    manager: {
      authorizationServer: { tokenEndpoint: 'https://as.test/token', profile: { reuseWindow: 60_000 } },
      lock: forgetful(),
    },
  });
  expire();
  server.fail(faults.neverResponds);
  void manager.getAccessToken().catch(() => undefined);
  await expect.poll(() => server.counts.refreshes).toBe(1);
  const next = open({ lock: forgetful() });
  expect(await next.getAccessToken()).toBe(server.currentAccessToken());
  expect(posts.length).toBe(2);
  expect(server.counts).toMatchObject({ reuses: 0, familiesRevoked: 0 });
});

test('law only-the-server-ends-it: no response, three times in a row: a caller that waited for all of them gets no sign-out', async () => {
  const lock = { ...memoryLock(), mayBeLost: true };
  const { server, expire, open, clock } = await openManager({ manager: { lock, storage: memoryStorage() } });
  const managers = times(5, () => open());
  await Promise.all(managers.map((one) => one.getAccessToken()));
  const heard = managers.map(eventsOf);
  expire();
  server.fail({ hang: true }, { times: 5 });
  const calls = Promise.all(managers.map((one) => rejection(one.getAccessToken())));
  for (let elapsed = 0; elapsed < 150_000; elapsed += 5_000) await clock.advance(5_000);
  expect(await calls).toMatchObject(times(5, () => ({ code: 'ERR_REFRESH_FAILED', sent: true })));
  expect(new Set(heard.flat().map(({ type }) => type))).toEqual(new Set(['refreshFailed']));
  expect(clock.timers).toBe(0);
});

test.each(['the same', 'another'])(
  'law bounded-locks: %s manager needs another variant: it waits for the refresh, and no longer',
  async (who) => {
    const { manager, server, expire, posts, open, clock } = await openManager({
      manager: { lock: forgetful(), storage: memoryStorage() },
    });
    expire();
    const held = server.hold({ commits: true });
    const first = manager.getAccessToken();
    await held.arrived();
    const next = (who === 'another' ? open() : manager).getAccessToken({ scope: ['read'] });
    await clock.advance(1_000);
    expect(posts.length).toBe(1);
    held();
    await first;
    await clock.advance(0);
    expect(await next).toBe(server.currentAccessToken());
    expect(server.counts).toMatchObject({ refreshes: 2, reuses: 0 });
    expect(clock.timers).toBe(0);
  },
);
