/** tokenkeep against a certified authorization server: what a refresh brings, and how many there are. */

import { memoryStorage, TokenManager } from 'tokenkeep';
import { privateKeyJwt } from 'tokenkeep/client-assertion';
import { clientSecretBasic, clientSecretPost } from 'tokenkeep/client-authentication';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logIn } from '../../support/certified-server/index.ts';
import { times } from '../../support/promises.ts';
import type { World } from './support/world.ts';
import { openWorld, status, wiring } from './support/world.ts';

const jwtResource = 'https://jwt.example/';
const opaqueResource = 'https://opaque.example/';
let world: World;
beforeAll(async () => {
  world = await openWorld({
    resources: [
      { indicator: jwtResource, scope: 'read', format: 'jwt' },
      { indicator: opaqueResource, scope: 'read write' },
    ],
  });
});
afterAll(() => world.close());

test('law single-use: rotates again and again: each refresh token is spent once, and its successor comes next', async () => {
  const { manager, family, tokens, events, call, endAccessToken } = await world.signIn();
  const refreshTokens = new Set([tokens.refresh_token]);
  for (let round = 1; round <= 5; round++) {
    await endAccessToken();
    expect(await call()).toBe(200);
    refreshTokens.add((await manager.getTokens())?.refreshToken ?? '');
  }
  expect(refreshTokens.size).toBe(6);
  expect(family).toMatchObject({ refreshes: 5, spent: 5, chain: 5, reuses: 0, refusals: 0 });
  expect(events).toEqual(Array.from({ length: 5 }, () => 'refreshed'));
});

test('50 parallel calls, all answered 401 as the access token ends: one refresh', async () => {
  const { family, events, call, endAccessToken } = await world.signIn();
  await call();
  await endAccessToken();
  const before = { ...world.api.counters };
  expect(new Set(await Promise.all(times(50, call)))).toEqual(new Set([200]));
  expect(world.api.counters.rejected - before.rejected).toBe(50);
  expect(world.api.counters.ok - before.ok).toBe(50);
  expect(family).toMatchObject({ refreshes: 1, spent: 1, reuses: 0 });
  expect(events).toEqual(['refreshed']);
});

test('50 parallel calls after the end of the access token, by the clock: one refresh, no 401', async () => {
  const { clock, family, call } = await world.signIn();
  clock.ahead += 301_000;
  const before = { ...world.api.counters };
  expect(new Set(await Promise.all(times(50, call)))).toEqual(new Set([200]));
  expect(world.api.counters.rejected - before.rejected).toBe(0);
  expect(family).toMatchObject({ refreshes: 1, spent: 1, reuses: 0 });
});

test('50 parallel calls and 50 askers for the token itself: one refresh for all of them', async () => {
  const { manager, family, tokens, call, endAccessToken } = await world.signIn();
  await endAccessToken();
  const askers = times(50, () => manager.getAccessToken({ rejectedToken: tokens.access_token }));
  const calls = times(50, call);
  expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
  expect(new Set(await Promise.all(askers)).size).toBe(1);
  expect(family).toMatchObject({ refreshes: 1, reuses: 0 });
});

test('a late 401 of an old access token: no refresh', async () => {
  const { family, call, endAccessToken } = await world.signIn();
  const held = world.api.hold();
  const late = call();
  await held.arrived;
  await endAccessToken();
  expect(await call()).toBe(200);
  held.release();
  expect(await late).toBe(200);
  expect(family).toMatchObject({ refreshes: 1, reuses: 0 });
});

test('a body is sent again byte for byte after the refresh', async () => {
  const { manager, family, endAccessToken } = await world.signIn();
  await endAccessToken();
  const body = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251);
  const response = await manager.fetch(world.api.url, { method: 'PUT', body });
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(body);
  expect(family.refreshes).toBe(1);
});

test('less scope for one call, and back to the full grant', async () => {
  const { manager, tokens, family } = await world.signIn();
  const { server, api } = world;
  const narrow = await manager.getAccessToken({ scope: ['read'] });
  expect((await server.introspect(narrow)).scope).toBe('read');
  expect(await manager.getAccessToken()).toBe(tokens.access_token);

  await server.endAccessToken(tokens.access_token);
  expect(await status(await manager.fetch(api.url, { method: 'POST', body: 'needs write' }))).toBe(200);
  const full = await manager.getAccessToken();
  expect((await server.introspect(full)).scope).toBe('openid offline_access read write profile');
  expect(await manager.getAccessToken({ scope: ['read'] })).toBe(narrow);
  expect(family).toMatchObject({ refreshes: 2, chain: 2, reuses: 0 });
});

test('a scope that was never granted: refused, and the session is kept', async () => {
  const { manager, family, call, endAccessToken } = await world.signIn({
    scope: 'openid offline_access read',
  });
  const before = world.server.counters.refusals;
  await expect(manager.getAccessToken({ scope: ['write'] })).rejects.toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    error: 'invalid_scope',
  });
  await endAccessToken();
  expect(await call()).toBe(200);
  expect(world.server.counters.refusals - before).toBe(1);
  expect(family).toMatchObject({ refreshes: 1, spent: 1, reuses: 0 });
});

test('the API wants more scope: the 403 is the answer, an event says so, nothing is refreshed', async () => {
  const { manager, events, family } = await world.signIn({ scope: 'openid offline_access read' });
  const response = await manager.fetch(world.api.url, { method: 'POST', body: 'needs write' });
  expect(await status(response)).toBe(403);
  expect(events).toEqual(['stepUpRequired']);
  expect(family.refreshes).toBe(0);
});

