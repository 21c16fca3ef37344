/** Logins at a certified server: every way to the first tokens, and the session that follows. */
import { type Clock, discover, none, TokenManager } from 'tokenkeep';
import { privateKeyJwt } from 'tokenkeep/client-assertion';
import { clientSecretBasic, clientSecretPost } from 'tokenkeep/client-authentication';
import {
  completeLogin,
  type DevicePrompt,
  deviceLogin,
  type Login,
  loopbackLogin,
  startLogin,
} from 'tokenkeep/login';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  browse,
  type CertifiedServer,
  type ClientName,
  enterDeviceCode,
  startCertifiedServer,
} from '../../support/certified-server/index.ts';
import { rejection } from '../../support/promises.ts';

const resource = 'https://api.example/';
const scope = ['openid', 'offline_access', 'read'];
/** Without it this server gives no refresh token (OpenID Connect Core §11). */
const parameters = { prompt: 'consent', login_hint: 'grace' };

let server: CertifiedServer;
beforeAll(async () => {
  server = await startCertifiedServer({ resources: [{ indicator: resource, scope: 'read' }] });
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
});

async function clientOf(name: ClientName = 'public') {
  const { clients, issuer } = server;
  const { subtle } = globalThis.crypto;
  const key = clients.key.privateKey.export({ format: 'der', type: 'pkcs8' });
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const methods = {
    public: () => none(),
    basic: () => clientSecretBasic(clients.basic.clientSecret),
    post: () => clientSecretPost(clients.post.clientSecret),
    key: async () =>
      privateKeyJwt(await subtle.importKey('pkcs8', new Uint8Array(key), algorithm, false, ['sign'])),
  };
  return {
    clientId: clients[name].clientId,
    authorizationServer: discover(issuer),
    clientAuthentication: await methods[name](),
  };
}

/** The login is good for a session: stored, refreshed, and one chain at the server. */
async function provesItself(login: Login, client: Awaited<ReturnType<typeof clientOf>>) {
  const manager = new TokenManager({ ...client, protectedResources: [resource] });
  await manager.setTokens(login.tokens);
  const family = await server.family(login.tokens.refreshToken ?? '');
  expect(await server.introspect(login.tokens.accessToken)).toMatchObject({ active: true, sub: 'grace' });
  const next = await manager.getAccessToken({ rejectedToken: login.tokens.accessToken });
  expect(await server.introspect(next)).toMatchObject({ active: true, sub: 'grace' });
  expect(family).toMatchObject({ logins: 1, refreshes: 1, reuses: 0, familiesRevoked: 0 });
  await manager.close();
}

