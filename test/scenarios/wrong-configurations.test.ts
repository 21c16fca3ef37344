/**
 * Mistakes of newcomers, and the errors that they get: which option, the given value (never a secret), the fix. The
 * plain checks of single options are in `test/unit/options.test.ts`; here are values that are nearly right, or wrong
 * in a way that shows only later.
 */
import {
  discover,
  isTokenKeepError,
  memoryLock,
  memoryStorage,
  TokenManager,
  type TokenManagerOptions,
} from 'tokenkeep';
import { indexedDbStorage, webStorage } from 'tokenkeep/browser';
import { clientSecretBasic } from 'tokenkeep/client-authentication';
import { dpop } from 'tokenkeep/dpop';
import { completeLogin, deviceLogin, loopbackLogin, popupLogin, startLogin } from 'tokenkeep/login';
import { fileStorage } from 'tokenkeep/node';
import { postgresStorage } from 'tokenkeep/postgres';
import { reachfive } from 'tokenkeep/providers';
import { redisStorage } from 'tokenkeep/redis';
import { authorizationServer } from 'tokenkeep/testing';
import { describe, expect, test, vi } from 'vitest';
import { explained } from '../support/explained.ts';

/** A word that must not be repeated, since it may be a secret. */
const canary = 'canary-5ecret';
const wrong = (value: unknown) => value as never;

const server = authorizationServer();
const good: TokenManagerOptions = {
  clientId: 'test-client',
  authorizationServer: server.metadata,
  protectedResources: [server.apiOrigin],
  fetch: server.fetch,
};
const make = (change: object) => new TokenManager({ ...good, ...change });

/** The message, with the code and the messages of all causes. */
async function told(deed: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await deed();
  } catch (error) {
    if (!isTokenKeepError(error)) throw error;
    const causes: string[] = [];
    for (let one: unknown = error; one instanceof Error; one = one.cause) causes.push(one.message);
    return { code: error.code, message: causes.join(' ← ') };
  }
  throw new Error('Nothing was said.');
}

type Mistakes = readonly (readonly [what: string, deed: () => unknown, ...words: (string | RegExp)[]])[];

function areTold(code: string, mistakes: Mistakes): void {
  for (const [what, deed, ...words] of mistakes) {
    test(what, async () => {
      const said = await told(deed);
      expect(said.code).toBe(code);
      for (const word of words) expect(said.message).toMatch(explained(word));
      expect(said.message).not.toContain(canary);
    });
  }
}