test('two resources, two access tokens of different kinds, one refresh token', async () => {
  const { manager, family } = await world.signIn(
    { resource: [jwtResource, opaqueResource] },
    {
      protectedResources: [
        { url: `${world.api.url}jwt`, resource: jwtResource },
        { url: `${world.api.url}opaque`, resource: opaqueResource },
      ],
    },
  );
  const [jwt, opaque] = await Promise.all([
    manager.fetch(`${world.api.url}jwt`),
    manager.fetch(`${world.api.url}opaque`),
  ]);
  expect([await status(jwt), await status(opaque)]).toEqual([200, 200]);
  const tokens = await Promise.all(
    [jwtResource, opaqueResource].map((resource) => manager.getAccessToken({ resource })),
  );
  const facts = await Promise.all(tokens.map((token) => world.server.validate(token)));
  expect(facts).toMatchObject([{ aud: jwtResource }, { aud: opaqueResource }]);
  expect(family).toMatchObject({ refreshes: 2, chain: 2, reuses: 0 });
});

describe.each([
  { client: 'basic', authentication: clientSecretBasic },
  { client: 'post', authentication: clientSecretPost },
] as const)('a confidential client with client_secret_$client', ({ client, authentication }) => {
  test('refreshes and signs out', async () => {
    const { clientSecret } = world.server.clients[client];
    const { manager, family, call, endAccessToken } = await world.signIn(
      { client },
      { clientAuthentication: authentication(clientSecret) },
    );
    await endAccessToken();
    expect(await Promise.all(times(10, call))).toEqual(Array.from({ length: 10 }, () => 200));
    expect(family).toMatchObject({ refreshes: 1, reuses: 0 });
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(family.revocations).toBe(1);
  });

  test('with a wrong secret: refused, and the session is kept', async () => {
    const { manager, tokens, events, endAccessToken, call } = await world.signIn(
      { client },
      { clientAuthentication: authentication('wrong') },
    );
    await endAccessToken();
    await expect(call()).rejects.toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      error: 'invalid_client',
      status: 401,
    });
    expect((await manager.getTokens())?.refreshToken).toBe(tokens.refresh_token);
    expect(events).toEqual(['refreshFailed']);
  });
});

test('a confidential client with a private key: a new assertion for each request', async () => {
  const { privateKey } = world.server.clients.key;
  const jwk = privateKey.export({ format: 'jwk' }) as JsonWebKey;
  const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, [
    'sign',
  ]);
  const { manager, family, call, endAccessToken } = await world.signIn(
    { client: 'key' },
    { clientAuthentication: privateKeyJwt(key) },
  );
  for (const round of [1, 2]) {
    await endAccessToken();
    expect(await call()).toBe(200);
    expect(family).toMatchObject({ refreshes: round, reuses: 0 });
  }
  expect(await manager.signOut()).toEqual({ revoked: true });
});

test('two managers over one storage: one refresh between them, and each uses what it brought', async () => {
  const storage = memoryStorage();
  const ada = await world.signIn({}, { storage });
  const twin = new TokenManager({ ...wiring(world), storage });
  const first = await twin.fetch(world.api.url);
  expect(await status(first)).toBe(200);
  await ada.endAccessToken();
  const calls = times(20, async () => [await ada.call(), await status(await twin.fetch(world.api.url))]);
  expect(new Set((await Promise.all(calls)).flat())).toEqual(new Set([200]));
  expect(ada.family).toMatchObject({ refreshes: 1, spent: 1, reuses: 0 });
  expect(await twin.getAccessToken()).toBe(await ada.manager.getAccessToken());
  await twin.close();
});

test('many users in one backend: each has one refresh, and an answer never reaches another', async () => {
  const { server, api } = world;
  const backend = new TokenManager(wiring(world));
  const users = ['grace', 'joan', 'katherine', 'radia'];
  const sessions = await Promise.all(
    users.map(async (user) => {
      const tokens = await logIn({ server, user });
      const manager = backend.forSession(user);
      await manager.setTokens(tokens);
      const family = await server.family(tokens.refresh_token);
      await server.endAccessToken(tokens.access_token);
      return { user, manager, family };
    }),
  );
  const answers = sessions.flatMap(({ user, manager }) =>
    times(10, async () => [user, (await (await manager.fetch(api.url)).json()).user]),
  );
  for (const [user, answered] of await Promise.all(answers)) expect(answered).toBe(user);
  for (const { family } of sessions) expect(family).toMatchObject({ refreshes: 1, spent: 1, reuses: 0 });
  await backend.close();
});

test('another user signs in while a refresh is in progress: the session is theirs, and the call is not', async () => {
  const { manager, family, call, endAccessToken } = await world.signIn({ user: 'ada' });
  await endAccessToken();
  let open = () => {};
  const until = new Promise<void>((resolve) => {
    open = resolve;
  });
  const sent = world.server.hiccup({ hold: 'after', until });
  const waiting = call();
  await sent;
  const next = await logIn({ server: world.server, user: 'grace' });
  await manager.setTokens(next);
  open();
  // It began as ada, so the API's answer to ada's token is the answer (law one-login).
  expect(await waiting).toBe(401);
  expect((await manager.getTokens())?.refreshToken).toBe(next.refresh_token);
  const answer = await manager.fetch(world.api.url);
  expect(await answer.json()).toMatchObject({ user: 'grace' });
  expect(family).toMatchObject({ refreshes: 1, reuses: 0 });
});
