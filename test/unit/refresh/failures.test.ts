/** Law only-the-server-ends-it: only a grant that is proven dead ends a session; everything else is remembered for a while. */
import { type Fault, faults } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { key, openManager } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';

const json = (status: number, body: object) => ({ response: { status, body: JSON.stringify(body) } });

test.each<[string, Fault, object]>([
  ['503 with the body of an invalid_grant (N29)', faults.serverError, { status: 503 }],
  ['500 in HTML', { response: { status: 500, body: '<h1>Internal Server Error</h1>' } }, { status: 500 }],
  ['502 of the token endpoint itself', json(502, { error: 'temporarily_unavailable' }), { status: 502 }],
  ['429', faults.rateLimited(5), { status: 429, retryAfter: 5_000 }],
  ['408', json(408, {}), { status: 408 }],
  ['403 in HTML', faults.html, { status: 403 }],
  ['invalid_client', json(401, { error: 'invalid_client' }), { status: 401, error: 'invalid_client' }],
  ['unauthorized_client', json(400, { error: 'unauthorized_client' }), { error: 'unauthorized_client' }],
  ['invalid_request', json(400, { error: 'invalid_request' }), { error: 'invalid_request' }],
  ['invalid_grant with status 404', json(404, { error: 'invalid_grant' }), { status: 404 }],
  ['404', { response: { status: 404, body: 'Not Found' } }, { status: 404 }],
  ['redirect', faults.redirect('https://elsewhere.test/token'), { status: 307 }],
])(
  'law only-the-server-ends-it: %s ends no session, and is not asked again at once',
  async (_what, fault, seen) => {
    const { manager, server, expire, clock, types, record, tokens } = await openManager();
    expire();
    server.fail(fault);
    const errors = await Promise.all(times(5, () => rejection(manager.getAccessToken())));
    expect(new Set(errors).size).toBe(1);
    expect(errors[0]).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false, ...seen });
    expect(await rejection(manager.getAccessToken())).toMatchObject({ code: 'ERR_REFRESH_FAILED', ...seen });
    expect(server.counts.tokenRequests).toBe(1);
    expect(types()).toEqual(['refreshFailed']);
    expect(await record()).toMatchObject({ refreshToken: tokens.refresh_token });
    clock.set(clock.now() + 30_000);
    expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
    expect(server.counts.reuses).toBe(0);
  },
);

test.each([
  ['seconds', () => 120],
  ['a date', (now: number) => new Date(now + 120_000).toUTCString()],
])(
  'law only-the-server-ends-it: Retry-After in %s is honoured to the millisecond',
  async (_form, retryAfter) => {
    const { manager, server, expire, clock } = await openManager();
    expire();
    server.fail(faults.rateLimited(retryAfter(clock.now())));
    expect(await rejection(manager.getAccessToken())).toMatchObject({ retryAfter: 120_000 });
    clock.set(clock.now() + 119_999);
    expect(await rejection(manager.getAccessToken())).toMatchObject({ retryAfter: 1 });
    expect(server.counts.tokenRequests).toBe(1);
    clock.set(clock.now() + 1);
    expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  },
);

test('law only-the-server-ends-it: a Retry-After of a year locks nobody out for longer than an hour', async () => {
  const { manager, server, expire, clock } = await openManager();
  expire();
  server.fail(faults.rateLimited(31_536_000));
  await rejection(manager.getAccessToken());
  clock.set(clock.now() + 3_600_000);
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
});

test('law only-the-server-ends-it: the pauses between failures grow to a minute, and a success starts over', async () => {
  const { manager, server, expire, clock } = await openManager();
  expire();
  server.fail(faults.serverError, { times: 9 });
  const pauses: number[] = [];
  for (let round = 0; round < 9; round++) {
    const { retryAfter = 0 } = (await rejection(manager.getAccessToken())) as { retryAfter?: number };
    pauses.push(retryAfter);
    clock.set(clock.now() + retryAfter);
  }
  expect(pauses).toEqual([750, 1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000, 45_000]);
  await manager.getAccessToken();
  expire();
  server.fail(faults.serverError);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ retryAfter: 750 });
});

test('law only-the-server-ends-it: a failure is remembered with the record: another manager does not find out for itself', async () => {
  const { manager, server, expire, open } = await openManager();
  expire();
  server.fail(faults.rateLimited(60));
  await rejection(manager.getAccessToken());
  expect(await rejection(open().getAccessToken())).toMatchObject({ status: 429, retryAfter: 60_000 });
  expect(server.counts.tokenRequests).toBe(1);
});

test('law only-the-server-ends-it: a failure is of its refresh token: after a login nothing is remembered', async () => {
  const { manager, server, expire } = await openManager();
  expire();
  server.fail(faults.rateLimited(3_000));
  await rejection(manager.getAccessToken());
  const login = server.signIn();
  await manager.setTokens(login);
  expect(await manager.getAccessToken({ rejectedToken: login.access_token })).toBe(
    server.currentAccessToken(),
  );
});

test('law only-the-server-ends-it: what is about a scope does not stop other requests', async () => {
  const { manager, server } = await openManager();
  expect(await rejection(manager.getAccessToken({ scope: ['admin'] }))).toMatchObject({
    error: 'invalid_scope',
  });
  expect(await rejection(manager.getAccessToken({ scope: ['admin'] }))).toMatchObject({
    error: 'invalid_scope',
  });
  expect(server.counts.tokenRequests).toBe(1);
  expect(await manager.getAccessToken({ scope: ['read'] })).toBe(server.currentAccessToken());
});