describe('options that are nearly right', () => {
  const { clientId: _, ...nobody } = good;
  areTold('ERR_CONFIGURATION', [
    [
      'clientID',
      () => new TokenManager(wrong({ ...nobody, clientID: 'app' })),
      'clientID',
      'Write clientId.',
    ],
    ['client_id', () => make({ client_id: 'app' }), 'client_id', 'Write clientId.'],
    ['protectedResource', () => make({ protectedResource: [] }), 'Write protectedResources.'],
    ['scopes', () => make({ scopes: ['a'] }), 'Write scope.'],
    [
      'refreshURL',
      () => make({ refreshURL: 'x' }),
      'Unknown option refreshURL. The options are clientId, auth',
    ],
    [
      'clientSecret',
      () => make({ clientSecret: canary }),
      'Unknown option clientSecret',
      'clientAuthentication',
    ],
    ['onSessionEnded', () => make({ onSessionEnded() {} }), 'Unknown option onSessionEnded'],
    ['no clientId', () => new TokenManager(wrong(nobody)), 'clientId', 'There is none.'],
    ['a Promise', () => make({ clientId: Promise.resolve(canary) }), 'clientId', 'a Promise: await it'],
    [
      'a storage that is a Promise',
      () => make({ storage: Promise.resolve(memoryStorage()) }),
      'storage',
      'await it',
    ],
    ['a storage that is not called', () => make({ storage: memoryStorage }), 'storage', 'Function: call it'],
    [
      'a Map for a storage',
      () => make({ storage: new Map() }),
      'storage',
      'memoryStorage()',
      'This is a Map.',
    ],
    ['text for a storage', () => make({ storage: 'localStorage' }), 'storage', 'memoryStorage()', 'a String'],
    [
      'a secret for its method',
      () => make({ clientAuthentication: canary }),
      'clientSecretBasic(secret)',
      'a String',
    ],
    ['a method that is not called', () => make({ clientAuthentication: clientSecretBasic }), 'call it'],
    ['a grant by its name', () => make({ grant: 'client_credentials' }), 'grant', 'clientCredentials()'],
    ['dpop: true', () => make({ dpop: true }), 'dpop', 'dpop()', 'a Boolean'],
    ['dpop that is not called', () => make({ dpop }), 'dpop', 'call it'],
    ['null', () => make({ lock: null }), 'lock', 'memoryLock()', 'a Null'],
    [
      'a secret that is not set',
      () => clientSecretBasic(wrong(undefined)),
      'clientSecretBasic(secret)',
      'missing',
    ],
    [
      'a lock that is narrower',
      () => make({ storage: { ...memoryStorage(), reach: 'cluster' }, lock: memoryLock() }),
      'Use the lock that belongs to the storage',
    ],
    [
      'dpop() with a pair of keys',
      async () => dpop({ keys: wrong(await crypto.subtle.generateKey('Ed25519', false, ['sign'])) }),
      'keys',
      'memoryKeys()',
    ],
    ['no session', () => make({}).forSession(''), 'forSession(id)', 'non-empty'],
  ]);

  test('localStorage itself is distinguished from other objects', async () => {
    class Storage {
      readonly [Symbol.toStringTag] = 'Storage';
    }
    const { message } = await told(() => make({ storage: new Storage() }));
    expect(message).toMatch(explained('webStorage() makes one of it'));
  });
});

describe('invalid authorization servers', () => {
  const notThere = { fetch: async () => new Response('no', { status: 404 }) };
  const page = { fetch: async () => new Response('<html>', { headers: { 'content-type': 'text/html' } }) };
  const other = {
    fetch: async () =>
      Response.json({ issuer: 'https://as.example/', token_endpoint: 'https://as.example/t' }),
  };
  const use = async (authorizationServer: unknown) => {
    const manager = make({ authorizationServer, storage: memoryStorage() });
    await manager.setTokens({ access_token: canary, refresh_token: canary });
    await manager.getAccessToken({ rejectedToken: canary });
  };
  areTold('ERR_CONFIGURATION', [
    [
      'the issuer as text',
      () => make({ authorizationServer: 'https://as.example' }),
      'discover(issuer)',
      'a String',
    ],
    [
      'a Promise of a server',
      () => make({ authorizationServer: Promise.resolve({}) }),
      'a Promise: await it',
    ],
    [
      'discover that is not called',
      () => make({ authorizationServer: discover }),
      'discover(issuer)',
      'call it',
    ],
    [
      'a provider that is not called',
      () => make({ authorizationServer: reachfive }),
      'authorizationServer',
      'call it',
    ],
    [
      'the issuer alone',
      () => make({ authorizationServer: { issuer: 'https://as.example' } }),
      'tokenEndpoint is missing',
    ],
    [
      'an endpoint without a scheme',
      () => make({ authorizationServer: { tokenEndpoint: 'as.example/token' } }),
      'tokenEndpoint',
      'https://',
    ],
    [
      'a scheme with a typo',
      () => make({ authorizationServer: { tokenEndpoint: 'htps://as.example/' } }),
      'tokenEndpoint',
      'https:',
    ],
    ['an issuer without a scheme', () => discover('as.example'), 'discover(issuer)', 'https://'],
    ['an issuer over http', () => discover('http://as.example'), 'discover(issuer)', 'https:', 'loopback'],
    [
      'the place of the metadata',
      () => discover('https://as.example/.well-known/openid-configuration'),
      'issuer',
      'without /.well-known/',
    ],
    [
      'an issuer with a typo',
      () => use(discover('https://as.exmaple', notThere)),
      '"https://as.exmaple"',
      'Check the issuer',
    ],
    [
      'an issuer without its slash',
      () => use(discover('https://as.example', other)),
      '"https://as.example/"',
      'exactly as the server does',
    ],
    ['a provider without a domain', () => reachfive(wrong({})), 'reachfive({ domain })', 'auth.example.com'],
    [
      'a provider over http',
      () => reachfive({ domain: 'http://as.example' }),
      'reachfive({ domain })',
      'https:',
    ],
  ]);
  areTold('ERR_REFRESH_FAILED', [
    [
      'a site that answers everything with a page',
      () => use(discover('https://www.example', page)),
      '"https://www.example"',
      'Check the issuer, and the network',
    ],
  ]);
});

