/** Best current practice for the security of OAuth 2.0. */
import { exportJWK, generateKeyPair, importJWK, jwtVerify } from 'jose';
import * as tokenkeep from 'tokenkeep';
import { privateKeyJwt } from 'tokenkeep/client-assertion';
import { authorizationServer, faults } from 'tokenkeep/testing';
import { expect, test, vi } from 'vitest';
import { openManager } from '../support/open-manager.ts';
import { rejection, times } from '../support/promises.ts';
import { wire } from '../support/wire.ts';
import { api, as, client, granting, refresh } from './support/client.ts';

const { discover } = tokenkeep;

test('9700-01: the server that all this is tested against rotates, and revokes the family of a token that comes twice', async () => {
  const server = authorizationServer();
  const { access_token, refresh_token } = server.signIn();
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: 'test-client',
    refresh_token: String(refresh_token),
  });
  const spend = () => server.fetch('https://as.test/token', { method: 'POST', body });
  const first = await spend();
  const successor = await first.json();
  expect(first.status).toBe(200);
  expect(successor.refresh_token).not.toBe(refresh_token);
  expect(server.isActive(successor.refresh_token)).toBe(true);
  expect((await spend()).status).toBe(400);
  const tokens = [access_token, refresh_token, successor.access_token, successor.refresh_token];
  expect(tokens.map((token) => server.isActive(String(token)))).toEqual([false, false, false, false]);
});

test('9700-02: a place gets a token for the scope that was named for it, and no other', async () => {
  const { server, manager } = await openManager({
    manager: {
      protectedResources: [{ url: 'https://api.test/reports', scope: ['read'] }, 'https://api.test/'],
    },
  });
  const scopeAt = async (url: string) => (await (await manager.fetch(url)).json()).scope;
  expect(await scopeAt('https://api.test/reports/7')).toEqual(['read']);
  expect(await scopeAt(api)).toEqual(['read', 'write']);
  expect(server.counts).toMatchObject({ apiRejected: 0, reuses: 0 });
});

test('9700-03: the issuer is all that has to be configured', async () => {
  const { server, manager, open } = await openManager();
  await manager.close();
  const found = open({ authorizationServer: discover(server.issuer, { fetch: server.fetch }) });
  server.expire();
  expect((await found.fetch(api)).status).toBe(200);
  expect(await found.signOut()).toEqual({ revoked: true });
  expect(server.counts).toMatchObject({ metadataRequests: 1, refreshes: 1, revocations: 1 });
});

test('9700-04: of two servers each gets its own refresh token, from one storage', async () => {
  const other = { issuer: 'https://other.test', tokenEndpoint: 'https://other.test/token' };
  const net = wire({
    [as.tokenEndpoint]: granting({ refresh_token: 'refresh-of-as' }),
    [other.tokenEndpoint]: granting({ refresh_token: 'refresh-of-other' }),
  });
  const storage = tokenkeep.memoryStorage();
  const one = await client(net, { storage, session: 'one' });
  const two = await client(
    net,
    { storage, session: 'two', authorizationServer: other },
    { access_token: 'access', refresh_token: 'refresh-0-of-other' },
  );
  for (const _ of times(2, Number)) await Promise.all([refresh(one), refresh(two)]);
  const spentAt = (url: string) => net.to(url).map(({ form }) => form.get('refresh_token'));
  expect(spentAt(as.tokenEndpoint)).toEqual(['refresh-0', 'refresh-of-as']);
  expect(spentAt(other.tokenEndpoint)).toEqual(['refresh-0-of-other', 'refresh-of-other']);
});

test('9700-05: a token that was asked for one place is sent to that place only', async () => {
  const [orders, invoices] = ['https://api.test/orders', 'https://api.test/invoices'];
  const { server, manager } = await openManager({
    manager: {
      protectedResources: [
        { url: orders, resource: orders },
        { url: invoices, resource: invoices },
      ],
    },
  });
  const calls = times(10, (index) => manager.fetch(index % 2 ? orders : invoices));
  expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(times(10, () => 200));
  expect(server.counts).toMatchObject({ refreshes: 2, apiRejected: 0, accessTokensLeaked: 0 });
});

test('9700-06: that the server ends a grant is daily life: a typed error and one event, no alarm', async () => {
  const written = (['log', 'info', 'warn', 'error'] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation(() => undefined),
  );
  const { server, clock, manager, events, call } = await openManager();
  await clock.advance(400_000);
  server.revokeFamily();
  expect(await rejection(call())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
  expect(events.map(({ type }) => type)).toEqual(['sessionEnded']);
  expect(written.flatMap(({ mock }) => mock.calls)).toEqual([]);
  await manager.setTokens(server.signIn());
  expect(await call()).toBe(200);
});

test('9700-07: a 307 with a refresh token in its body leads nowhere', async () => {
  const { server, clock, call } = await openManager();
  await clock.advance(400_000);
  server.fail(faults.redirect('https://as.test/other', 307));
  expect(await rejection(call())).toMatchObject({ code: 'ERR_REFRESH_FAILED', status: 307 });
  expect(server.counts).toMatchObject({ tokenRequests: 1, refreshTokensLeaked: 0 });
});

test('9700-08: there is no password grant and no implicit grant: refreshing is all that is done', async () => {
  const net = wire({ [as.tokenEndpoint]: granting() });
  const manager = await client(net);
  await refresh(manager);
  await manager.getAccessToken({ scope: ['read'] });
  expect(net.sent.map(({ form }) => form.get('grant_type'))).toEqual(['refresh_token', 'refresh_token']);
  expect(Object.keys(tokenkeep).filter((name) => /password|implicit/i.test(name))).toEqual([]);
});

test('9700-09: a client can prove itself with a key that never leaves it', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const known = await importJWK(await exportJWK(publicKey), 'ES256');
  const verify = async (parameters: URLSearchParams) => {
    const { payload } = await jwtVerify(parameters.get('client_assertion') ?? '', known);
    return payload.sub === 'test-client' && !parameters.has('client_secret');
  };
  const { server, call } = await openManager({
    manager: { clientAuthentication: privateKeyJwt(privateKey) },
    server: { clients: [{ clientId: 'test-client', verify }] },
  });
  server.expire();
  expect(await call()).toBe(200);
  expect(privateKey.extractable).toBe(false);
});
