/** The tokens of the real keycloak-js, and their import by examples/from-keycloak-js/. */
import Keycloak from 'keycloak-js';
import { memoryStorage, type TokenStorage } from 'tokenkeep';
import { authorizationServer, type Fault, faults, type TestAuthorizationServer } from 'tokenkeep/testing';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { handOver, openManager } from '../../../examples/from-keycloak-js/hand-over.ts';
import { times } from '../../support/promises.ts';
import { outcome } from './support/legacy-place.ts';
import { MemoryWebStorage } from './support/web-storage.ts';

const url = 'https://login.test';
const realm = { url, realm: 'shop', clientId: 'test-client', api: 'https://api.test/' };
const endpoints = `${url}/realms/shop/protocol/openid-connect`;

let server: TestAuthorizationServer;
let storage: TokenStorage;
beforeEach(() => {
  storage = memoryStorage();
  server = authorizationServer({
    issuer: `${url}/realms/shop`,
    tokenEndpoint: `${endpoints}/token`,
    revocationEndpoint: `${endpoints}/revoke`,
  });
  vi.stubGlobal('fetch', inKeycloaksWords);
  vi.stubGlobal('window', { location: { href: 'https://app.test/' }, setTimeout, clearTimeout });
  vi.stubGlobal('localStorage', new MemoryWebStorage());
  vi.stubGlobal('isSecureContext', true);
});

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** keycloak-js reads all tokens, also the refresh token. The server's own stand inside. */
const worded = (token: unknown) => {
  const now = Math.floor(Date.now() / 1_000);
  return `${base64url({ alg: 'none' })}.${base64url({ token, iat: now, exp: now + 300 })}.`;
};
const plain = (text: string) =>
  JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()).token;

async function inKeycloaksWords(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init);
  const headers = new Headers(request.headers);
  const bearer = headers.get('authorization')?.slice(7);
  if (bearer) headers.set('authorization', `Bearer ${plain(bearer)}`);
  const body = new URLSearchParams(await request.text());
  for (const name of ['refresh_token', 'token']) {
    const token = body.get(name);
    if (token) body.set(name, plain(token));
  }
  headers.delete('content-length');
  const isPost = request.method === 'POST';
  const response = await server.fetch(request.url, {
    method: request.method,
    headers,
    ...(isPost && { body }),
  });
  const { url: _url, headers: answered, status } = response;
  const text = await response.text();
  if (!text.includes('access_token')) return new Response(text || null, { status, headers: answered });
  const { access_token, refresh_token, ...others } = JSON.parse(text);
  const tokens = {
    access_token: worded(access_token),
    ...(refresh_token && { refresh_token: worded(refresh_token) }),
  };
  return Response.json({ ...others, ...tokens, token_type: 'Bearer' });
}

/** A page whose keycloak-js has logged in. Without its frame it begins with a refresh. */
async function page(fault?: Fault): Promise<Keycloak> {
  const kc = new Keycloak({ url, realm: realm.realm, clientId: realm.clientId });
  const { access_token, refresh_token } = server.signIn();
  const tokens = { token: worded(access_token), refreshToken: worded(refresh_token) };
  if (fault) server.fail(fault);
  await kc.init({ adapter: {} as never, checkLoginIframe: false, ...tokens });
  return kc;
}
const open = () => openManager({ ...realm, storage });

describe('before', () => {
  test('an answer without a refresh token loses the one that it had', async () => {
    const kc = await page(faults.without('refresh_token'));
    await expect(kc.updateToken(-1)).rejects.toThrow('no refresh token');
  });

  test('a 400 that is about the client logs the user out', async () => {
    const kc = await page();
    server.fail(faults.oauthError('invalid_client'));
    await expect(kc.updateToken(-1)).rejects.toThrow();
    expect([kc.token, kc.authenticated]).toEqual([undefined, false]);
  });
});

describe('after', () => {
  test('the session continues in all tabs, and keycloak-js refreshes nothing any more', async () => {
    const kc = await page();
    const expired = vi.fn();
    kc.onTokenExpired = expired;
    const { refreshToken } = kc;
    const [manager, other] = [open(), open()];
    expect(await handOver(manager, kc)).toEqual({ outcome: 'imported' });
    expect(await manager.getTokens()).toMatchObject({ refreshToken, expiresAt: expect.any(Number) });
    await expect(kc.updateToken(-1)).rejects.toThrow('no refresh token');
    expect([kc.token, kc.onTokenExpired]).toEqual([undefined, undefined]);
    server.reset();
    server.expire();
    const calls = [manager, other].flatMap((one) => times(5, () => outcome(one.fetch(realm.api))));
    expect(await Promise.all(calls)).toEqual(times(10, () => 200));
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0, reuses: 0 });
  });

  test('a second tab with its own tokens: the first session counts, and these are revoked', async () => {
    const [one, two] = [await page(), await page()];
    const manager = open();
    await handOver(manager, one);
    const before = await manager.getTokens();
    expect(await handOver(open(), two)).toEqual({ outcome: 'not-needed' });
    expect(await manager.getTokens()).toEqual(before);
    await expect(two.updateToken(-1)).rejects.toThrow('no refresh token');
  });

  test('without a login there is nothing to import, and without a refresh token it is refused', async () => {
    const kc = new Keycloak({ url, realm: realm.realm, clientId: realm.clientId });
    expect(await handOver(open(), kc)).toEqual({ outcome: 'nothing' });
    const poor = await page(faults.without('refresh_token'));
    expect(await handOver(open(), poor)).toMatchObject({ outcome: 'refused' });
  });
});
