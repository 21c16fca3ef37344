/** A login by redirect, step by step, against a server of literal answers. */
import { createHash } from 'node:crypto';
import { TokenManager } from 'tokenkeep';
import { clientSecretBasic } from 'tokenkeep/client-authentication';
import { completeLogin, redirectToLogin, startLogin } from 'tokenkeep/login';
import { describe, expect, test, vi } from 'vitest';
import { stubBrowserFetch } from '../../support/browser.ts';
import { explained } from '../../support/explained.ts';
import { rejection } from '../../support/promises.ts';
import { answered, as, granting, redirectUri, scene } from './support/server.ts';

const query = (url: string) => new URL(url).searchParams;

describe('startLogin', () => {
  test('gives a URL with PKCE, state and nonce, and keeps the verifier to itself (8252-03, 9700-08)', async () => {
    const { client, net } = scene();
    const pending = new Map<string, string>();
    const { url, state } = await startLogin({
      ...client,
      redirectUri,
      pending,
      scope: ['openid', 'offline_access'],
    });
    const [kept] = [...pending.values()].map((text) => JSON.parse(text));
    expect(url.startsWith('https://as.test/authorize?tenant=x&')).toBe(true);
    expect(Object.fromEntries(query(url))).toEqual({
      tenant: 'x',
      response_type: 'code',
      client_id: 'app',
      redirect_uri: redirectUri,
      scope: 'openid offline_access',
      state,
      nonce: kept.nonce,
      code_challenge: createHash('sha256').update(kept.verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    expect(url).not.toContain(kept.verifier);
    expect(state.length).toBeGreaterThanOrEqual(43);
    expect(net.sent).toEqual([]);
  });

  test('law no-token-in-words: a storage that quotes the login in its error reveals no secret of it', async () => {
    const { client } = scene();
    let stored = { state: '', verifier: '', nonce: '' };
    const pending = {
      getItem: () => null,
      removeItem: () => undefined,
      setItem(name: string, text: string) {
        stored = { state: name.replace('tokenkeep.login.', ''), ...JSON.parse(text) };
        throw new Error(`no room for ${name}: ${text}`);
      },
    };
    const error = (await rejection(
      startLogin({ ...client, redirectUri, pending, scope: ['openid'] }),
    )) as Error & { cause: Error };
    expect(error).toMatchObject({ code: 'ERR_STORAGE', operation: 'write' });
    expect(error.cause.message).toContain('no room for tokenkeep.login.');
    const words = [error.message, error.cause.message, String(error.cause.stack)].join();
    for (const secret of [stored.state, stored.verifier, stored.nonce]) {
      expect(secret.length).toBeGreaterThan(20);
      expect(words).not.toContain(secret);
    }
  });

  test('asks for offline_access and sends what else the request is to say (OIDC-03)', async () => {
    const { client } = scene();
    const parameters = {
      prompt: 'consent',
      max_age: '60',
      acr_values: 'gold',
      login_hint: 'ada',
      claims: '{}',
    };
    const resource = ['https://api.test/', 'https://other.test/'];
    const { url } = await startLogin({
      ...client,
      redirectUri,
      pending: new Map(),
      scope: ['offline_access'],
      parameters,
      resource,
    });
    expect(Object.fromEntries(query(url))).toMatchObject({ ...parameters, scope: 'offline_access' });
    expect(query(url).getAll('resource')).toEqual(resource);
    expect(query(url).has('nonce')).toBe(false);
  });

  test.each([
    'state',
    'code_challenge',
    'redirect_uri',
    'response_type',
    'response_mode',
    'client_id',
    'request',
    'request_uri',
    'NONCE',
  ])('does not let the parameter %s be overridden', async (name) => {
    const { client } = scene();
    const options = { ...client, redirectUri, pending: new Map(), parameters: { [name]: 'mine' } };
    const error = await rejection(startLogin(options));
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(error.message).toMatch(explained(name));
  });

  test.each([
    ['redirectUri', { redirectUri: 'http://app.test/callback' }],
    ['redirectUri', { redirectUri: 'javascript:alert(1)' }],
    ['redirectUri', { redirectUri: '/callback' }],
    ['redirectUri', { redirectUri: 'https://app.test/#/callback' }],
    ['scope', { scope: ['two scopes'] }],
    ['resource', { resource: ['api'] }],
    ['lifetime', { lifetime: 0 }],
    ['parameters', { parameters: { max_age: 3 as never } }],
    ['clientId', { clientId: '' }],
    ['timeout', { timeout: -1 }],
    ['authorizationEndpoint', { authorizationServer: { ...as, authorizationEndpoint: 'http://as.test/' } }],
  ])('refuses a wrong %s: %o', async (name, change) => {
    const { client } = scene();
    const error = await rejection(
      startLogin({ ...client, redirectUri, pending: new Map(), ...change } as never),
    );
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(error.message).toContain(name);
  });

  test('startLogin() does not navigate; redirectToLogin() navigates once for all callers and is pending', async () => {
    const assign = vi.fn();
    vi.stubGlobal('location', { assign });
    const { client, clock } = scene();
    const pending = new Map<string, string>();
    const options = { ...client, redirectUri, pending };
    await startLogin({ ...options, pending: new Map() });
    expect(assign).not.toHaveBeenCalled();
    const settled = vi.fn();
    const calls = Array.from({ length: 239 }, () => redirectToLogin(options).catch(settled));
    await vi.waitUntil(() => assign.mock.calls.length > 0);
    expect(assign.mock.calls.map(([url]) => query(url).get('client_id'))).toEqual(['app']);
    expect([pending.size, settled.mock.calls.length]).toEqual([1, 0]);
    await clock.advance(30_000); // the page has not unloaded
    await Promise.all(calls);
    expect(settled.mock.calls.every(([{ reason }]) => reason === 'timed_out')).toBe(true);
    expect([settled.mock.calls.length, clock.timers]).toEqual([239, 0]);
  });
});

describe('completeLogin', () => {
  test('exchanges the code, once, and gives the tokens that a manager takes', async () => {
    const { client, net, clock } = scene();
    const pending = new Map<string, string>();
    const options = { ...client, pending };
    const { url } = await startLogin({ ...options, redirectUri, scope: ['read'], returnTo: '/orders' });
    const { verifier } = JSON.parse([...pending.values()][0] ?? '');
    const login = await completeLogin(options, answered(url).href);
    expect(net.sent.map(({ url: place, form }) => [place, Object.fromEntries(form)])).toEqual([
      [
        as.tokenEndpoint,
        {
          grant_type: 'authorization_code',
          client_id: 'app',
          code: 'the-code',
          redirect_uri: redirectUri,
          code_verifier: verifier,
        },
      ],
    ]);
    expect(login).toMatchObject({
      returnTo: '/orders',
      tokens: {
        accessToken: 'access-1',
        refreshToken: 'refresh-1',
        expiresAt: clock.now() + 300_000,
        scope: ['read'],
      },
    });
    expect(pending.size).toBe(0);
    const manager = new TokenManager({ ...client, protectedResources: ['https://api.test/'] });
    await manager.setTokens(login.tokens);
    expect(await manager.getAccessToken()).toBe('access-1');
  });

  test('authenticates a confidential client, and sends what else token requests carry', async () => {
    const { client, net } = scene();
    const options = {
      ...client,
      pending: new Map<string, string>(),
      clientAuthentication: clientSecretBasic('s3cret'),
      tokenRequest: { headers: { 'x-tenant': 'a' }, parameters: { audience: 'b', code: 'not this' } },
    };
    const { url } = await startLogin({ ...options, redirectUri });
    await completeLogin(options, answered(url).searchParams);
    expect(net.sent[0]?.headers.get('authorization')).toBe(`Basic ${btoa('app:s3cret')}`);
    expect(net.sent[0]?.headers.get('x-tenant')).toBe('a');
    expect(net.sent[0]?.form.get('audience')).toBe('b');
    expect(net.sent[0]?.form.getAll('code')).toEqual(['the-code']);
  });

  test('several logins are in progress, in storages like those of browsers that take their time or not', async () => {
    const { client } = scene();
    for (const pending of [new Map<string, string>(), webStorage(), slowStorage()]) {
      const options = { ...client, pending };
      const begin = (returnTo: string) => startLogin({ ...options, redirectUri, returnTo });
      const [one, two] = [await begin('/one'), await begin('/two')];
      expect((await completeLogin(options, answered(two.url))).returnTo).toBe('/two');
      expect((await completeLogin(options, answered(one.url))).returnTo).toBe('/one');
    }
  });

  test('twice at once in a page, as by an effect in Strict Mode: one exchange, one login for both', async () => {
    stubBrowserFetch();
    const { client, net } = scene();
    const options = { ...client, pending: new Map<string, string>() };
    const { url } = await startLogin({ ...options, redirectUri });
    const answer = answered(url).href;
    const both = [1, 2].map(() => completeLogin(options, answer));
    const others = [{ pending: new Map() }, { clientId: 'other' }].map((change) =>
      rejection(completeLogin({ ...options, ...change }, answer)),
    );
    const [one, two] = await Promise.all(both);
    expect(one).toBe(two);
    expect(net.sent.length).toBe(1);
    for (const refused of [...others, rejection(completeLogin(options, answer))]) {
      expect(await refused).toMatchObject({ reason: 'invalid_response' });
    }
  });

  test('twice at once in a page, and refused: both reject, and the next login is its own', async () => {
    stubBrowserFetch();
    const { client, net } = scene({
      [as.tokenEndpoint]: () => Response.json({ error: 'invalid_grant' }, { status: 400 }),
    });
    const options = { ...client, pending: new Map<string, string>() };
    const { url } = await startLogin({ ...options, redirectUri });
    const both = [1, 2].map(() => rejection(completeLogin(options, answered(url))));
    const [one, other] = await Promise.all(both);
    expect(one).toMatchObject({ code: 'ERR_LOGIN_FAILED' });
    expect(one).toBe(other);
    expect(net.sent.length).toBe(1);
  });

  test('a login that no one returned for is removed by a later login', async () => {
    const { client, clock } = scene();
    for (const pending of [new Map<string, string>([['other', 'x']]), webStorage({ other: 'x' })]) {
      const options = { ...client, pending, redirectUri };
      await startLogin(options);
      await clock.advance(600_000);
      const { state } = await startLogin(options);
      const names = pending instanceof Map ? [...pending.keys()] : Object.keys(pending.items);
      expect(names).toEqual(['other', `tokenkeep.login.${state}`]);
    }
  });

  test('a server that cannot be found out leaves the login waiting, to be tried again', async () => {
    const { client } = scene();
    const pending = new Map<string, string>();
    const { url } = await startLogin({ ...client, pending, redirectUri });
    const offline = () => Promise.reject(new Error('offline'));
    const failing = completeLogin({ ...client, pending, authorizationServer: offline }, answered(url));
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_LOGIN_FAILED',
      reason: 'no_response',
      cause: { message: 'offline' },
    });
    expect((await completeLogin({ ...client, pending }, answered(url))).tokens.accessToken).toBe('access-1');
  });

  test('takes a whole URL, or parameters', async () => {
    const { client } = scene();
    const options = { ...client, pending: new Map<string, string>() };
    const { url } = await startLogin({ ...options, redirectUri });
    const { search } = answered(url);
    expect(await rejection(completeLogin(options, search))).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect((await completeLogin(options, new URLSearchParams(search))).tokens.accessToken).toBe('access-1');
  });

  test('tokens that arrived are returned, whatever else is wrong with the response', async () => {
    const { client } = scene({
      [as.tokenEndpoint]: granting({ id_token: 'rubbish', expires_in: 'soon', scope: 7, more: 1 }),
    });
    const options = { ...client, pending: new Map<string, string>() };
    const { url } = await startLogin({ ...options, redirectUri, scope: ['openid'] });
    const { tokens } = await completeLogin(options, answered(url));
    expect(tokens).toMatchObject({ refreshToken: 'refresh-1', scope: ['openid'], idToken: 'rubbish' });
    expect(tokens.extra).toMatchObject({ more: 1 });
  });
});

function webStorage(items: Record<string, string> = {}) {
  return {
    items,
    get length() {
      return Object.keys(items).length;
    },
    key: (index: number) => Object.keys(items)[index] ?? null,
    getItem: (key: string) => items[key] ?? null,
    setItem: (key: string, value: string) => {
      items[key] = value;
    },
    removeItem: (key: string) => {
      delete items[key];
    },
  };
}

function slowStorage() {
  const items = new Map<string, string>();
  return {
    getItem: async (key: string) => items.get(key) ?? null,
    setItem: async (key: string, value: string) => items.set(key, value),
    removeItem: async (key: string) => items.delete(key),
  };
}