describe('protected resources', () => {
  const named = (one: unknown) => () => make({ protectedResources: [one] });
  areTold('ERR_CONFIGURATION', [
    ['a bare host', named('api.example.com'), 'protectedResources[0]', 'https://api.example.com/v1'],
    ['a path, where there is no page', named('/api'), 'protectedResources[0]', 'Write it as text'],
    ['a wildcard', named('https://*.example.com/'), 'protectedResources[0]', 'Name each host'],
    ['a wildcard in the path', named('https://api.example.com/*'), 'everything below it'],
    ['a pattern', named(/api/), 'protectedResources[0]', 'as text'],
    ['a URL', named(new URL('https://api.example.com/')), 'protectedResources[0]', 'as text'],
    [
      'scopes',
      named({ url: 'https://api.example.com/', scopes: ['a'] }),
      'unknown member scopes',
      'url, scope, resource and hides401',
    ],
  ]);
});

describe('setTokens()', () => {
  const set = (tokens: unknown) => () => make({}).setTokens(wrong(tokens));
  const token = { access_token: canary, refresh_token: canary };
  const ours = { accessToken: canary, refreshToken: canary };
  areTold('ERR_CONFIGURATION', [
    ['nothing', set(undefined), 'setTokens()', 'JSON of a token response'],
    ['the whole Response', set(Response.json(token)), 'a Response: await its json()'],
    ['a Promise', set(Promise.resolve(token)), 'a Promise: await it'],
    ['text', set(JSON.stringify(token)), 'JSON of a token response', 'a String'],
    ['the answer of axios', set({ data: token }), 'there is no access token'],
    ['an error of the server', set({ error: 'invalid_grant' }), 'there is no access token'],
    [
      'a refresh token in the other form',
      set({ access_token: canary, refreshToken: canary }),
      'refreshToken would be lost',
    ],
    [
      'a refresh token in the form of the wire',
      set({ accessToken: canary, refresh_token: canary }),
      'refresh_token would be lost',
    ],
    ['expiresIn', set({ ...ours, expiresIn: 3600 }), 'expiresIn would be lost', 'expiresAt'],
    [
      'seconds',
      set({ ...ours, expiresAt: Math.floor(Date.now() / 1000) + 3600 }),
      'expiresAt',
      'milliseconds',
    ],
    ['a date as text', set({ ...ours, expiresAt: new Date().toISOString() }), 'expiresAt', 'milliseconds'],
    ['a Date', set({ ...ours, refreshTokenExpiresAt: new Date() }), 'refreshTokenExpiresAt', 'milliseconds'],
    ['no time', set({ ...ours, expiresAt: Number.NaN }), 'expiresAt', 'milliseconds'],
    ['scopes as text', set({ ...ours, scope: 'a b' }), 'scope must be an array'],
    ['a refresh token that is a number', set({ ...ours, refreshToken: 5 }), 'refreshToken must be text'],
    ['Bearer before the token', set({ access_token: `Bearer ${canary}` }), 'characters', "without 'Bearer '"],
    ['a token that ends with a line', set({ access_token: `${canary}\n` }), 'characters', 'unchanged'],
    ['a token of another alphabet', set({ accessToken: `${canary}…` }), 'characters', 'unchanged'],
    ['a type that cannot be sent', set({ ...token, token_type: 'mac' }), '"mac" cannot be sent', 'Bearer'],
    ['a type that needs a key', set({ ...token, token_type: 'DPoP' }), 'option dpop'],
  ]);

  test.each<[string, object]>([
    ['expires_in as text', { ...token, expires_in: '3600' }],
    [
      'null for what is not there',
      { accessToken: canary, refreshToken: null, expiresAt: null, scope: null, idToken: null },
    ],
    [
      'what other libraries put beside it',
      { ...token, expires_at: Math.floor(Date.now() / 1000) + 3600, user: {} },
    ],
  ])('takes %s', async (_what, tokens) => {
    const manager = make({});
    await manager.setTokens(wrong(tokens));
    expect(await manager.getAccessToken()).toBe(canary);
  });
});

