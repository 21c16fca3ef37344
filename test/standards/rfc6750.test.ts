/** Bearer tokens at a protected resource. */
import * as tokenkeep from 'tokenkeep';
import { faults, insufficientScope, testClock } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { openManager } from '../support/open-manager.ts';
import { rejection, times } from '../support/promises.ts';
import { wire } from '../support/wire.ts';
import { api, as, client, done, granting } from './support/client.ts';

const { ConfigurationError, TokenManager } = tokenkeep;
const challenged = (status: number, challenge: string) => ({
  response: { status, headers: { 'www-authenticate': challenge } },
});

test.each<[string, HeadersInit]>([
  ['an object', { Authorization: 'Basic YTpi' }],
  ['pairs', [['authorization', 'Basic YTpi']]],
  ['Headers', new Headers({ authorization: 'Basic YTpi' })],
])("6750-01: a caller's own Authorization in %s goes out alone", async (_, headers) => {
  const net = wire({ [api]: done });
  const manager = await client(net);
  await manager.fetch(api, { headers });
  expect(net.sent[0]?.headers.get('authorization')).toBe('Basic YTpi');
  expect(JSON.stringify([...(net.sent[0]?.headers ?? [])])).not.toContain('access-0');
});

test('6750-02: the token stands in the Authorization header, after Bearer and one space', async () => {
  const net = wire({ [api]: done });
  await (await client(net)).fetch(api);
  expect(net.sent[0]?.headers.get('authorization')).toBe('Bearer access-0');
});

test.each(['a\r\nX-Injected: 1', 'a b', 'a\u0000', 'ä', '\n'])(
  '6750-02: %j cannot stand in a header: not after a login, not after a refresh',
  async (access_token) => {
    const clock = testClock();
    const net = wire({ [as.tokenEndpoint]: granting({ access_token }), [api]: done });
    const manager = await client(net, { clock });
    expect(await rejection(manager.setTokens({ access_token }))).toBeInstanceOf(ConfigurationError);
    await clock.advance(400_000);
    expect(await rejection(manager.fetch(api))).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
    expect(net.sent.map(({ url }) => url)).toEqual([as.tokenEndpoint]);
  },
);

test('6750-03: no URL gets a token, neither of the API nor of the server', async () => {
  const { server, manager, call } = await openManager();
  server.expire();
  await call('https://api.test/orders?page=2');
  await manager.signOut();
  expect(server.counts.secretsInUrl).toBe(0);
  expect(server.requests.map(({ path }) => path)).toEqual(['/orders?page=2', '/orders?page=2']);
});

test('6750-05: a challenge to a call that carried no token refreshes none', async () => {
  const other = 'https://other.test/';
  const challenge = { 'www-authenticate': 'Bearer realm="other"' };
  const net = wire({ [other]: () => new Response(null, { status: 401, headers: challenge }) });
  const manager = await client(net);
  expect((await manager.fetch(other)).status).toBe(401);
  expect(net.sent.map(({ url, headers }) => [url, headers.get('authorization')])).toEqual([[other, null]]);
});

test('6750-05: nor does a challenge to a call with the caller’s own credentials', async () => {
  const { server, call } = await openManager();
  expect(await call(api, { headers: { authorization: 'Bearer of-the-caller' } })).toBe(401);
  expect(server.counts).toMatchObject({ apiCalls: 1, tokenRequests: 0 });
});

test('6750-06: invalid_token gets one new token and one more call, and the caller gets its answer', async () => {
  const { server, call } = await openManager();
  server.fail(challenged(401, 'Bearer error="invalid_token"'), { on: 'api', times: 9 });
  expect(await call()).toBe(401);
  expect(server.counts).toMatchObject({ apiCalls: 2, refreshes: 1 });
});

test('6750-07: insufficient_scope is reported with the missing scope, and refreshes nothing', async () => {
  const { server, call, events } = await openManager();
  server.fail({ response: insufficientScope('admin', 'audit') }, { on: 'api' });
  expect(await call()).toBe(403);
  expect(events).toEqual([
    {
      type: 'stepUpRequired',
      session: 'default',
      login: expect.any(String),
      url: api,
      error: 'insufficient_scope',
      scope: ['admin', 'audit'],
      missingScope: ['admin', 'audit'],
    },
  ]);
  expect(server.counts).toMatchObject({ apiCalls: 1, tokenRequests: 0 });
});

