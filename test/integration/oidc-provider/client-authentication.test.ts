/**
 * Client authentication at a certified server over TLS, with real secrets, keys and certificates: log in, call, refresh, sign
 * out. The server accepts each assertion once.
 */
import { discover, memoryStorage, none, TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { tlsClientAuth } from 'tokenkeep/client-authentication';
import { completeLogin, startLogin } from 'tokenkeep/login';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  browse,
  type Certificate,
  type CertifiedServer,
  type ProtectedApi,
  startCertifiedServer,
  startProtectedApi,
} from '../../support/certified-server/index.ts';
import { rejection } from '../../support/promises.ts';
import {
  agentWith,
  bound,
  certificates,
  clients,
  closeAgents,
  presenting,
  tls,
  trustServer,
} from './support/authenticated-clients.ts';

interface World {
  readonly server: CertifiedServer;
  readonly api: ProtectedApi;
}
const formats = ['opaque', 'jwt'] as const;
const resourceOf = (format: string) => `https://${format}.example/`;
const worlds = new Map<boolean, World>();
beforeAll(async () => {
  trustServer();
  for (const rotation of [true, false]) {
    const server = await startCertifiedServer({
      tls,
      rotation,
      resources: formats.map((format) => ({ indicator: resourceOf(format), scope: 'read', format })),
      moreClients: [
        ...clients.map(({ name, metadata }) => ({ client_id: name, ...metadata })),
        { client_id: 'public, bound', token_endpoint_auth_method: 'none', ...bound },
      ],
    });
    worlds.set(rotation, { server, api: await startProtectedApi({ introspect: server.validate, tls }) });
  }
});
afterAll(async () => {
  for (const { server, api } of worlds.values()) {
    expect(server.errors).toEqual([]);
    await Promise.all([server.close(), api.close()]);
  }
  await closeAgents();
});
const worldOf = (rotation: boolean) => worlds.get(rotation) as World;

/** Logs in with the client's own authentication, and keeps the session. */
async function logIn({ server, api }: World, options: Partial<TokenManagerOptions>, format: string) {
  const client = {
    clientId: '',
    authorizationServer: discover(server.issuer),
    pending: new Map<string, string>(),
    ...options,
  };
  const { redirectUri } = server;
  const request = {
    redirectUri,
    scope: ['openid', 'offline_access', 'read'],
    resource: [resourceOf(format)],
  };
  const parameters = { prompt: 'consent', login_hint: 'ada' };
  const { url } = await startLogin({ ...client, ...request, parameters });
  const { tokens } = await completeLogin(client, await browse(url, redirectUri));
  const { pending: _, ...own } = client;
  const open = (more: Partial<TokenManagerOptions> = {}) =>
    new TokenManager({ ...own, protectedResources: [api.url], ...more });
  return { tokens, open, family: await server.family(tokens.refreshToken ?? '') };
}

const cases = clients.flatMap((client) =>
  [true, false].flatMap((rotation) => formats.map((format) => ({ ...client, rotation, format }))),
);

describe('the right credentials', () => {
  test.each(cases)('$name, rotation: $rotation, access tokens: $format', async (client) => {
    const world = worldOf(client.rotation);
    const { right: clientAuthentication, certificate } = client;
    const fetch = presenting(certificate);
    const options = { clientId: client.name, clientAuthentication, fetch };
    const { tokens, open, family } = await logIn(world, options, client.format);
    await using manager = open();
    const rejected: unknown[] = [];
    manager.on('idTokenRejected', (event) => void rejected.push(event));
    await manager.setTokens(tokens);
    expect(tokens.accessToken.split('.').length === 3).toBe(client.format === 'jwt');
    for (const refreshes of [0, 1, 2]) {
      const response = await manager.fetch(world.api.url);
      expect([response.status, family.refreshes]).toEqual([200, refreshes]);
      expect(await response.json()).toMatchObject({ user: 'ada', scope: 'read' });
      await manager.getAccessToken({ rejectedToken: (await manager.getTokens())?.accessToken ?? '' });
    }
    // Each refresh has brought an ID token, of the user who logged in (OIDC-01).
    expect(rejected).toEqual([]);
    expect((await manager.getTokens())?.idToken).not.toBe(tokens.idToken);
    expect(family).toMatchObject({ refreshes: 3, refusals: 0, reuses: 0, spent: client.rotation ? 3 : 0 });
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(family.revocations).toBe(1);
  });
});

