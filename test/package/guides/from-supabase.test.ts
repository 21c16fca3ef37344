/** The session of the real auth-js of Supabase, and how examples/from-supabase/ takes it over. */
import { AuthClient } from '@supabase/auth-js';
import { memoryStorage } from 'tokenkeep';
import { authorizationServer, type TestAuthorizationServer } from 'tokenkeep/testing';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { legacySession } from '../../../examples/from-supabase/legacy-session.ts';
import { openSession, signOut } from '../../../examples/from-supabase/session.ts';
import { times } from '../../support/promises.ts';
import { outcome } from './support/legacy-place.ts';
import { MemoryWebStorage } from './support/web-storage.ts';

const url = 'https://abcdefgh.supabase.test';
const name = 'sb-abcdefgh-auth-token';
const key = 'publishable-key';
const seconds = () => Math.floor(Date.now() / 1_000);

let server: TestAuthorizationServer;
let store: MemoryWebStorage;
/** Refreshes: what was sent, and what comes back in place of tokens. */
let sent: Record<string, unknown>[];
let troubles: (() => Response)[];
let logouts: string[];
beforeEach(() => {
  server = authorizationServer({ issuer: url, tokenEndpoint: `${url}/token`, apiOrigin: url });
  store = new MemoryWebStorage();
  [sent, troubles, logouts] = [[], [], []];
  vi.stubGlobal('fetch', gotrue);
});

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** Its access tokens are JWTs that say which project has issued them. The server's own stand inside. */
const jwt = (token: unknown, iss = `${url}/auth/v1`) =>
  `${base64url({ alg: 'ES256' })}.${base64url({ token, iss, exp: seconds() + 3_600 })}.c2ln`;
const plain = (text = '') => JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()).token;
const sessionOf = ({ access_token, refresh_token, expires_in }: Record<string, unknown>) => ({
  access_token: jwt(access_token),
  refresh_token,
  expires_in,
  expires_at: seconds() + Number(expires_in),
  token_type: 'bearer',
  user: { id: 'user-1', email: 'ada@example.com' },
});

/** Supabase Auth as it answers: JSON both ways, only with the key, and codes of its own. */
async function gotrue(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const { pathname, searchParams } = new URL(request.url);
  const bearer = request.headers.get('authorization')?.slice(7);
  if (pathname === '/auth/v1/logout') {
    logouts.push(plain(bearer));
    server.revokeFamily(plain(bearer));
    return new Response(null, { status: 204 });
  }
  if (pathname !== '/auth/v1/token') {
    return await server.fetch(request.url, { headers: { authorization: `Bearer ${plain(bearer)}` } });
  }
  if (request.headers.get('apikey') !== key)
    return Response.json({ message: 'No API key found' }, { status: 401 });
  if (searchParams.get('grant_type') === 'password') return Response.json(sessionOf(server.signIn()));
  const body = await request.json();
  sent.push(body);
  const trouble = troubles.shift();
  if (trouble) return trouble();
  const parameters = {
    grant_type: 'refresh_token',
    refresh_token: body.refresh_token,
    client_id: 'test-client',
  };
  const answer = await server.fetch(server.metadata.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams(parameters),
  });
  if (answer.ok) return Response.json(sessionOf(await answer.json()));
  const code = 'refresh_token_already_used';
  const headers = { 'x-supabase-api-version': '2024-01-01' };
  return Response.json({ code, message: 'Invalid Refresh Token: Already Used' }, { status: 400, headers });
}

/** The old code of a tab. */
function oldCode(): InstanceType<typeof AuthClient> {
  const storage = store;
  return new AuthClient({
    url: `${url}/auth/v1`,
    headers: { apikey: key },
    storageKey: name,
    storage,
    autoRefreshToken: false,
  });
}
async function logIn(): Promise<void> {
  const { error } = await oldCode().signInWithPassword({ email: 'ada@example.com', password: 'x' });
  expect(error).toBeNull();
}
const storage = () => memoryStorage();
const project = { url, key, reuseInterval: 0 };
const open = (kept = storage()) => openSession({ ...project, store, storage: kept });
const dropped = () => {
  throw new TypeError('fetch failed');
};

