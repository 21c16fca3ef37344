/** A refresh token that a server refuses again and again without saying that the grant is dead. */

import { clientCredentials, clientSecretBasic } from 'tokenkeep/client-authentication';
import { type Fault, faults } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { reconcile } from '../../../src/core/session/refresh-decision.ts';
import type { SessionRecord } from '../../../src/core/session/session-record.ts';
import { key, type OpenedManager, openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

const answered = (status: number, body: string): Fault => ({ response: { status, body } });
const always = { times: 100_000 };
const day = 86_400_000;

/** Calls every 30 s for `duration` ms, and returns the last error. */
async function callOn({ manager, clock }: OpenedManager, duration: number): Promise<unknown> {
  let last: unknown;
  for (const end = clock.now() + duration; clock.now() < end; clock.set(clock.now() + 30_000)) {
    last = await rejection(manager.getAccessToken());
  }
  return last;
}

const refusals: readonly (readonly [string, Fault])[] = [
  ['400 with an empty body', answered(400, '')],
  ['invalid_request', faults.oauthError('invalid_request')],
  ['404', answered(404, 'Not Found')],
  ['a nested error object', answered(400, '{"error":{"code":"dead_token","message":"No."}}')],
  ['an unknown code', faults.oauthError('token_not_active_any_more')],
];

test.each(refusals)(
  'law only-the-server-ends-it: %s for a day: few requests, one event, and the session is kept',
  async (_what, fault) => {
    const world = await openManager();
    const { server, events, tokens, record, expire } = world;
    expire();
    const since = world.clock.now();
    server.fail(fault, always);
    const last = await callOn(world, day);
    console.info(`${server.counts.tokenRequests} token requests in a day`);
    expect(server.counts.tokenRequests).toBeLessThanOrEqual(40);
    expect(last).toMatchObject({
      code: 'ERR_LOGIN_REQUIRED',
      reason: 'refresh_refused',
      since,
      failures: server.counts.tokenRequests,
      isRetryable: false,
    });
    expect(events.filter(({ type }) => type === 'sessionStuck')).toMatchObject([
      { session: 'default', error: { reason: 'refresh_refused', since } },
    ]);
    expect(events.some(({ type }) => type === 'sessionEnded')).toBe(false);
    expect(await record()).toMatchObject({ refreshToken: tokens.refresh_token });
  },
);

test('law only-the-server-ends-it: a refused session continues when the server accepts its refresh token again, and starts over', async () => {
  const world = await openManager();
  const { server, manager, clock, expire, events } = world;
  expire();
  const heal = server.fail(faults.oauthError('invalid_request'), always);
  await callOn(world, 3_600_000);
  heal();
  clock.set(clock.now() + 3_600_000);
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expire();
  server.fail(faults.oauthError('invalid_request'));
  expect(await rejection(manager.getAccessToken())).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    since: clock.now(),
    failures: 1,
    retryAfter: 30_000,
  });
  expect(events.filter(({ type }) => type === 'sessionStuck')).toHaveLength(1);
});

test('law only-the-server-ends-it: the state of a stuck session is stored with it: another manager sends nothing', async () => {
  const world = await openManager();
  const { server, open, expire } = world;
  expire();
  server.fail(faults.oauthError('invalid_request'), always);
  const last = (await callOn(world, 3_600_000)) as { since: number };
  const before = server.counts.tokenRequests;
  expect(await rejection(open().getAccessToken())).toMatchObject({
    reason: 'refresh_refused',
    since: last.since,
  });
  expect(server.counts.tokenRequests).toBe(before);
});

test.each(['a login', 'another refresh token beside the failure'])(
  'law only-the-server-ends-it: %s clears what was remembered against a refresh token',
  async (how) => {
    const world = await openManager();
    const { server, manager, storage, expire } = world;
    expire();
    const heal = server.fail(faults.oauthError('invalid_request'), always);
    await callOn(world, 3_600_000);
    heal();
    const login = server.signIn();
    if (how === 'a login') {
      await manager.setTokens(login);
      expire();
    } else {
      const stored = await storage.inner.read(key);
      const record = { ...(stored?.record as object), refreshToken: login.refresh_token };
      await storage.inner.write(key, record, stored?.version);
    }
    expect(await manager.getAccessToken()).toBe(server.currentAccessToken(login.refresh_token ?? undefined));
  },
);

test.each([answered(400, ''), faults.oauthError('invalid_request')])(
  'law response-lost: a refusal after a lost response says so, and still ends no session',
  async (fault) => {
    const world = await openManager();
    const { server, manager, clock, expire, events, record, tokens } = world;
    expire();
    server.fail(faults.lostResponse);
    await rejection(manager.getAccessToken());
    server.fail(fault, always);
    expect(await rejection(manager.getAccessToken())).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      failures: 2,
    });
    clock.set(clock.now() + 30_000);
    expect(await callOn(world, 90_000)).toMatchObject({
      code: 'ERR_LOGIN_REQUIRED',
      reason: 'response_lost',
    });
    expect(events.filter(({ type }) => type === 'sessionStuck')).toMatchObject([
      { error: { reason: 'response_lost' } },
    ]);
    expect(await record()).toMatchObject({ refreshToken: tokens.refresh_token });
  },
);

test('law only-the-server-ends-it: two refusals that are hours apart make no session stuck, the third does', async () => {
  const { server, manager, clock, expire, events } = await openManager();
  expire();
  server.fail(faults.oauthError('invalid_request'), always);
  for (const code of ['ERR_REFRESH_FAILED', 'ERR_REFRESH_FAILED', 'ERR_LOGIN_REQUIRED']) {
    expect(await rejection(manager.getAccessToken())).toMatchObject({ code });
    clock.set(clock.now() + 28_800_000);
  }
  expect(events.filter(({ type }) => type === 'sessionStuck')).toHaveLength(1);
});

