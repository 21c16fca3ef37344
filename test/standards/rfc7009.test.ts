/** Token revocation. */
import { ConfigurationError, TokenManager } from 'tokenkeep';
import { clientSecretBasic } from 'tokenkeep/client-authentication';
import { expect, test } from 'vitest';
import { openManager } from '../support/open-manager.ts';
import { rejection } from '../support/promises.ts';
import { wire } from '../support/wire.ts';
import { api, as, client, done, granting, refusing } from './support/client.ts';

test.each(['http://as.test/revoke', 'https://as.test/revoke#x', '/revoke', ''])(
  '7009-01: %j is no revocation endpoint',
  (revocationEndpoint) => {
    const authorizationServer = { ...as, revocationEndpoint };
    const options = { clientId: 'app', authorizationServer, protectedResources: [api] };
    expect(() => new TokenManager(options)).toThrow(ConfigurationError);
    expect(() => new TokenManager(options)).toThrow(/^authorizationServer\.revocationEndpoint/);
  },
);

test('7009-02, 7009-03: the refresh token goes first, as a form, with the client’s authentication', async () => {
  const net = wire({ [as.revocationEndpoint]: done });
  const manager = await client(net, { clientAuthentication: clientSecretBasic('s3cret') });
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(net.sent).toHaveLength(1);
  const [{ method, headers, form } = {} as never] = net.sent;
  expect(method).toBe('POST');
  expect(headers.get('content-type')).toMatch(/^application\/x-www-form-urlencoded(;|$)/);
  expect(headers.get('authorization')).toBe(`Basic ${btoa('app:s3cret')}`);
  expect(Object.fromEntries(form)).toMatchObject({ token: 'refresh-0', token_type_hint: 'refresh_token' });
});

test('7009-02: a public client names itself', async () => {
  const net = wire({ [as.revocationEndpoint]: done });
  await (await client(net)).signOut();
  expect(net.sent[0]?.form.get('client_id')).toBe('app');
});

test('7009-03: without a refresh token, the access token is revoked', async () => {
  const net = wire({ [as.revocationEndpoint]: done });
  const manager = await client(net, {}, { access_token: 'access-0' });
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(net.sent.map(({ form }) => [form.get('token'), form.get('token_type_hint')])).toEqual([
    ['access-0', 'access_token'],
  ]);
});

test.each([
  [200, null],
  [200, '{"error":"nothing to be read here"}'],
  [200, '<html>'],
  [204, null],
])('7009-04: %d confirms, whatever the body: %j', async (status, body) => {
  const net = wire({ [as.revocationEndpoint]: () => new Response(body, { status }) });
  expect(await (await client(net)).signOut()).toEqual({ revoked: true });
  expect(net.sent).toHaveLength(1);
});

test('7009-04: a token that is dead already is revoked', async () => {
  const { server, manager } = await openManager();
  server.revokeFamily();
  expect(await manager.signOut()).toEqual({ revoked: true });
});

test('7009-05: a server that does not revoke refresh tokens is handed the access token', async () => {
  const net = wire({
    [as.revocationEndpoint]: (sent, count) =>
      sent.form.get('token_type_hint') === 'refresh_token'
        ? refusing('unsupported_token_type')(sent, count)
        : done(sent, count),
  });
  const manager = await client(net);
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(net.sent.map(({ form }) => form.get('token'))).toEqual(['refresh-0', 'access-0']);
});

test('7009-05: a server that revokes neither has confirmed nothing, and the user is signed out anyway', async () => {
  const manager = await client(wire({ [as.revocationEndpoint]: refusing('unsupported_token_type') }));
  expect(await manager.signOut()).toEqual({ revoked: false, reason: 'unsupported', status: 400 });
  expect(await manager.getTokens()).toBeUndefined();
});

test('7009-06: 503 means that the token lives: it is sent once more when the server says so', async () => {
  const busy = () => new Response(null, { status: 503, headers: { 'retry-after': '0' } });
  const net = wire({
    [as.revocationEndpoint]: (sent, count) => (count === 1 ? busy() : done(sent, count)),
  });
  expect(await (await client(net)).signOut()).toEqual({ revoked: true });
  expect(net.sent.map(({ form }) => form.get('token'))).toEqual(['refresh-0', 'refresh-0']);
});

test('7009-06: a second 503 is reported, and the user is signed out anyway', async () => {
  const busy = () => new Response(null, { status: 503, headers: { 'retry-after': '0' } });
  const net = wire({ [as.revocationEndpoint]: busy });
  const manager = await client(net);
  expect(await manager.signOut()).toEqual({ revoked: false, reason: 'refused', status: 503 });
  expect(net.sent).toHaveLength(2);
  expect(await manager.getTokens()).toBeUndefined();
});

test('7009-07: after the sign-out nothing is left of the tokens, here and in the storage', async () => {
  const { server, manager, storage, open } = await openManager();
  const tokens = await manager.getTokens();
  await manager.signOut();
  expect(server.isActive(tokens?.refreshToken ?? '')).toBe(false);
  expect(server.isActive(tokens?.accessToken ?? '')).toBe(false);
  expect(await storage.read('test-client/default')).toBeUndefined();
  for (const one of [manager, open()]) {
    expect(await rejection(one.getAccessToken())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
  }
  expect(server.counts.tokenRequests).toBe(0);
});

test('7009-07: a refresh that was in progress brings no token back; what it brings is revoked', async () => {
  const { server, clock, manager, storage } = await openManager();
  await clock.advance(400_000);
  const hold = server.hold({ commits: true });
  const waiting = rejection(manager.fetch(api));
  await hold.arrived();
  const out = manager.signOut();
  hold();
  expect(await out).toEqual({ revoked: true });
  expect(await waiting).toMatchObject({ reason: 'signed_out' });
  expect(server.isActive(server.currentRefreshToken() ?? '')).toBe(false);
  expect(await storage.read('test-client/default')).toBeUndefined();
  expect(server.counts.apiCalls).toBe(0);
});

test('7009-08: from the moment of the sign-out no call starts with the token, however long the server takes', async () => {
  const answer = Promise.withResolvers<Response>();
  const net = wire({
    [as.revocationEndpoint]: () => answer.promise,
    [as.tokenEndpoint]: granting(),
    [api]: done,
  });
  const manager = await client(net);
  const out = manager.signOut();
  expect(await rejection(manager.fetch(api))).toMatchObject({ reason: 'signed_out' });
  answer.resolve(new Response());
  expect(await out).toEqual({ revoked: true });
  expect(await rejection(manager.fetch(api))).toMatchObject({ reason: 'signed_out' });
  expect(net.sent.map(({ url }) => url)).toEqual([as.revocationEndpoint]);
});
