/**
 * Tests the certified server that the other tests of this folder rely on: it does what they need, counts, and fails
 * on request. Everything by plain `fetch`, without tokenkeep.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type {
  CertifiedServer,
  ClientName,
  ProtectedApi,
  WireTokens,
} from '../../support/certified-server/index.ts';
import {
  authenticated,
  logIn,
  startCertifiedServer,
  startProtectedApi,
} from '../../support/certified-server/index.ts';

const jwtResource = 'https://jwt.example/';
const opaqueResource = 'https://opaque.example/';
let server: CertifiedServer;
let api: ProtectedApi;

beforeAll(async () => {
  server = await startCertifiedServer({
    resources: [
      { indicator: jwtResource, scope: 'read', format: 'jwt' },
      { indicator: opaqueResource, scope: 'read write' },
    ],
  });
  api = await startProtectedApi({ introspect: server.validate });
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await Promise.all([server.close(), api.close()]);
});

interface Answer extends Partial<WireTokens> {
  readonly status: number;
  readonly error?: string;
}

async function post(
  endpoint: string,
  client: ClientName,
  parameters: Record<string, string>,
): Promise<Answer> {
  const response = await fetch(endpoint, authenticated(server, client, parameters));
  const body = await response.text();
  return { status: response.status, ...(body === '' ? {} : JSON.parse(body)) };
}
const refresh = (refreshToken = '', parameters: Record<string, string> = {}, client: ClientName = 'public') =>
  post(server.tokenEndpoint, client, {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    ...parameters,
  });
const call = (token: string, init: RequestInit & { path?: string } = {}) =>
  fetch(`${api.url}${init.path ?? ''}`, { ...init, headers: { authorization: `Bearer ${token}` } });

test.each(['public', 'basic', 'post', 'key'] as const)(
  'a user logs in to the %s client with code and PKCE',
  async (client) => {
    const tokens = await logIn({ server, client, user: 'grace' });
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 300 });
    expect(tokens.scope).toBe('openid offline_access read write profile');
    expect(await server.introspect(tokens.access_token)).toMatchObject({
      active: true,
      sub: 'grace',
      client_id: server.clients[client].clientId,
    });
  },
);

test('a login without PKCE is refused', async () => {
  const { clients, redirectUri, authorizationEndpoint } = server;
  const query = new URLSearchParams({
    client_id: clients.public.clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
  });
  const response = await fetch(`${authorizationEndpoint}?${query}`, { redirect: 'manual' });
  const location = new URL(response.headers.get('location') ?? '');
  expect(location.searchParams.get('error')).toBe('invalid_request');
});

test.each(['basic', 'post'] as const)('a wrong secret of the %s client is refused', async (client) => {
  const { refresh_token } = await logIn({ server, client });
  const others = {
    ...server,
    clients: { ...server.clients, [client]: { ...server.clients[client], clientSecret: 'no' } },
  };
  const response = await fetch(
    server.tokenEndpoint,
    authenticated(others as CertifiedServer, client, { grant_type: 'refresh_token', refresh_token }),
  );
  expect(response.status).toBe(401);
  expect(await refresh(refresh_token, {}, client)).toMatchObject({ status: 200 });
});

test('a refresh rotates the refresh token, and the counters show a chain', async () => {
  const tokens = await logIn({ server });
  const family = await server.family(tokens.refresh_token);
  const second = await refresh(tokens.refresh_token);
  const third = await refresh(second.refresh_token);
  expect(new Set([tokens, second, third].map((answer) => answer.refresh_token)).size).toBe(3);
  expect(family).toEqual({
    logins: 1,
    refreshes: 2,
    refusals: 0,
    spent: 2,
    reuses: 0,
    chain: 2,
    familiesRevoked: 0,
    revocations: 0,
    accessTokens: 3,
  });
});

test('a refresh token that comes twice kills its family, and no other', async () => {
  const [tokens, bystander] = [await logIn({ server }), await logIn({ server })];
  const family = await server.family(tokens.refresh_token);
  const successor = await refresh(tokens.refresh_token);
  expect(await refresh(tokens.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' });
  expect(family).toMatchObject({ refreshes: 1, spent: 1, reuses: 1, familiesRevoked: 1 });
  expect(await server.introspect(successor.access_token ?? '')).toEqual({ active: false });
  expect(await refresh(successor.refresh_token)).toMatchObject({ status: 400, error: 'invalid_grant' });
  expect(await refresh(bystander.refresh_token)).toMatchObject({ status: 200 });
});

test('five refreshes with one token at once: one answer, a dead family', async () => {
  const { refresh_token } = await logIn({ server });
  const family = await server.family(refresh_token);
  const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(refresh_token)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400]);
  expect(family).toMatchObject({ refreshes: 1, spent: 1 });
  expect(family.familiesRevoked).toBeGreaterThan(0);
});

test('without rotation the same refresh token works forever', async () => {
  const lenient = await startCertifiedServer({ rotation: false });
  const { refresh_token } = await logIn({ server: lenient });
  const request = { grant_type: 'refresh_token', refresh_token };
  const twice = [1, 2].map(async () => {
    const response = await fetch(lenient.tokenEndpoint, authenticated(lenient, 'public', request));
    return ((await response.json()) as WireTokens).refresh_token;
  });
  expect(await Promise.all(twice)).toEqual([refresh_token, refresh_token]);
  expect(lenient.counters).toMatchObject({ refreshes: 2, spent: 0, reuses: 0, familiesRevoked: 0 });
  await lenient.close();
});

test('a refresh may ask for less and later for everything again', async () => {
  const tokens = await logIn({ server });
  const narrow = await refresh(tokens.refresh_token, { scope: 'read' });
  expect(narrow.scope).toBe('read');
  const full = await refresh(narrow.refresh_token);
  expect(full.scope).toBe(tokens.scope);
  expect((await refresh(full.refresh_token, { scope: 'admin' })).error).toBe('invalid_scope');
});

test('revoking a refresh token ends both tokens', async () => {
  const { access_token, refresh_token } = await logIn({ server });
  const family = await server.family(refresh_token);
  expect(await post(server.revocationEndpoint, 'public', { token: refresh_token })).toEqual({ status: 200 });
  expect(await server.introspect(access_token)).toEqual({ active: false });
  expect(await server.introspect(refresh_token)).toEqual({ active: false });
  expect(family).toMatchObject({ revocations: 1, familiesRevoked: 0 });
});

test('tokens for named resources: a JWT for one, an opaque one for the other, from one refresh token', async () => {
  const tokens = await logIn({ server, resource: [jwtResource, opaqueResource] });
  expect(await server.validate(tokens.access_token)).toMatchObject({
    active: true,
    aud: jwtResource,
    scope: 'read',
  });
  const other = await refresh(tokens.refresh_token, { resource: opaqueResource });
  expect(await server.introspect(other.access_token ?? '')).toMatchObject({
    active: true,
    aud: opaqueResource,
  });
  expect((await call(tokens.access_token)).status).toBe(200);
  expect((await call(`${tokens.access_token}x`)).status).toBe(401);
  const unknown = await refresh(other.refresh_token, { resource: 'https://unknown.example/' });
  expect(unknown.error).toBe('invalid_target');
});

test('an access token that is ended early is dead, its refresh token is not', async () => {
  const { access_token, refresh_token } = await logIn({ server });
  await server.endAccessToken(access_token);
  expect((await call(access_token)).status).toBe(401);
  expect(await refresh(refresh_token)).toMatchObject({ status: 200 });
});

test('the lifetime of access tokens can change while the server runs', async () => {
  server.accessTokensLive(7);
  expect((await logIn({ server })).expires_in).toBe(7);
  server.accessTokensLive(300);
  expect((await logIn({ server, resource: [jwtResource] })).expires_in).toBe(300);
});

test('the API asks for a token, rejects a dead one, and wants the right scope', async () => {
  const { access_token } = await logIn({ server, scope: 'openid offline_access read' });
  const anonymous = await fetch(api.url);
  expect([anonymous.status, anonymous.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="api"']);
  const dead = await call('dead');
  expect(dead.headers.get('www-authenticate')).toContain('error="invalid_token"');
  const forbidden = await call(access_token, { method: 'POST', body: 'x' });
  expect(forbidden.status).toBe(403);
  expect(forbidden.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="write"');
  expect((await call(access_token, { path: 'profile' })).status).toBe(403);
  expect(await (await call(access_token)).json()).toMatchObject({
    user: 'ada',
    scope: 'openid offline_access read',
  });
});

test('the API echoes a body byte for byte and counts for each token', async () => {
  const { access_token } = await logIn({ server });
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const answer = await call(access_token, { method: 'PUT', body: bytes });
  expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes);
  const generation = Number(answer.headers.get('x-token-generation'));
  expect(api.generations[generation - 1]).toEqual({ calls: 1, ok: 1, rejected: 0, forbidden: 0 });
});

test('the API can hold a request until its token is dead', async () => {
  const { access_token } = await logIn({ server });
  const hold = api.hold();
  const late = call(access_token);
  await hold.arrived;
  expect((await call(access_token)).status).toBe(200);
  await server.endAccessToken(access_token);
  hold.release();
  expect((await late).status).toBe(401);
});

test('hiccup: an answer without the server', async () => {
  const { refresh_token } = await logIn({ server });
  const family = await server.family(refresh_token);
  const happened = server.hiccup({ status: 503, headers: { 'retry-after': '1' }, body: '{}' });
  expect(await refresh(refresh_token)).toEqual({ status: 503 });
  await happened;
  expect(family).toMatchObject({ spent: 0, refusals: 0 });
});

test('hiccup: the connection dies before the server sees the request', async () => {
  const { refresh_token } = await logIn({ server });
  const family = await server.family(refresh_token);
  const happened = server.hiccup({ drop: 'before' });
  await expect(refresh(refresh_token)).rejects.toThrow(TypeError);
  await happened;
  expect(family.spent).toBe(0);
  expect(await refresh(refresh_token)).toMatchObject({ status: 200 });
});

test.each([{ drop: 'after' }, { truncate: true }] as const)(
  'hiccup: the connection dies after the server has acted: %o',
  async (hiccup) => {
    const { refresh_token } = await logIn({ server });
    const family = await server.family(refresh_token);
    const happened = server.hiccup(hiccup);
    await expect(refresh(refresh_token)).rejects.toThrow(TypeError);
    await happened;
    expect(family).toMatchObject({ refreshes: 1, spent: 1 });
  },
);

test.each(['before', 'after'] as const)('hiccup: held %s the server acts', async (hold) => {
  const { refresh_token } = await logIn({ server });
  const family = await server.family(refresh_token);
  let release = () => {};
  const until = new Promise<void>((resolve) => {
    release = resolve;
  });
  const happened = server.hiccup({ hold, until });
  const answer = refresh(refresh_token);
  await happened;
  expect(family.spent).toBe(hold === 'before' ? 0 : 1);
  release();
  expect(await answer).toMatchObject({ status: 200, token_type: 'Bearer' });
});

test('hiccup: at the revocation endpoint, the token endpoint left alone', async () => {
  const { refresh_token } = await logIn({ server });
  const before = { ...server.requests };
  void server.hiccup({ status: 503, at: 'revocation' });
  const { refresh_token: successor = '' } = await refresh(refresh_token);
  expect(await post(server.revocationEndpoint, 'public', { token: successor })).toEqual({ status: 503 });
  expect(await post(server.revocationEndpoint, 'public', { token: successor })).toEqual({ status: 200 });
  expect(server.requests).toEqual({ token: before.token + 1, revocation: before.revocation + 2 });
});