test('law only-the-server-ends-it: a token endpoint that has moved asks for no login', async () => {
  const world = await openManager();
  world.expire();
  world.server.fail(faults.redirect('https://elsewhere.test/token'), always);
  expect(await callOn(world, day)).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    status: 307,
    isRetryable: false,
  });
  expect(world.server.counts.tokenRequests).toBeLessThanOrEqual(40);
  expect(world.events.filter(({ type }) => type === 'sessionStuck')).toHaveLength(1);
});

test('law only-the-server-ends-it: with a slow clock, an older failure does not hide the latest attempt', () => {
  const at = 1_000_000;
  const record: SessionRecord = {
    schema: 1,
    clientId: 'app',
    refreshToken: 'refresh',
    accessTokens: {},
    failure: { kind: 'transient', at, until: at + 30_000, count: 1 },
    pendingRefresh: {
      fingerprint: 1,
      since: at + 30_000,
      latest: at + 30_000,
      sends: 1,
      by: 'a machine that is ahead',
    },
  };
  const need = { variant: '', rejectedToken: undefined, refreshBefore: 0 };
  const known = { invalidRefreshToken: undefined, reuseWindow: 0, online: true };
  const here = at + 20_000;
  expect(reconcile(record, need, { ...known, now: here, inProgressUntil: here + 5_000 }).kind).toBe(
    'in-progress-elsewhere',
  );
});

test('law only-the-server-ends-it: a client that is refused is stuck as well, and no login is asked for', async () => {
  const world = await openManager();
  const { server, expire, events } = world;
  expire();
  server.fail(faults.oauthError('invalid_client', 401), always);
  expect(await callOn(world, day)).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    error: 'invalid_client',
    isRetryable: false,
  });
  expect(server.counts.tokenRequests).toBeLessThanOrEqual(40);
  expect(events.filter(({ type }) => type === 'sessionStuck')).toMatchObject([
    { error: { code: 'ERR_REFRESH_FAILED', error: 'invalid_client' } },
  ]);
});

test('law only-the-server-ends-it: server errors make no session stuck, and do not reset a series of refusals', async () => {
  const world = await openManager();
  const { server, expire, events, clock, manager } = world;
  expire();
  const since = clock.now();
  const heal = server.fail(faults.serverError, always);
  expect(await callOn(world, 3_600_000)).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    isRetryable: true,
    since,
    failures: server.counts.tokenRequests,
  });
  expect(events.some(({ type }) => type === 'sessionStuck')).toBe(false);
  heal();
  clock.set(clock.now() + 60_000);
  server.fail(faults.oauthError('invalid_request'), { times: 2 });
  server.fail(faults.serverError);
  server.fail(faults.oauthError('invalid_request'), always);
  const pauses: unknown[] = [];
  for (let round = 0; round < 4; round++) {
    const { retryAfter } = (await rejection(manager.getAccessToken())) as unknown as { retryAfter: number };
    pauses.push(retryAfter);
    clock.set(clock.now() + retryAfter);
  }
  expect(pauses).toEqual([30_000, 60_000, 45_000, 120_000]);
});

test('law only-the-server-ends-it: tokens that cannot be sent, a whole day: few requests, and no login is asked for', async () => {
  const world = await openManager();
  const { server, expire } = world;
  expire();
  server.fail({ members: { token_type: 'mac' } }, always);
  expect(await callOn(world, day)).toMatchObject({ code: 'ERR_REFRESH_FAILED', isRetryable: false });
  expect(server.counts.tokenRequests).toBeLessThanOrEqual(40);
});

test('law sign-out-wins: a sign-out elsewhere while a token that cannot be sent is stored stays one', async () => {
  const { server, manager, storage, expire, record } = await openManager();
  expire();
  server.fail({ members: { token_type: 'mac' } });
  let reads = 0;
  storage.before = async (operation) => {
    const isStored = (await record())?.refreshToken !== undefined && server.counts.tokenRequests === 1;
    // The first read after the response checks what was committed. The second one is for the failure.
    if (operation === 'read' && isStored && ++reads === 2) await storage.delete(key);
  };
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
  expect(await record()).toBeUndefined();
});

test('law only-the-server-ends-it: interaction_required for a day: few requests', async () => {
  const world = await openManager();
  const { server, expire, events } = world;
  expire();
  server.fail(faults.oauthError('interaction_required'), always);
  expect(await callOn(world, day)).toMatchObject({ reason: 'interaction_required' });
  expect(server.counts.tokenRequests).toBeLessThanOrEqual(40);
  expect(events.some(({ type }) => type === 'sessionStuck')).toBe(false);
});

test('law only-the-server-ends-it: a stuck session uses an access token that is still valid', async () => {
  const world = await openManager();
  const { server, manager, clock, tokens } = world;
  server.fail(faults.oauthError('invalid_request'), always);
  clock.set(clock.now() + 280_000);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
});

test('law only-the-server-ends-it: client credentials that are refused ask for no login', async () => {
  const world = await openManager({
    signedIn: false,
    server: { clients: [{ clientId: 'test-client', clientSecret: 'a secret of the client' }] },
    manager: {
      grant: clientCredentials(),
      clientAuthentication: clientSecretBasic('a secret of the client'),
    },
  });
  world.server.fail(faults.oauthError('invalid_request'), always);
  expect(await callOn(world, day)).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
  expect(world.server.counts.tokenRequests).toBeLessThanOrEqual(40);
});