describe('by redirect', () => {
  const redirected = async (change: object = {}) => {
    const client = await clientOf();
    const options = { ...client, pending: new Map<string, string>(), ...change };
    const { url } = await startLogin({ ...options, redirectUri: server.redirectUri, scope, parameters });
    return { options, url };
  };

  test.each(['public', 'basic', 'post', 'key'] as const)(
    'the %s client logs in with code and PKCE, and learns who the user is',
    async (name) => {
      const client = await clientOf(name);
      const { options, url } = await redirected(client);
      const login = await completeLogin(options, await browse(url, server.redirectUri));
      expect(login.tokens.scope).toEqual(scope);
      expect(login.idTokenClaims()).toMatchObject({ iss: server.issuer, sub: 'grace', aud: client.clientId });
      await provesItself(login, client);
    },
  );

  test('two logins are in progress, and each gets its own user', async () => {
    const client = await clientOf();
    const options = { ...client, pending: new Map<string, string>() };
    const begin = async (user: string) => {
      const request = { scope, parameters: { ...parameters, login_hint: user } };
      const { url } = await startLogin({ ...options, ...request, redirectUri: server.redirectUri });
      return browse(url, server.redirectUri);
    };
    const [ada, grace] = [await begin('ada'), await begin('grace')];
    expect((await completeLogin(options, grace)).idTokenClaims()?.sub).toBe('grace');
    expect((await completeLogin(options, ada)).idTokenClaims()?.sub).toBe('ada');
  });

  test('the tokens are for the resource that was named', async () => {
    const options = { ...(await clientOf()), pending: new Map<string, string>() };
    const request = { scope, parameters, resource: [resource], redirectUri: server.redirectUri };
    const { url } = await startLogin({ ...options, ...request });
    const { tokens } = await completeLogin(options, await browse(url, server.redirectUri));
    expect(await server.introspect(tokens.accessToken)).toMatchObject({ active: true, aud: resource });
  });

  test('a code of another login is refused by its verifier (8252-03)', async () => {
    const [mine, attackers] = [await redirected(), await redirected()];
    const answer = await browse(mine.url, server.redirectUri);
    const stolen = await browse(attackers.url, server.redirectUri);
    answer.set('code', stolen.get('code') ?? '');
    const error = await rejection(completeLogin(mine.options, answer));
    expect(error).toMatchObject({ reason: 'refused', error: 'invalid_grant' });
  });

  test('a code of another client is refused', async () => {
    const mine = await redirected();
    const other = await redirected(await clientOf('basic'));
    const answer = await browse(mine.url, server.redirectUri);
    const stolen = await browse(other.url, server.redirectUri);
    answer.set('code', stolen.get('code') ?? '');
    const error = await rejection(completeLogin(mine.options, answer));
    expect(error).toMatchObject({ reason: 'refused', error: 'invalid_grant' });
  });

  test('this server promises to say who it is: without that there is no login (9207-01)', async () => {
    const { options, url } = await redirected();
    const answer = await browse(url, server.redirectUri);
    expect(answer.get('iss')).toBe(server.issuer);
    answer.delete('iss');
    const before = server.requests.token;
    expect(await rejection(completeLogin(options, answer))).toMatchObject({ reason: 'invalid_response' });
    expect(server.requests.token).toBe(before);
  });

  test('a refusal of the server comes back as an error with its code', async () => {
    const options = { ...(await clientOf()), pending: new Map<string, string>() };
    const request = { scope, parameters: { prompt: 'none' }, redirectUri: server.redirectUri };
    const { url } = await startLogin({ ...options, ...request });
    const answer = await browse(url, server.redirectUri);
    expect(await rejection(completeLogin(options, answer))).toMatchObject({
      code: 'ERR_LOGIN_FAILED',
      reason: 'refused',
      error: 'login_required',
    });
  });
});

test('through loopback, on a port that nobody had registered (8252-02)', async () => {
  const client = await clientOf();
  const pages: string[] = [];
  const open = async (url: string) => {
    const redirectUri = new URL(url).searchParams.get('redirect_uri') ?? '';
    const answer = await browse(url, redirectUri);
    pages.push(await (await fetch(`${redirectUri}?${answer}`)).text());
  };
  const login = await loopbackLogin({ ...client, scope, parameters, open });
  expect(pages).toEqual([expect.stringContaining('You can close this page')]);
  expect(login.idTokenClaims()?.sub).toBe('grace');
  await provesItself(login, client);
});

test('with a code that is entered elsewhere: the device waits, then has tokens (8628-01)', async () => {
  const client = await clientOf();
  const prompted = Promise.withResolvers<DevicePrompt>();
  // The device's waits of 5 s end when the test says so.
  const waits = [1, 2].map(() => Promise.withResolvers<() => void>());
  let begun = 0;
  const clock: Clock = {
    now: Date.now,
    setTimeout: (callback, delay) =>
      delay === 5_000 ? waits[begun++]?.resolve(callback) : setTimeout(callback, delay),
    clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  };
  const before = server.requests.token;
  const login = deviceLogin({ ...client, clock, scope, parameters, onPrompt: prompted.resolve });
  login.catch(prompted.reject);
  const { verificationUri, userCode } = await prompted.promise;
  (await waits[0]?.promise)?.();
  const secondWaitIsOver = await waits[1]?.promise;
  expect(server.requests.token).toBe(before + 1);
  expect(await enterDeviceCode(verificationUri, userCode)).toBe('agreed');
  secondWaitIsOver?.();
  const done = await login;
  expect(server.requests.token).toBe(before + 2);
  expect(done.idTokenClaims()?.sub).toBe('grace');
  await provesItself(done, client);
});