describe('calls', () => {
  areTold('ERR_CONFIGURATION', [
    [
      'an event with a typo',
      () => make({}).on(wrong('sessionended'), () => {}),
      'sessionended',
      'The events are',
      'sessionEnded',
    ],
    [
      'an event without a listener',
      () => make({}).on('sessionEnded', wrong(undefined)),
      'listener must be a function',
    ],
    [
      'scopes as text',
      () => make({}).getAccessToken({ scope: wrong('a b') }),
      'scope of getAccessToken()',
      'array',
    ],
  ]);
  areTold('ERR_LOGIN_REQUIRED', [
    [
      'a call before the login',
      () => make({}).fetch(`${server.apiOrigin}/orders`),
      'Sign the user in',
      'setTokens()',
    ],
  ]);

  test('another URL gets no token, and no error says that it should', async () => {
    const fetch = vi.fn(async (_input: RequestInfo | URL, _init?: RequestInit) => new Response('public'));
    const manager = make({ fetch });
    await manager.setTokens(server.signIn());
    await manager.fetch('https://elsewhere.example/', { headers: { 'x-own': '1' } });
    expect(fetch.mock.calls).toEqual([['https://elsewhere.example/', { headers: { 'x-own': '1' } }]]);
  });

  test('after close() calls still work: it only stops listening', async () => {
    const manager = make({});
    await manager.setTokens(server.signIn());
    await manager.close();
    expect((await manager.fetch(`${server.apiOrigin}/orders`)).status).toBe(200);
  });

  test('two clients on one storage keep apart', async () => {
    const storage = memoryStorage();
    const [one, other] = [make({ storage }), make({ storage, clientId: 'other' })];
    await one.setTokens(server.signIn());
    expect(await other.getTokens()).toBeUndefined();
    expect((await told(() => other.getAccessToken())).code).toBe('ERR_LOGIN_REQUIRED');
  });

  test.each([
    ['a client that the server does not know', { clientId: 'stranger' }, 401, 'invalid_client'],
    ['an endpoint that is none', { tokenEndpoint: `${server.issuer}/nowhere` }, 404, ''],
  ])('%s: the session is kept, and the message says where to look', async (_what, change, status, error) => {
    const { tokenEndpoint, ...options } = { tokenEndpoint: server.metadata.tokenEndpoint, ...change };
    const manager = make({ ...options, authorizationServer: { ...server.metadata, tokenEndpoint } });
    await manager.setTokens(server.signIn());
    server.expire();
    const said = await told(() =>
      manager.getAccessToken({ rejectedToken: server.currentAccessToken() as string }),
    );
    expect(said.code).toBe('ERR_REFRESH_FAILED');
    expect(said.message).toContain(`${status} ${error}`.trim());
    expect(said.message).toMatch(/Check the client configuration; the session is kept/);
  });
});

