/** K4c: an API whose 401 has no CORS headers, so a page sees `TypeError: Failed to fetch` in its place. */
import { TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { refusals } from 'tokenkeep/testing';
import { afterEach, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';
import { api, callApi, type OpenedManager, openManager } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';

afterEach(() => vi.unstubAllGlobals());

const blocked = () => new TypeError('Failed to fetch');

/** A signed-in page. The browser hides error responses of the API from it, and all responses while the API is down. */
async function page(options: Partial<TokenManagerOptions> = {}) {
  const world = await openManager();
  const state = { isDown: false, sent: 0 };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    if (input === 'https://as.test/token') return await world.transport(input, init);
    state.sent += 1;
    if (state.isDown) throw blocked();
    const response = await world.server.fetch(input, init);
    if (!response.ok) throw blocked();
    return response;
  };
  const protectedResources = [{ url: 'https://api.test/', hides401: true }];
  const manager = world.open({ fetch, protectedResources, ...options });
  await manager.getAccessToken();
  return { ...world, manager, state };
}

const end = ({ server }: Pick<OpenedManager, 'server'>) => server.expire();

test.each(['GET', 'POST'])(
  'a %s that fails while the API rejects its token gets one refresh and no replay',
  async (method) => {
    const world = await page();
    const { manager, state, server } = world;
    end(world);
    const error = await rejection(manager.fetch(api, { method }));
    expect(error).toMatchObject({ name: 'TypeError', message: 'Failed to fetch' });
    expect(state.sent).toBe(1);
    expect(server.counts.refreshes).toBe(1);
    expect((await manager.fetch(api, { method })).status).toBe(200);
    expect(state.sent).toBe(2);
  },
);

test('many calls that fail at once have one refresh, and each gets its own error', async () => {
  const world = await page();
  end(world);
  const errors = await Promise.all(times(50, () => rejection(world.manager.fetch(api))));
  expect(errors.every((error) => error instanceof TypeError)).toBe(true);
  expect(world.server.counts.refreshes).toBe(1);
  expect(world.state.sent).toBe(50);
});

test('an API that is down for a day costs few refreshes, less and less often, and one for each token at most', async () => {
  const world = await page();
  const { manager, server, state, clock, posts } = world;
  state.isDown = true;
  for (const last = clock.now() + 86_400_000; clock.now() < last; clock.set(clock.now() + 290_000)) {
    expect(await rejection(manager.fetch(api))).toBeInstanceOf(TypeError);
    expect(await rejection(manager.fetch(api))).toBeInstanceOf(TypeError);
  }
  const ended = Math.ceil(86_400_000 / 290_000);
  console.info(`${server.counts.refreshes} refreshes in a day, ${ended} of them for tokens that had expired`);
  expect(server.counts.refreshes - ended).toBeLessThanOrEqual(30);
  expect(new Set(posts).size).toBe(posts.length);
});

test('a token that was accepted since is evidence again, without a pause', async () => {
  const world = await page();
  const { manager, server } = world;
  for (let round = 1; round <= 3; round++) {
    end(world);
    await rejection(manager.fetch(api));
    expect(server.counts.refreshes).toBe(round);
    expect((await manager.fetch(api)).status).toBe(200);
  }
});

test('an API that was down when the new token came: the pause ends, and the session continues', async () => {
  const world = await page();
  const { manager, server, state, clock } = world;
  state.isDown = true;
  await rejection(manager.fetch(api));
  await rejection(manager.fetch(api));
  expect(server.counts.refreshes).toBe(1);
  state.isDown = false;
  end(world);
  await rejection(manager.fetch(api));
  expect(server.counts.refreshes).toBe(1);
  clock.set(clock.now() + 60_000);
  await rejection(manager.fetch(api));
  expect(server.counts.refreshes).toBe(2);
  expect((await manager.fetch(api)).status).toBe(200);
});

test.each<[string, () => void, Partial<TokenManagerOptions>]>([
  ['the platform is offline', () => vi.stubGlobal('navigator', { onLine: false }), {}],
  ['the resource does not say so', () => undefined, { protectedResources: ['https://api.test/'] }],
  [
    'the resource says that it does not',
    () => undefined,
    { protectedResources: [{ url: 'https://api.test/', hides401: false }] },
  ],
])('nothing is refreshed when %s', async (_what, prepare, options) => {
  const world = await page(options);
  end(world);
  prepare();
  expect(await rejection(world.manager.fetch(api))).toBeInstanceOf(TypeError);
  expect(world.server.counts.tokenRequests).toBe(0);
});

test.each([
  ['an abort', () => AbortSignal.abort()],
  ['a timeout', () => AbortSignal.timeout(1)],
])('%s is no hidden 401', async (_what, signal) => {
  const world = await page({
    fetch: (_input, init) =>
      new Promise((_resolve, reject) => {
        if (init?.signal?.aborted) reject(init.signal.reason);
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      }),
  });
  await rejection(world.manager.fetch(api, { signal: signal() }));
  expect(world.server.counts.tokenRequests).toBe(0);
});

test('a refresh that fails leaves the caller its own error, and the next call says what is wrong', async () => {
  const world = await page();
  const { manager, server } = world;
  end(world);
  server.revokeFamily();
  expect(await rejection(manager.fetch(api))).toBeInstanceOf(TypeError);
  expect(await rejection(manager.fetch(api))).toMatchObject({
    code: 'ERR_LOGIN_REQUIRED',
    reason: 'invalid_grant',
  });
});

test('a challenge that can be seen is replayed as always', async () => {
  const { open, server } = await openManager();
  const manager = open({ protectedResources: [{ url: 'https://api.test/', hides401: true }] });
  server.expire();
  expect(await callApi(manager)).toBe(200);
  expect(server.counts).toMatchObject({ refreshes: 1, apiCalls: 2 });
  server.fail({ response: refusals.github }, { on: 'api' });
  expect(await callApi(manager)).toBe(200);
});

test.each([['yes'], [1], [null]])('hides401 that is %j is refused', (hides401) => {
  const make = () =>
    new TokenManager({
      clientId: 'app',
      authorizationServer: { tokenEndpoint: 'https://as.test/token' },
      protectedResources: [{ url: 'https://api.test/', hides401: hides401 as never }],
    });
  expect(make).toThrow(explained('protectedResources[0].hides401 must be true or false.'));
});