describe('before', () => {
  test('after network errors the same refresh token is sent three times', async () => {
    await logIn();
    troubles = [dropped, dropped];
    await oldCode().refreshSession();
    expect(new Set(sent.map(({ refresh_token }) => refresh_token)).size).toBe(1);
    expect(sent).toHaveLength(3);
  });

  test('a 429 that meets an expired access token erases the session', async () => {
    await logIn();
    store.setItem(
      name,
      (store.getItem(name) ?? '').replace(/"expires_at":\d+/, `"expires_at":${seconds() - 60}`),
    );
    troubles = [() => Response.json({ code: 'over_request_rate_limit' }, { status: 429 })];
    await oldCode().getSession();
    expect(store.getItem(name)).toBeNull();
  });
});

describe('after', () => {
  test('users stay signed in: tabs that start at once, an expiry, one refresh with all that it needs', async () => {
    await logIn();
    const kept = storage();
    const tabs = await Promise.all(times(3, () => open(kept)));
    expect(tabs.map(({ taken }) => taken.outcome).sort()).toEqual(['imported', 'nothing', 'nothing']);
    expect(store.length).toBe(0);
    server.expire();
    const calls = tabs.flatMap(({ manager }) =>
      times(5, () => outcome(manager.fetch(`${url}/rest/v1/orders`))),
    );
    expect(await Promise.all(calls)).toEqual(times(15, () => 200));
    expect(sent).toEqual([expect.objectContaining({ refresh_token: expect.any(String) })]);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
    expect(await tabs[0]?.manager.getTokens()).toMatchObject({ extra: { user: { id: 'user-1' } } });
    expect((await oldCode().getSession()).data.session).toBeNull();
  });

  test('a 429 ends no session, and a grant that is dead does, whatever it is called', async () => {
    await logIn();
    const { manager } = await open();
    server.expire();
    troubles = [() => Response.json({ code: 'over_request_rate_limit' }, { status: 429 })];
    expect(await outcome(manager.fetch(`${url}/rest/v1/orders`))).toBe('ERR_REFRESH_FAILED');
    expect(await manager.getTokens()).toBeDefined();
    const { manager: other } = await again();
    server.revokeFamily();
    const ended = other.fetch(`${url}/rest/v1/orders`);
    await expect(ended).rejects.toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
  });

  async function again() {
    await logIn();
    return await open();
  }

  test('a sign-out reaches Supabase', async () => {
    const { manager } = await again();
    await signOut(manager, { ...project, store });
    expect(logouts).toHaveLength(1);
    expect(server.isActive(logouts[0] ?? '')).toBe(false);
    expect(await manager.getTokens()).toBeUndefined();
  });

  test.each([
    ['not well-formed', () => 'null'],
    ['not well-formed', () => '{"access_token":"ey'],
    ['no access token', () => '{}'],
    [
      'no refresh token',
      () => JSON.stringify({ ...JSON.parse(store.getItem(name) ?? ''), refresh_token: null }),
    ],
    [
      'another project',
      () => JSON.stringify({ access_token: jwt('x', 'https://other.test'), refresh_token: 'r' }),
    ],
    ['another project', () => JSON.stringify({ access_token: 'opaque', refresh_token: 'r' })],
  ])('%s: refused, and left alone', async (reason, text) => {
    await logIn();
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    store.setItem(name, text());
    const { taken } = await open();
    expect(taken).toEqual({ outcome: 'refused', reason: expect.stringContaining(reason) });
    expect(store.getItem(name)).not.toBeNull();
  });

  test('a name of one’s own', () => {
    store.setItem('my-auth', '{}');
    expect(legacySession(url, store, 'my-auth').read()).toMatchObject({ refused: expect.any(String) });
  });
});
