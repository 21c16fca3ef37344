/** Step-up at a certified server: an API asks for more, the user signs in once more, and the call is made again. */
import { discover, type TokenEvents, TokenManager } from 'tokenkeep';
import { completeLogin, startLogin, withStepUp } from 'tokenkeep/login';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  browse,
  type CertifiedServer,
  type ProtectedApi,
  startCertifiedServer,
  startProtectedApi,
} from '../../support/certified-server/index.ts';
import { status } from './support/world.ts';

const claims = { id_token: { acr: { essential: true, value: 'gold' } } };
const challenges: Readonly<Record<string, string>> = {
  '/payments': 'error="insufficient_user_authentication", acr_values="gold", max_age="300"',
  '/vault': `realm="", error="insufficient_claims", claims="${btoa(JSON.stringify(claims))}"`,
};

let server: CertifiedServer;
let api: ProtectedApi;
beforeAll(async () => {
  server = await startCertifiedServer();
  api = await startProtectedApi({
    introspect: server.introspect,
    requires: ({ url }) => (url === '/orders' ? 'write' : 'read'),
    demands: ({ url = '' }, { acr }) =>
      acr === 'gold' || !challenges[url] ? undefined : `Bearer ${challenges[url]}`,
  });
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await Promise.all([server.close(), api.close()]);
});

/** A user who has signed in, as weakly and for as little as can be. */
async function signedIn() {
  const client = { clientId: server.clients.public.clientId, authorizationServer: discover(server.issuer) };
  const manager = new TokenManager({ ...client, protectedResources: [api.url] });
  const login = {
    ...client,
    pending: new Map<string, string>(),
    redirectUri: server.redirectUri,
    scope: ['openid', 'offline_access', 'read'],
    parameters: { prompt: 'consent' },
  };
  const logIn = async (options: typeof login) => {
    const { url } = await startLogin(options);
    const done = await completeLogin(options, await browse(url, server.redirectUri));
    await manager.setTokens(done.tokens);
    return done.idTokenClaims();
  };
  await logIn(login);
  const told: TokenEvents['stepUpRequired'][] = [];
  manager.on('stepUpRequired', (event) => told.push(event));
  const call = async (path: string) => status(await manager.fetch(new URL(path, api.url)));
  return { manager, login, logIn, told, call };
}

test.each<[string, string, object, object]>([
  [
    'a stronger and recent login',
    '/payments',
    { error: 'insufficient_user_authentication', acrValues: ['gold'], maxAge: 300 },
    { acr: 'gold', auth_time: expect.any(Number) },
  ],
  ['claims', '/vault', { error: 'insufficient_claims' }, { acr: 'gold' }],
  ['scope', '/orders', { error: 'insufficient_scope', scope: ['write'], missingScope: ['write'] }, {}],
])('%s (9470-01, 9470-02, 9470-03)', async (_what, path, asked, claimed) => {
  const { manager, login, logIn, told, call } = await signedIn();
  const refreshes = server.counters.refreshes;
  expect([401, 403]).toContain(await call(path));
  expect(told).toEqual([expect.objectContaining({ url: new URL(path, api.url).href, ...asked })]);
  expect(await call('/')).toBe(200); // the session continues with what it has
  expect(server.counters.refreshes).toBe(refreshes);

  expect(await logIn(withStepUp(login, told[0] ?? {}))).toMatchObject(claimed);
  expect(await call(path)).toBe(200);
  const { accessToken = '' } = (await manager.getTokens()) ?? {};
  await manager.getAccessToken({ rejectedToken: accessToken });
  expect(await call(path)).toBe(200); // and a refreshed token is worth as much
  expect(told).toHaveLength(1);
  expect(server.counters.reuses).toBe(0);
  await manager.close();
});