describe('storages where they do not belong', () => {
  areTold('ERR_CONFIGURATION', [
    [
      'no storage of the browser',
      () => webStorage(wrong(undefined)),
      'webStorage(storage)',
      '() => localStorage',
    ],
    ['its name', () => webStorage(wrong('localStorage')), 'webStorage(storage)', '() => localStorage'],
    ['a file as text', () => fileStorage(wrong('/tmp/tokens')), 'path', 'fileStorage({ path })'],
    ['a path of the shell', () => fileStorage({ path: '~/tokens' }), 'path', 'homedir()'],
    [
      'the URL of Redis',
      () => redisStorage({ client: wrong(`redis://:${canary}@localhost`) }),
      'client',
      'node-redis',
      'ioredis',
    ],
    [
      'the URL of Postgres',
      () => postgresStorage({ pool: wrong(`postgres://u:${canary}@localhost`) }),
      'pool',
      'Pool of pg',
    ],
  ]);

  test.each<[string, () => TokenManagerOptions['storage']]>([
    ['IndexedDB', () => indexedDbStorage()],
    ['localStorage', () => webStorage(() => localStorage)],
  ])(
    '%s in Node is made, for servers that render pages, and says no when it is used',
    async (_what, storage) => {
      const manager = make({ storage: storage() });
      const { code, message } = await told(() => manager.getTokens());
      expect(code).toBe('ERR_STORAGE');
      expect(message).toContain('On a server that renders pages, leave the session to the page');
    },
  );
});

describe('logins', () => {
  const redirectUri = 'https://app.example/callback';
  const pending = new Map<string, string>();
  const client = {
    clientId: 'test-client',
    authorizationServer: server.metadata,
    fetch: server.fetch,
    pending,
  };
  areTold('ERR_CONFIGURATION', [
    ['no redirectUri', () => startLogin(wrong(client)), 'redirectUri'],
    ['redirect_uri', () => startLogin(wrong({ ...client, redirect_uri: redirectUri })), 'redirectUri'],
    [
      'a relative redirectUri',
      () => startLogin({ ...client, redirectUri: '/callback' }),
      'redirectUri',
      'absolute',
    ],
    [
      'a redirectUri over http',
      () => startLogin({ ...client, redirectUri: 'http://app.example/' }),
      'redirectUri',
      'https:',
    ],
    [
      'scopes as text',
      () => startLogin({ ...client, redirectUri, scope: wrong('openid') }),
      'scope',
      'array',
    ],
    [
      'nowhere to wait',
      () => startLogin(wrong({ ...client, redirectUri, pending: undefined })),
      'pending',
      'Storage of the page',
    ],
    [
      'nowhere to have waited',
      () => completeLogin(wrong({ ...client, pending: {} }), `${redirectUri}?code=1&state=2`),
      'pending',
      'Storage of the page',
    ],
    [
      'a server without logins',
      () =>
        startLogin({
          ...client,
          redirectUri,
          authorizationServer: { tokenEndpoint: 'https://as.example/t' },
        }),
      'authorizationEndpoint',
    ],
    ['a part of the URL', () => completeLogin(client, '/callback?code=1'), 'callback', 'whole URL'],
    [
      'a window, where there is no page',
      () => popupLogin({ ...client, redirectUri }),
      'popupLogin()',
      'loopbackLogin()',
    ],
    [
      'a server without codes for devices',
      () => deviceLogin(wrong({ ...client, authorizationServer: { tokenEndpoint: 'https://as.example/t' } })),
      'deviceAuthorizationEndpoint',
    ],
    [
      'localhost for loopback',
      () => loopbackLogin(wrong({ ...client, host: 'localhost' })),
      'host',
      '127.0.0.1',
    ],
  ]);
  areTold('ERR_LOGIN_FAILED', [
    ['a page that nobody was sent to', () => completeLogin(client, redirectUri), 'contains no response'],
    [
      'an answer that was used before',
      () => completeLogin(client, `${redirectUri}?code=${canary}&state=x`),
      'used before',
      'Start another',
    ],
  ]);

  test('a login is completed once', async () => {
    const { url } = await startLogin({
      ...client,
      redirectUri: 'https://app.test/callback',
      scope: ['read'],
    });
    const state = new URL(url).searchParams.get('state');
    const denied = `https://app.test/callback?error=access_denied&state=${state}&iss=${encodeURIComponent(server.issuer)}`;
    expect((await told(() => completeLogin(client, denied))).message).toContain('refused the login');
    expect((await told(() => completeLogin(client, denied))).message).toContain('used before');
  });
});