test.each<[string, Partial<tokenkeep.TokenManagerOptions>, string[], object]>([
  ['what the token has is not missing', {}, ['read', 'admin'], { missingScope: ['admin'] }],
  [
    'a token that has it all lacks nothing, and the API wants something else',
    {},
    ['read'],
    { missingScope: [] },
  ],
  [
    'the token of a place that has a narrower one is what counts, not the grant',
    { protectedResources: [{ url: 'https://api.test/', scope: ['read'] }] },
    ['read', 'write'],
    { missingScope: ['write'] },
  ],
])('6750-07: %s', async (_what, options, demanded, expected) => {
  const { server, call, events } = await openManager({ manager: options });
  server.fail({ response: insufficientScope(...demanded) }, { on: 'api' });
  expect(await call()).toBe(403);
  expect(events.find(({ type }) => type === 'stepUpRequired')).toMatchObject({
    scope: demanded,
    ...expected,
  });
});

test('6750-07: of a token whose scope nobody has said, nothing is said to be missing', async () => {
  const { server, manager, call, events } = await openManager();
  const { scope: _unsaid, ...tokens } = server.signIn();
  await manager.setTokens(tokens);
  server.fail({ response: insufficientScope('admin') }, { on: 'api' });
  expect(await call()).toBe(403);
  expect(events.at(-1)).toMatchObject({ type: 'stepUpRequired', scope: ['admin'] });
  expect(events.at(-1)).not.toHaveProperty('missingScope');
});

test.each([400, 401])('6750-08: %d invalid_request is the answer, and refreshes nothing', async (status) => {
  const { server, call, events } = await openManager();
  server.fail(challenged(status, 'Bearer error="invalid_request"'), { on: 'api' });
  expect(await call()).toBe(status);
  expect(server.counts).toMatchObject({ apiCalls: 1, tokenRequests: 0 });
  expect(events).toEqual([]);
});

test.each(['http://api.test/', 'ws://api.test/', 'ftp://api.test/'])(
  '6750-09: %s cannot be a place for tokens',
  (url) => {
    const options = { clientId: 'app', authorizationServer: as, protectedResources: [url] };
    expect(() => new TokenManager(options)).toThrow(ConfigurationError);
  },
);

test('6750-09: no token is put into a cookie, and no storage of this package would', async () => {
  const net = wire({ [as.tokenEndpoint]: granting(), [api]: done });
  const manager = await client(net);
  await manager.fetch(api);
  await manager.getAccessToken({ rejectedToken: 'access-0' });
  expect(net.sent.filter(({ headers }) => headers.has('cookie'))).toEqual([]);
  expect(Object.keys(tokenkeep).filter((name) => /cookie/i.test(name))).toEqual([]);
});

test.each([
  'https://api.test.evil.test/orders',
  'https://evil.test/https://api.test/orders',
  'https://api.test@evil.test/orders',
  'https://api.test:8443/orders',
  'http://api.test/orders',
])('6750-10: %s is not the API, and gets no token', async (url) => {
  const { server, manager } = await openManager();
  await manager.fetch(url).catch(() => undefined);
  expect(server.counts).toMatchObject({ accessTokensLeaked: 0, apiCalls: 0 });
});

test('6750-10: a redirect of the API to elsewhere takes no token along', async () => {
  const { server, manager } = await openManager();
  for (const status of [301, 302, 303, 307, 308] as const) {
    server.fail(faults.redirect('https://evil.test/orders', status), { on: 'api' });
    await expect(manager.fetch(api)).rejects.toThrow(TypeError);
  }
  expect(server.counts).toMatchObject({ accessTokensLeaked: 0, strayRequests: 5 });
});

test('6750-10: users share a manager’s options, never a token', async () => {
  const { server, manager } = await openManager();
  const users = times(3, (index) => manager.forSession(`user-${index}`));
  const tokens = users.map((_, index) => server.signIn({ subject: `user-${index}` }));
  await Promise.all(users.map((user, index) => user.setTokens(tokens[index] ?? { access_token: '' })));
  const echoes = await Promise.all(users.map(async (user) => (await user.fetch(api)).json()));
  expect(echoes.map(({ token }) => token)).toEqual(tokens.map((one) => server.idOf(one.access_token)));
});
