/** Access tokens for the client itself, from a certified authorization server: nobody signs in, nothing is spent. */
import { memoryStorage, TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { clientCredentials, clientSecretBasic } from 'tokenkeep/client-authentication';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CertifiedServer, ProtectedApi } from '../../support/certified-server/index.ts';
import { startCertifiedServer, startProtectedApi } from '../../support/certified-server/index.ts';
import { times } from '../../support/promises.ts';
import { status } from './support/world.ts';

const formats = ['opaque', 'jwt'] as const;
const resourceOf = (format: string) => `https://${format}.example/`;
const secret = 'a secret that is long enough: 100%/+&=~';
const job = {
  client_id: 'nightly job',
  client_secret: secret,
  token_endpoint_auth_method: 'client_secret_basic',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
};

let server: CertifiedServer;
let api: ProtectedApi;
beforeAll(async () => {
  server = await startCertifiedServer({
    moreClients: [
      job,
      {
        ...job,
        client_id: 'a user’s app',
        grant_types: ['refresh_token', 'authorization_code'],
        redirect_uris: ['http://127.0.0.1/callback'],
        response_types: ['code'],
      },
    ],
    resources: formats.map((format) => ({ indicator: resourceOf(format), scope: 'read write', format })),
  });
  api = await startProtectedApi({ introspect: server.validate });
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await Promise.all([server.close(), api.close()]);
});

function machine(options: Partial<TokenManagerOptions> = {}) {
  const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
  const { issuer, tokenEndpoint, revocationEndpoint } = server;
  const manager = new TokenManager({
    clientId: job.client_id,
    clientAuthentication: clientSecretBasic(secret),
    authorizationServer: { issuer, tokenEndpoint, revocationEndpoint },
    grant: clientCredentials({ scope: ['read'], resource: resourceOf('opaque') }),
    protectedResources: [api.url],
    clock,
    ...options,
  });
  const { token: before } = { ...server.requests };
  return {
    manager,
    clock,
    call: async () => status(await manager.fetch(api.url)),
    /** Requests to the token endpoint since then. */
    asked: () => server.requests.token - before,
  };
}

describe.each(formats)('client credentials, %s access tokens', (format) => {
  const grant = clientCredentials({ scope: ['read'], resource: resourceOf(format) });

  test('50 calls of a manager that nobody has signed in: one request for a token', async () => {
    const { manager, call, asked } = machine({ grant });
    expect(new Set(await Promise.all(times(50, call)))).toEqual(new Set([200]));
    expect(asked()).toBe(1);
    const facts = await server.validate(await manager.getAccessToken());
    expect(facts).toMatchObject({
      active: true,
      client_id: job.client_id,
      scope: 'read',
      aud: resourceOf(format),
    });
  });

  test('50 calls at its end: one more', async () => {
    const { call, asked, clock } = machine({ grant });
    await call();
    clock.ahead += 301_000;
    expect(new Set(await Promise.all(times(50, call)))).toEqual(new Set([200]));
    expect(asked()).toBe(2);
  });
});

test('50 calls that are answered 401: one more, and each is answered', async () => {
  const { manager, call, asked } = machine();
  await call();
  const storage = memoryStorage();
  const twin = machine({ storage });
  const rejected = await manager.getAccessToken();
  await manager.signOut();
  // Another manager that still has it, as after a restart of the server.
  await twin.manager.setTokens({ access_token: rejected, expires_in: 300 });
  const before = twin.asked();
  expect(new Set(await Promise.all(times(50, twin.call)))).toEqual(new Set([200]));
  expect(twin.asked() - before).toBe(1);
  expect(asked()).toBe(2);
});

test('a scope and a resource of its own for a protected resource', async () => {
  const { manager, asked } = machine({
    protectedResources: [
      api.url,
      { url: `${api.url}reports`, scope: ['write'], resource: resourceOf('jwt') },
    ],
  });
  expect(await status(await manager.fetch(`${api.url}reports`, { method: 'POST', body: 'x' }))).toBe(200);
  expect(await status(await manager.fetch(api.url))).toBe(200);
  expect(await status(await manager.fetch(api.url, { method: 'POST', body: 'x' }))).toBe(403);
  expect(asked()).toBe(2);
});

test.each([
  ['a wrong secret', { clientAuthentication: clientSecretBasic('wrong') }, 'invalid_client'],
  ['a client that may not', { clientId: 'a user’s app' }, 'invalid_request'],
  [
    'an unknown resource',
    { grant: clientCredentials({ resource: 'https://unknown.example/' }) },
    'invalid_target',
  ],
])('%s: 20 calls, one request, one error for all of them', async (_, options, error) => {
  const { call, asked } = machine(options);
  const failures = await Promise.allSettled(times(20, call));
  for (const failure of failures) {
    expect(failure).toMatchObject({
      status: 'rejected',
      reason: { code: 'ERR_REFRESH_FAILED', error, sent: false },
    });
  }
  expect(asked()).toBe(1);
});

test('an answer that was lost is asked for once more, and the call goes through', async () => {
  const { call, asked } = machine();
  const lost = server.hiccup({ drop: 'after' } as never);
  expect(await call()).toBe(200);
  await lost;
  expect(asked()).toBe(2);
});

test('signing out revokes the token, and the next call gets another one', async () => {
  const { manager, call } = machine();
  await call();
  const token = await manager.getAccessToken();
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(await server.introspect(token)).toMatchObject({ active: false });
  expect(await call()).toBe(200);
});
