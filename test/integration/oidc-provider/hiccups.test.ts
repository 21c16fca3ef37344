/** Failures between tokenkeep and a certified authorization server, as real HTTP. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listen } from '../../support/certified-server/index.ts';
import { times } from '../../support/promises.ts';
import type { World } from './support/world.ts';
import { openWorld } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe('503 from the token endpoint', () => {
  const unavailable = {
    status: 503,
    headers: { 'retry-after': '7', 'content-type': 'application/json' },
    body: '{"error":"invalid_grant"}', // a server in trouble says anything
  };

  test('nobody notices while the access token is still valid', async () => {
    const { clock, events, family, call } = await world.signIn();
    clock.stop(); // Retry-After does not pass by itself while the calls are made
    clock.ahead += 285_000;
    void world.server.hiccup(unavailable);
    const before = world.server.requests.token;
    expect(await Promise.all(times(20, call))).toEqual(Array.from({ length: 20 }, () => 200));
    expect(await call()).toBe(200);
    expect(world.server.requests.token - before).toBe(1);
    expect(events).toEqual(['refreshFailed']);
    clock.ahead += 8_000;
    expect(await call()).toBe(200);
    expect(family).toMatchObject({ refreshes: 1, spent: 1, reuses: 0 });
  });

  test('no request is sent before Retry-After has passed, and the session is kept', async () => {
    const { clock, events, family, call, endAccessToken } = await world.signIn();
    clock.stop();
    await endAccessToken();
    void world.server.hiccup(unavailable);
    const before = world.server.requests.token;
    const failures = await Promise.all(times(20, () => call().catch((error: unknown) => error)));
    const failure = { code: 'ERR_REFRESH_FAILED', sent: false, status: 503 };
    expect(failures).toMatchObject(times(20, () => failure));
    await expect(call()).rejects.toMatchObject({ code: 'ERR_REFRESH_FAILED' });
    expect(world.server.requests.token - before).toBe(1);
    clock.ahead += 7_001;
    expect(await call()).toBe(200);
    expect(family).toMatchObject({ refreshes: 1, spent: 1, reuses: 0 });
    expect(events).toEqual(['refreshFailed', 'refreshed']);
  });
});

describe('the connection dies before the server sees the refresh', () => {
  test('a valid access token is used on; one careful attempt when it has ended', async () => {
    const { clock, family, call, endAccessToken } = await world.signIn();
    clock.ahead += 285_000;
    void world.server.hiccup({ drop: 'before' });
    const before = world.server.requests.token;
    expect(await Promise.all(times(20, call))).toEqual(Array.from({ length: 20 }, () => 200));
    expect(world.server.requests.token - before).toBe(1);
    await endAccessToken();
    expect(await Promise.all(times(20, call))).toEqual(Array.from({ length: 20 }, () => 200));
    expect(world.server.requests.token - before).toBe(2);
    expect(family).toMatchObject({ refreshes: 1, spent: 1, reuses: 0 });
  });

  test('without a valid access token the error says that it was sent, and the next call succeeds', async () => {
    const { family, call, endAccessToken } = await world.signIn();
    await endAccessToken();
    void world.server.hiccup({ drop: 'before' });
    await expect(call()).rejects.toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
    expect(await call()).toBe(200);
    expect(family).toMatchObject({ refreshes: 1, spent: 1, reuses: 0 });
  });
});

describe.each([{ drop: 'after' }, { truncate: true }] as const)('the response is lost: %o', (hiccup) => {
  test('a valid access token is used to its end; then the server ends the session, and the reason says why', async () => {
    const { clock, events, family, call, endAccessToken } = await world.signIn();
    clock.ahead += 285_000;
    void world.server.hiccup(hiccup);
    const before = world.server.requests.token;
    expect(await Promise.all(times(20, call))).toEqual(Array.from({ length: 20 }, () => 200));
    expect(world.server.requests.token - before).toBe(1);
    expect(family).toMatchObject({ spent: 1, reuses: 0 });
    await endAccessToken();
    const failures = await Promise.all(times(20, () => call().catch((error: unknown) => error)));
    expect(new Set(failures).size).toBe(1);
    expect(failures[0]).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'response_lost' });
    expect(world.server.requests.token - before).toBe(2);
    expect(family).toMatchObject({ spent: 1, reuses: 1, familiesRevoked: 1 });
    expect(events).toEqual(['refreshFailed', 'sessionEnded']);
  });
});

test('a refresh token does not follow a redirect', async () => {
  let visits = 0;
  const elsewhere = await listen((_, response) => {
    visits += 1;
    response.end();
  });
  const { family, call, endAccessToken } = await world.signIn();
  await endAccessToken();
  void world.server.hiccup({ status: 307, headers: { location: `${elsewhere.origin}/token` } });
  await expect(call()).rejects.toMatchObject({ code: 'ERR_REFRESH_FAILED' });
  expect(visits).toBe(0);
  expect(family.spent).toBe(0);
  await elsewhere.close();
});

test('one of many callers aborts during the refresh: no other caller is affected', async () => {
  const { manager, family, call, endAccessToken } = await world.signIn();
  await endAccessToken();
  const { opened, open } = gate();
  const sent = world.server.hiccup({ hold: 'before', until: opened });
  const controller = new AbortController();
  const impatient = manager.fetch(world.api.url, { signal: controller.signal });
  const others = times(10, call);
  await sent;
  controller.abort();
  await expect(impatient).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  open();
  expect(await Promise.all(others)).toEqual(Array.from({ length: 10 }, () => 200));
  expect(family).toMatchObject({ refreshes: 1, reuses: 0 });
});

test('all callers abort during the refresh: its successor is kept', async () => {
  const { manager, tokens, family, call, endAccessToken } = await world.signIn();
  await endAccessToken();
  const { opened, open } = gate();
  const sent = world.server.hiccup({ hold: 'after', until: opened });
  const controller = new AbortController();
  const impatient = manager.fetch(world.api.url, { signal: controller.signal });
  await sent;
  controller.abort();
  await expect(impatient).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  const refreshed = new Promise((resolve) => manager.on('refreshed', resolve));
  open();
  await refreshed;
  expect((await manager.getTokens())?.refreshToken).not.toBe(tokens.refresh_token);
  expect(await call()).toBe(200);
  expect(family).toMatchObject({ refreshes: 1, reuses: 0 });
});
