/** The refresh grant on its way: sent once, to one place, and nothing of the caller's ends it. */
import { TokenManager } from 'tokenkeep';
import { faults } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { openManager, optionsFor } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';

test('step 5: once it is sent, no caller’s abort reaches it', async () => {
  const { server, open, expire } = await openManager();
  const signals: (AbortSignal | null | undefined)[] = [];
  const manager = open({
    fetch: (input, init) => {
      if (input === server.metadata.tokenEndpoint) signals.push(init?.signal);
      return server.fetch(input, init);
    },
  });
  expire();
  const held = server.hold();
  const controller = new AbortController();
  const callers = times(3, () =>
    rejection(manager.fetch('https://api.test/', { signal: controller.signal })),
  );
  await held.arrived();
  controller.abort();
  await Promise.all(callers);
  expect(signals.map((signal) => signal?.aborted)).toEqual([false]);
  held();
  await manager.close();
  expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
});

test('step 5: a redirect of the token endpoint is not followed: the second origin receives nothing', async () => {
  const { manager, server, expire } = await openManager();
  expire();
  for (const status of [301, 302, 303, 307, 308] as const) {
    server.fail(faults.redirect('https://api.test/collect', status));
  }
  expect(await rejection(manager.getAccessToken())).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    sent: false,
  });
  expect(server.counts).toMatchObject({
    apiCalls: 0,
    strayRequests: 0,
    refreshTokensLeaked: 0,
    tokenRequests: 1,
  });
});

test('N3: the grant does not go through manager.fetch, also where the token endpoint is a protected resource', async () => {
  const { server, clock, expire } = await openManager({ signedIn: false });
  const seen: (string | null)[] = [];
  const manager = new TokenManager({
    ...optionsFor(server),
    protectedResources: ['https://as.test/', 'https://api.test/'],
    clock,
    fetch: (input, init) => {
      if (input === server.metadata.tokenEndpoint) seen.push(new Headers(init?.headers).get('authorization'));
      return server.fetch(input, init);
    },
  });
  await manager.setTokens(server.signIn());
  expire();
  const statuses = await Promise.all(times(5, async () => (await manager.fetch('https://api.test/')).status));
  expect(statuses).toEqual([200, 200, 200, 200, 200]);
  expect(seen).toEqual([null]);
});

test.each([
  ['a manager', (manager: TokenManager) => manager],
  ['a manager of forSession()', (manager: TokenManager) => manager.forSession('ann')],
])('N3: the fetch of %s in the place of the platform’s does not call itself', async (_, choose) => {
  const platform = globalThis.fetch;
  const { server, clock, expire } = await openManager({ signedIn: false });
  try {
    globalThis.fetch = server.fetch;
    const root = new TokenManager({
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources: ['https://api.test/'],
      clock,
    });
    const manager = choose(root);
    globalThis.fetch = manager.fetch;
    await manager.setTokens(server.signIn());
    expire();
    expect((await fetch('https://api.test/')).status).toBe(200);
    expect(server.counts.tokenRequests).toBe(1);
  } finally {
    globalThis.fetch = platform;
  }
});

test('no transport retry: whatever fails is sent once', async () => {
  const { manager, server, expire, posts } = await openManager();
  expire();
  server.fail({ response: { status: 503, headers: { 'retry-after': '0' } } }, { times: 5 });
  await rejection(manager.getAccessToken());
  expect(posts.length).toBe(1);
});

test('a transport that throws before it returns a promise is an answer as well', async () => {
  const { open, server, expire } = await openManager();
  expire();
  let thrown = false;
  const manager = open({
    fetch: (input, init) => {
      if (input === server.metadata.tokenEndpoint && !thrown) {
        thrown = true;
        throw new TypeError('not today');
      }
      return server.fetch(input, init);
    },
  });
  expect(await rejection(manager.getAccessToken())).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
});

test('an access token of a type that cannot be sent: said so, and its refresh token is kept', async () => {
  const { manager, server, expire, record, clock } = await openManager();
  expire();
  server.fail({ members: { token_type: 'mac' } });
  expect(await rejection(manager.getAccessToken())).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    error: 'unusable token_type',
  });
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
  clock.set(clock.now() + 30_000);
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expect(server.counts).toMatchObject({ refreshes: 2, reuses: 0 });
});