test('law only-the-server-ends-it: interaction_required asks for a login, and the session is kept', async () => {
  const { manager, server, expire, types, clock } = await openManager();
  expire();
  server.fail(faults.oauthError('interaction_required'));
  expect(await rejection(manager.getAccessToken())).toMatchObject({
    code: 'ERR_LOGIN_REQUIRED',
    reason: 'interaction_required',
  });
  expect(types()).toEqual(['refreshFailed']);
  clock.set(clock.now() + 30_000);
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
});

test.each([400, 401, 403])(
  'law only-the-server-ends-it: invalid_grant with %i ends the session: once, for all, and for good',
  async (status) => {
    const { manager, server, expire, events, storage, call } = await openManager();
    expire();
    server.fail(faults.oauthError('invalid_grant', status));
    const errors = await Promise.all([
      ...times(10, () => rejection(manager.getAccessToken())),
      ...times(10, () => rejection(call())),
      rejection(manager.getAccessToken({ scope: ['read'] })),
    ]);
    expect(new Set(errors).size).toBe(1);
    expect(errors[0]).toMatchObject({
      code: 'ERR_LOGIN_REQUIRED',
      reason: 'invalid_grant',
      error: 'invalid_grant',
    });
    expect(await rejection(call())).toBe(errors[0]);
    expect(events).toEqual([
      { type: 'sessionEnded', session: 'default', login: expect.any(String), error: errors[0] },
    ]);
    expect(await storage.inner.read(key)).toBeUndefined();
    expect(server.counts.tokenRequests).toBe(1);
    const login = server.signIn();
    await manager.setTokens(login);
    expect(await manager.getAccessToken()).toBe(login.access_token);
  },
);

test('law only-the-server-ends-it: an end that the storage refuses: no further POST anyway', async () => {
  const { manager, server, expire, storage, types } = await openManager();
  expire();
  server.revokeFamily();
  storage.before = (operation) => {
    if (operation === 'delete') throw new Error('read-only');
  };
  const error = await rejection(manager.getAccessToken());
  expect(await rejection(manager.getAccessToken())).toBe(error);
  expect(types()).toEqual(['sessionEnded']);
  expect(server.counts.tokenRequests).toBe(1);
  expect(await manager.getTokens()).toBeUndefined();
});

async function stolen() {
  const world = await openManager();
  const { server, expire, tokens, storage, manager } = world;
  expire();
  const held = server.hold({ commits: true });
  server.fail(faults.oauthError('invalid_grant'));
  const caller = manager.getAccessToken();
  await held.arrived();
  /** Someone without our lock has put something else in its place. */
  const replace = async (record: object | undefined) => {
    const stored = await storage.inner.read(key);
    if (record === undefined) await storage.inner.delete(key);
    else
      await storage.inner.write(
        key,
        { ...(stored?.record as object), pendingRefresh: undefined, ...record },
        stored?.version,
      );
  };
  return { ...world, caller, held, replace, tokens };
}

test('law compare-and-clear, N19: a loser’s invalid_grant does not delete what the winner has stored, but adopts it', async () => {
  const { caller, held, replace, server, clock, types, record } = await stolen();
  const { access_token: token, refresh_token: refreshToken } = server.signIn();
  const accessToken = { token, type: 'Bearer', issuedAt: clock.now(), expiresAt: clock.now() + 300_000 };
  await replace({ refreshToken, accessTokens: { '': accessToken } });
  held();
  expect(await caller).toBe(token);
  expect(types()).toEqual(['adopted']);
  expect((await record())?.refreshToken).toBe(refreshToken);
});

test('law compare-and-clear, N31: a loser whose winner’s token has expired as well refreshes with the winner’s refresh token', async () => {
  const { caller, held, replace, server, posts, record } = await stolen();
  const { refresh_token: refreshToken } = server.signIn();
  await replace({ refreshToken });
  held();
  expect(await caller).toBe(server.currentAccessToken());
  expect(posts.at(-1)).toBe(refreshToken);
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
});

test('law compare-and-clear: a loser’s invalid_grant after a sign-out elsewhere is a sign-out', async () => {
  const { caller, held, replace, types } = await stolen();
  const error = rejection(caller);
  await replace(undefined);
  held();
  expect(await error).toMatchObject({ reason: 'signed_out' });
  expect(types()).toEqual(['signedOut']);
});

test('law bounded-locks: a holder that lost its lease does not commit over a newer record', async () => {
  const { server, manager, expire, storage, clock, record } = await openManager();
  expire();
  const held = server.hold({ commits: true });
  const caller = manager.getAccessToken();
  await held.arrived();
  const stored = await storage.inner.read(key);
  const { access_token: token, refresh_token: refreshToken } = server.signIn();
  const accessToken = { token, type: 'Bearer', issuedAt: clock.now(), expiresAt: clock.now() + 300_000 };
  const newer = {
    ...(stored?.record as object),
    pendingRefresh: undefined,
    refreshToken,
    accessTokens: { '': accessToken },
  };
  await storage.inner.write(key, newer, stored?.version);
  held();
  expect(await caller).toBe(token);
  expect((await record())?.refreshToken).toBe(refreshToken);
});

test('law sign-out-wins: a failure that is remembered too late does not bring a session back that was ended elsewhere', async () => {
  const { manager, server, storage, clock } = await openManager();
  clock.set(clock.now() + 280_000);
  const held = server.hold({ commits: true });
  server.fail(faults.serverError);
  const caller = rejection(manager.getAccessToken());
  await held.arrived();
  await storage.inner.delete(key);
  held();
  expect(await caller).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
});

test('a session without a refresh token ends with its access token, and nothing is sent', async () => {
  const { manager, server, expire } = await openManager({ signedIn: false });
  const { refresh_token: _none, ...tokens } = server.signIn();
  await manager.setTokens(tokens);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  expire();
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'no_refresh_token' });
  expect(server.counts.tokenRequests).toBe(0);
});
