/** A session without a refresh token: issuing one is optional (RFC 6749 §1.5). */
import type { TokenResponse } from 'tokenkeep';
import { expect, test } from 'vitest';
import { api, openManager } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';

async function withoutRefreshToken() {
  const world = await openManager({ signedIn: false });
  const login = (): TokenResponse => {
    const { refresh_token: _none, ...tokens } = world.server.signIn();
    return tokens;
  };
  await world.manager.setTokens(login());
  world.events.length = 0;
  return { ...world, login };
}

const over = { code: 'ERR_LOGIN_REQUIRED', reason: 'no_refresh_token' };

test('works to the last moment of its access token', async () => {
  const { call, clock, server } = await withoutRefreshToken();
  clock.set(clock.now() + 299_999); // refreshing ahead is for those that can
  expect(await Promise.all(times(10, () => call()))).toEqual(times(10, () => 200));
  expect(server.counts).toMatchObject({ tokenRequests: 0, apiRejected: 0 });
});

test('and then requires a login of everyone, sends nothing, and emits no end: the server has declared none', async () => {
  const { manager, open, expire, server, events } = await withoutRefreshToken();
  expire();
  const callers = [...times(10, () => manager.fetch(api)), manager.getAccessToken(), open().fetch(api)];
  for (const error of await Promise.all(callers.map(rejection))) expect(error).toMatchObject(over);
  expect(server.counts).toMatchObject({ tokenRequests: 0, apiCalls: 0 });
  expect(events).toEqual([]);
});

test('asks for a login when its access token is rejected before that', async () => {
  const { manager, server } = await withoutRefreshToken();
  server.expire();
  expect(await rejection(manager.fetch(api))).toMatchObject(over);
  expect(server.counts.tokenRequests).toBe(0);
});

test('has one access token, and no way to another one', async () => {
  const { manager, call } = await withoutRefreshToken();
  expect(await rejection(manager.getAccessToken({ scope: ['read'] }))).toMatchObject(over);
  expect(await call()).toBe(200);
});

test('continues with the next login', async () => {
  const { manager, call, login, expire } = await withoutRefreshToken();
  expire();
  await rejection(manager.fetch(api));
  await manager.setTokens(login());
  expect(await call()).toBe(200);
});

test('signs out of its access token', async () => {
  const { manager, server } = await withoutRefreshToken();
  const token = await manager.getAccessToken();
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(server.isActive(token)).toBe(false);
});
