/** Step-up: the token is good, the login behind it is not good enough. */
import type { TokenEvents } from 'tokenkeep';
import { completeLogin, startLogin, withStepUp } from 'tokenkeep/login';
import { type Demand, insufficientUserAuthentication } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { api, openManager } from '../support/open-manager.ts';
import { times } from '../support/promises.ts';

const asked = insufficientUserAuthentication({ acrValues: 'gold silver', maxAge: 300 });
const payments = 'https://api.test/payments';

test('9470-01: the requirements are reported, nothing is refreshed, and nothing is sent again', async () => {
  const { server, call, events } = await openManager();
  server.fail({ response: asked }, { on: 'api', times: 9 });
  expect(await call(payments)).toBe(401);
  expect(events).toEqual([
    {
      type: 'stepUpRequired',
      session: 'default',
      login: expect.any(String),
      url: payments,
      error: 'insufficient_user_authentication',
      acrValues: ['gold', 'silver'],
      maxAge: 300,
    },
  ]);
  expect(server.counts).toMatchObject({ apiCalls: 1, tokenRequests: 0 });
});

test('9470-02: the application starts a login; with its tokens the same call succeeds', async () => {
  const { server, manager, call } = await openManager();
  const weak = server.currentAccessToken() ?? '';
  server.fail({ response: asked }, { on: 'api', times: 9, when: ({ token }) => token === server.idOf(weak) });
  const stepUps: unknown[] = [];
  manager.on('stepUpRequired', ({ acrValues, maxAge }) => stepUps.push({ acrValues, maxAge }));
  expect(await call(payments, { method: 'POST', body: '{"amount":12}' })).toBe(401);
  expect(stepUps).toEqual([{ acrValues: ['gold', 'silver'], maxAge: 300 }]);
  await manager.setTokens(server.signIn());
  expect(await call(payments, { method: 'POST', body: '{"amount":12}' })).toBe(200);
  expect(server.counts.tokenRequests).toBe(0);
});

test('9470-03: meanwhile the token continues to serve other calls, and the session is kept', async () => {
  const { server, manager, call, events } = await openManager();
  const token = await manager.getAccessToken();
  server.fail({ response: asked }, { on: 'api', times: 9, when: ({ path }) => path === '/payments' });
  const statuses: number[] = [];
  for (const _ of times(3, Number)) statuses.push(await call(payments), await call(api));
  expect(statuses).toEqual([401, 200, 401, 200, 401, 200]);
  expect(await manager.getAccessToken()).toBe(token);
  expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['stepUpRequired']));
  server.expire();
  expect(await call(api)).toBe(200);
});

test.each<[string, Demand, object]>([
  [
    'an authentication context and an age',
    { acrValues: ['gold', 'silver'], maxAge: 300 },
    { error: 'insufficient_user_authentication', acrValues: ['gold', 'silver'], maxAge: 300 },
  ],
  [
    'scope',
    { scope: ['read', 'payments'] },
    { error: 'insufficient_scope', scope: ['read', 'payments'], missingScope: ['payments'] },
  ],
  ['claims', { claims: { acrs: { essential: true, value: 'c1' } } }, { error: 'insufficient_claims' }],
])('9470-02: the whole circle, for %s', async (_what, demand, expected) => {
  const { server, manager, clock, call } = await openManager();
  server.demand({ path: '/payments', ...demand });
  await clock.advance(400_000); // the login is old, and so is the token
  const told: TokenEvents['stepUpRequired'][] = [];
  manager.on('stepUpRequired', (event) => told.push(event));
  const pay = () => call(payments, { method: 'POST', body: '{"amount":12}' });
  expect([401, 403]).toContain(await pay());
  expect(told).toEqual([expect.objectContaining({ url: payments, ...expected })]);

  const client = {
    clientId: 'test-client',
    authorizationServer: server.metadata,
    fetch: server.fetch,
    clock,
  };
  const pending = new Map<string, string>();
  const redirectUri = 'https://app.test/callback';
  const login = { ...client, redirectUri, pending, scope: ['openid', 'read', 'write'] };
  const { url } = await startLogin(withStepUp(login, told[0] ?? {}));
  const sentBack = await server.fetch(url, { redirect: 'manual' });
  expect(await call()).toBe(200); // while the user is away

  const { tokens, idTokenClaims } = await completeLogin(
    { ...client, pending },
    sentBack.headers.get('location') ?? '',
  );
  await manager.setTokens(tokens);
  expect(idTokenClaims()?.sub).toBe('user');
  expect(await pay()).toBe(200);
  server.expire();
  expect(await pay()).toBe(200); // a refresh keeps what the login was worth
  expect(await call()).toBe(200);
  expect(told).toHaveLength(1);
  expect(server.counts).toMatchObject({ signIns: 2, refreshes: 2, reuses: 0, secretsInUrl: 0 });
});