describe('wrong credentials end no session (6749-12, law only-the-server-ends-it)', () => {
  test.each(clients)('$name', async (client) => {
    const world = worldOf(true);
    const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
    const storage = memoryStorage();
    const { right: clientAuthentication, certificate, wrongCertificate } = client;
    const options = {
      clientId: client.name,
      clientAuthentication,
      fetch: presenting(certificate),
      storage,
      clock,
    };
    const { tokens, open, family } = await logIn(world, options, 'opaque');
    await using wrong = open({ clientAuthentication: client.wrong, fetch: presenting(wrongCertificate) });
    await wrong.setTokens(tokens);
    const refused = await rejection(wrong.getAccessToken({ rejectedToken: tokens.accessToken }));
    expect(refused).toMatchObject({ code: 'ERR_REFRESH_FAILED', error: 'invalid_client', sent: false });
    expect([400, 401]).toContain(refused['status']);
    expect(family).toMatchObject({ spent: 0, reuses: 0, familiesRevoked: 0 });
    clock.ahead += 60_000;
    await using manager = open();
    await manager.getAccessToken({ rejectedToken: tokens.accessToken });
    expect(family).toMatchObject({ refreshes: 1, reuses: 0, familiesRevoked: 0 });
  });

  test('a certificate that is not presented at all', async () => {
    const { server, api } = worldOf(true);
    const options = { clientId: 'tls_client_auth', clientAuthentication: tlsClientAuth() };
    const { tokens, open } = await logIn(
      { server, api },
      { ...options, fetch: presenting(certificates.mine) },
      'opaque',
    );
    await using manager = open({ fetch: presenting(undefined) });
    await manager.setTokens(tokens);
    const refused = await rejection(manager.getAccessToken({ rejectedToken: tokens.accessToken }));
    expect(refused).toMatchObject({ code: 'ERR_REFRESH_FAILED', error: 'invalid_client' });
    expect((await manager.getTokens())?.refreshToken).toBe(tokens.refreshToken);
  });
});

describe('a certificate (8705-01, 8705-02, 8705-03)', () => {
  const mine = { clientId: 'tls_client_auth', clientAuthentication: tlsClientAuth() };

  test.each(formats)(
    'is what an %s token is bound to: with another one the API takes no token',
    async (format) => {
      const { server, api } = worldOf(true);
      const options = { ...mine, fetch: presenting(certificates.mine) };
      const { tokens, open } = await logIn({ server, api }, options, format);
      const call = async (certificate?: Certificate) => {
        const headers = { authorization: `Bearer ${tokens.accessToken}` };
        return (await presenting(certificate)(api.url, { headers })).status;
      };
      expect([await call(certificates.mine), await call(certificates.other), await call()]).toEqual([
        200, 401, 401,
      ]);
      await using manager = open();
      await manager.setTokens(tokens);
      expect((await manager.fetch(api.url)).status).toBe(200);
    },
  );

  test('goes to the aliases: at the ordinary endpoint nobody asks for it', async () => {
    const { server, api } = worldOf(true);
    const options = { ...mine, fetch: presenting(certificates.mine) };
    const { tokens, open } = await logIn({ server, api }, options, 'opaque');
    const { issuer, tokenEndpoint } = server;
    await using manager = open({ authorizationServer: { issuer, tokenEndpoint } });
    await manager.setTokens(tokens);
    const refused = await rejection(manager.getAccessToken({ rejectedToken: tokens.accessToken }));
    expect(refused).toMatchObject({ code: 'ERR_REFRESH_FAILED', error: 'invalid_client' });
  });

  test('binds the refresh tokens of public clients as well: with another one they are refused', async () => {
    const { server, api } = worldOf(true);
    const options = { clientId: 'public, bound', clientAuthentication: tlsClientAuth() };
    const fetch = presenting(certificates.self);
    const { tokens, open, family } = await logIn({ server, api }, { ...options, fetch }, 'jwt');
    await using manager = open();
    await manager.setTokens(tokens);
    await manager.getAccessToken({ rejectedToken: tokens.accessToken });
    expect((await manager.fetch(api.url)).status).toBe(200);
    expect(family).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('of a server that nobody vouches for: nothing is sent, the session is kept', async () => {
    const { server, api } = worldOf(true);
    const options = { ...mine, fetch: presenting(certificates.mine) };
    const { tokens, open, family } = await logIn({ server, api }, options, 'opaque');
    const dispatcher = agentWith({ ...certificates.mine, ca: certificates.self.cert });
    await using manager = open({
      authorizationServer: { issuer: server.issuer, tokenEndpoint: server.tokenEndpoint },
      fetch: (input, init) => globalThis.fetch(input, { ...init, dispatcher } as RequestInit),
    });
    await manager.setTokens(tokens);
    const refused = await rejection(manager.getAccessToken({ rejectedToken: tokens.accessToken }));
    expect(refused).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
    expect(family).toMatchObject({ spent: 0, refusals: 0 });
  });
});

test('a public client over TLS, without a secret or a certificate', async () => {
  const { server, api } = worldOf(true);
  const options = { clientId: server.clients.public.clientId, clientAuthentication: none() };
  const { tokens, open } = await logIn({ server, api }, options, 'jwt');
  await using manager = open();
  await manager.setTokens(tokens);
  await manager.getAccessToken({ rejectedToken: tokens.accessToken });
  expect((await manager.fetch(api.url)).status).toBe(200);
});
