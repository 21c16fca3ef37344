/** How a session ends at a certified authorization server: by sign-out, by revocation, by a reuse. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { authenticated, logIn } from '../../support/certified-server/index.ts';
import { times } from '../../support/promises.ts';
import type { SignedIn, World } from './support/world.ts';
import { openWorld } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

const spendByHand = (refreshToken: string) =>
  fetch(
    world.server.tokenEndpoint,
    authenticated(world.server, 'public', { grant_type: 'refresh_token', refresh_token: refreshToken }),
  );
const revokeByHand = (token: string) =>
  fetch(world.server.revocationEndpoint, authenticated(world.server, 'public', { token }));
async function active({ manager }: SignedIn): Promise<boolean[]> {
  const tokens = await manager.getTokens();
  const both = [tokens?.accessToken ?? '', tokens?.refreshToken ?? ''];
  return Promise.all(both.map(async (token) => (await world.server.introspect(token)).active));
}

test('on purpose, without tokenkeep: a reuse kills the family', async () => {
  const { refresh_token } = await logIn({ server: world.server });
  const family = await world.server.family(refresh_token);
  const answers = await Promise.all(times(2, () => spendByHand(refresh_token)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
  const survivor = await answers.find(({ ok }) => ok)?.json();
  expect(await world.server.introspect(survivor.access_token)).toEqual({ active: false });
  expect((await spendByHand(survivor.refresh_token)).status).toBe(400);
  expect(family).toMatchObject({ spent: 1, reuses: 1, familiesRevoked: 1 });
});

test('another client has spent the refresh token: one error for all callers, one event, and no further request', async () => {
  const { tokens, family, events, call, endAccessToken } = await world.signIn();
  expect((await spendByHand(tokens.refresh_token)).status).toBe(200);
  await endAccessToken();
  const before = world.server.requests.token;
  const failures = await Promise.all(times(20, () => call().catch((error: unknown) => error)));
  expect(new Set(failures).size).toBe(1);
  expect(failures[0]).toMatchObject({
    code: 'ERR_LOGIN_REQUIRED',
    reason: 'invalid_grant',
    error: 'invalid_grant',
  });
  await expect(call()).rejects.toBe(failures[0]);
  expect(events).toEqual(['sessionEnded']);
  expect(world.server.requests.token - before).toBe(1);
  expect(family.familiesRevoked).toBe(1);
});

test('the session is revoked at the server: one error for all callers, one event, and no further request', async () => {
  const { manager, tokens, events, call } = await world.signIn();
  await revokeByHand(tokens.refresh_token);
  const before = world.server.requests.token;
  const failures = await Promise.all(times(20, () => call().catch((error: unknown) => error)));
  expect(new Set(failures).size).toBe(1);
  expect(failures[0]).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
  await expect(manager.getAccessToken()).rejects.toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
  expect(events).toEqual(['sessionEnded']);
  expect(world.server.requests.token - before).toBe(1);
  expect(await manager.getTokens()).toBeUndefined();
});

test('a new login after the end of the session: everything works again', async () => {
  const { manager, tokens, call } = await world.signIn();
  await revokeByHand(tokens.refresh_token);
  await expect(call()).rejects.toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
  await manager.setTokens(await logIn({ server: world.server }));
  expect(await call()).toBe(200);
});

test('signing out makes both tokens dead, says the server', async () => {
  const session = await world.signIn();
  const { manager, family, events, call, endAccessToken } = session;
  await endAccessToken();
  await call();
  const tokens = await manager.getTokens();
  expect(await active(session)).toEqual([true, true]);
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(await world.server.introspect(tokens?.accessToken ?? '')).toEqual({ active: false });
  expect(await world.server.introspect(tokens?.refreshToken ?? '')).toEqual({ active: false });
  expect(family).toMatchObject({ refreshes: 1, revocations: 1, reuses: 0 });
  expect(events).toEqual(['refreshed', 'signedOut']);
  const before = { ...world.server.requests };
  await expect(call()).rejects.toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
  expect(world.server.requests).toEqual(before);
});

test('signing out without revocation: the server is not asked', async () => {
  const { manager, tokens, family } = await world.signIn();
  expect(await manager.signOut({ revoke: false })).toEqual({ revoked: false, reason: 'not_requested' });
  expect(await manager.getTokens()).toBeUndefined();
  expect(family.revocations).toBe(0);
  expect((await world.server.introspect(tokens.refresh_token)).active).toBe(true);
});

test('the revocation endpoint has a hiccup: it is asked once more', async () => {
  const { manager, family } = await world.signIn();
  void world.server.hiccup({ status: 503, headers: { 'retry-after': '0' }, at: 'revocation' });
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(family.revocations).toBe(1);
});

test('the revocation endpoint is down: signed out here anyway, with the true result', async () => {
  const { manager, tokens, call } = await world.signIn();
  void world.server.hiccup({ status: 500, at: 'revocation' });
  expect(await manager.signOut()).toMatchObject({ revoked: false, reason: 'refused', status: 500 });
  expect(await manager.getTokens()).toBeUndefined();
  await expect(call()).rejects.toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
  expect((await world.server.introspect(tokens.refresh_token)).active).toBe(true);
});

test.each(['before', 'after'] as const)(
  'signing out while a refresh is in progress, held %s the server acts: nothing survives',
  async (hold) => {
    const { manager, family, events, call, endAccessToken } = await world.signIn();
    await endAccessToken();
    let open = () => {};
    const until = new Promise<void>((resolve) => {
      open = resolve;
    });
    const sent = world.server.hiccup({ hold, until });
    const waiting = call().catch((error: unknown) => error);
    await sent;
    const out = manager.signOut();
    open();
    expect(await out).toEqual({ revoked: true });
    expect(await waiting).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
    expect(await manager.getTokens()).toBeUndefined();
    expect(family).toMatchObject({ refreshes: 1, revocations: 1, reuses: 0 });
    expect(events).toEqual(['signedOut', 'lateTokensDiscarded']);
  },
);
