/** Sessions that are bound to a key, at a certified server: its token endpoint, and its userinfo endpoint as the API. */
import { discover, memoryStorage, TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { dpop, memoryKeys } from 'tokenkeep/dpop';
import { completeLogin, startLogin } from 'tokenkeep/login';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browse, type CertifiedServer, startCertifiedServer } from '../../support/certified-server/index.ts';
import { rejection, times } from '../../support/promises.ts';
import { status } from './support/world.ts';

const parameters = { prompt: 'consent', login_hint: 'grace' };
const clientId = 'bound app';

describe.each([false, true])('nonces: %s', (nonces) => {
  let server: CertifiedServer;
  beforeAll(async () => {
    const bound = { client_id: clientId, token_endpoint_auth_method: 'none', dpop_bound_access_tokens: true };
    server = await startCertifiedServer({ dpop: { nonces }, moreClients: [bound] });
  });
  afterAll(async () => {
    expect(server.errors).toEqual([]);
    await server.close();
  });

  async function signedIn(more: Partial<TokenManagerOptions> = {}) {
    const keys = memoryKeys();
    const client = { clientId, authorizationServer: discover(server.issuer), dpop: dpop({ keys }) };
    const options = { ...client, pending: new Map<string, string>() };
    const { redirectUri } = server;
    const scope = ['openid', 'offline_access'];
    const { url } = await startLogin({ ...options, redirectUri, scope, parameters });
    const login = await completeLogin(options, `${redirectUri}?${await browse(url, redirectUri)}`);
    const api = `${server.issuer}/me`;
    const sent: string[] = [];
    const manager = new TokenManager({
      ...client,
      protectedResources: [api],
      fetch: async (input, init) => {
        sent.push(String(input));
        return await fetch(input, init);
      },
      ...more,
    });
    await manager.setTokens(login.tokens);
    const family = await server.family(login.tokens.refreshToken ?? '');
    const call = async (who = manager) => await status(await who.fetch(api));
    return { manager, login, family, call, api, keys, client, sent };
  }

  test('a login, calls, 50 calls at one end, rotations: one chain, and every proof is taken', async () => {
    const { manager, login, family, call, sent } = await signedIn();
    expect(login.tokens.tokenType).toBe('DPoP');
    expect(await server.introspect(login.tokens.accessToken)).toMatchObject({
      token_type: 'DPoP',
      cnf: { jkt: login.tokens.thumbprint },
    });
    expect(await call()).toBe(200);
    for (let round = 0; round < 3; round++) {
      await server.endAccessToken((await manager.getTokens())?.accessToken ?? '');
      expect(new Set(await Promise.all(times(round === 0 ? 50 : 5, () => call())))).toEqual(new Set([200]));
    }
    expect(family).toMatchObject({ logins: 1, refreshes: 3, chain: 3, reuses: 0, familiesRevoked: 0 });
    const posts = sent.filter((url) => url === server.tokenEndpoint).length;
    expect(posts).toBe(3); // where nonces are required, the login has received one
    expect(await manager.signOut()).toEqual({ revoked: true });
    await manager.close();
  });

  test('a stolen token, with any scheme and any other key, is useless', async () => {
    const { login, api, manager } = await signedIn();
    const { accessToken, refreshToken = '' } = login.tokens;
    const as = (authorization: string) => fetch(api, { headers: { authorization } });
    for (const scheme of ['Bearer', 'DPoP']) expect((await as(`${scheme} ${accessToken}`)).ok).toBe(false);
    const thief = await dpop().generate();
    const proof = await thief.prove({
      verifier: 'authorization server',
      method: 'POST',
      url: server.tokenEndpoint,
    });
    const answer = await fetch(server.tokenEndpoint, {
      method: 'POST',
      headers: { dpop: proof },
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
        client_id: clientId,
      }),
    });
    expect(answer.status).toBe(400);
    await manager.close();
  });

  test('another process that shares storage and keys continues; one that has no key says so, and burns nothing', async () => {
    const storage = memoryStorage();
    const { manager, family, call, keys, client, login, api } = await signedIn({ storage });
    const open = () =>
      new TokenManager({ ...client, storage, protectedResources: [api], dpop: dpop({ keys }) });
    const other = open();
    await server.endAccessToken(login.tokens.accessToken);
    expect(await Promise.all([call(), call(other), call(), call(other)])).toEqual([200, 200, 200, 200]);
    await keys.delete(login.tokens.thumbprint ?? '');
    const lost = open();
    expect(await rejection(call(lost))).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'no_key' });
    expect(await call()).toBe(200);
    expect(family).toMatchObject({ refreshes: 1, refusals: 0, reuses: 0, familiesRevoked: 0 });
    await Promise.all([manager.close(), other.close(), lost.close()]);
  });

  test('a clock that is an hour off', async () => {
    const clock = { now: () => Date.now() + 3_600_000 };
    const { manager, call, family } = await signedIn({ clock });
    expect(await call()).toBe(200);
    await server.endAccessToken((await manager.getTokens())?.accessToken ?? '');
    expect(await call()).toBe(200);
    expect(family).toMatchObject({ reuses: 0, familiesRevoked: 0 });
    await manager.close();
  });
});
