/** Pushed authorization requests (RFC 9126): every login form, every client authentication, and hostile answers. */
import { generateKeyPairSync } from 'node:crypto';
import { type ClientAuthentication, none, TokenManager } from 'tokenkeep';
import { clientSecretJwt, privateKeyJwt } from 'tokenkeep/client-assertion';
import { clientSecretBasic, clientSecretPost, tlsClientAuth } from 'tokenkeep/client-authentication';
import { dpop } from 'tokenkeep/dpop';
import {
  completeLogin,
  deviceLogin,
  loopbackLogin,
  popupLogin,
  redirectLogin,
  redirectToLogin,
  type StartLoginOptions,
  startLogin,
} from 'tokenkeep/login';
import { type AuthorizationServerOptions, authorizationServer } from 'tokenkeep/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';
import { Page } from '../../support/page.ts';
import { rejection } from '../../support/promises.ts';
import type { Place } from '../../support/wire.ts';
import { answered, as, redirectUri, scene } from './support/server.ts';

const endpoint = 'https://as.test/par';
const required = {
  ...as,
  pushedAuthorizationRequestEndpoint: endpoint,
  requirePushedAuthorizationRequests: true,
};
const requestUri = 'urn:ietf:params:oauth:request_uri:abc';
const granted = { request_uri: requestUri, expires_in: 60 };
const pushed: Place = () => Response.json(granted, { status: 201 });
const query = (url: string) => Object.fromEntries(new URL(url).searchParams);

/** A login at a server of literal answers that requires pushed requests. */
function begin(place: Place = pushed, change: Partial<StartLoginOptions> = {}) {
  const { client, net, clock } = scene({ [endpoint]: place });
  const pending = new Map<string, string>();
  const options = { ...client, authorizationServer: required, redirectUri, pending, scope: ['openid'] };
  return { net, clock, pending, options, started: startLogin({ ...options, ...change }) };
}

afterEach(() => vi.unstubAllGlobals());

describe('at the strict server, which accepts nothing else', () => {
  /** The strict server, a client of it, and the requests that the client has sent. */
  function world(given: AuthorizationServerOptions = {}) {
    const server = authorizationServer({ requirePushedAuthorizationRequests: true, ...given });
    const sent: { url: string; headers: Headers; form: URLSearchParams }[] = [];
    const client = {
      clientId: 'test-client',
      authorizationServer: server.metadata,
      fetch: (async (input, init) => {
        const form = new URLSearchParams(String(init?.body ?? ''));
        sent.push({ url: String(input), headers: new Headers(init?.headers), form });
        return await server.fetch(input, init);
      }) satisfies typeof fetch,
    };
    const visit = async (url: string) => {
      const response = await server.fetch(url, { redirect: 'manual' });
      return { status: response.status, location: response.headers.get('location') ?? '' };
    };
    return { server, client, sent, visit };
  }

  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const pem = key.export({ format: 'pem', type: 'pkcs8' }) as string;
  const secret = 'a secret: 100%/+&=~ of thirty-two bytes';
  const hasAssertion = (parameters: URLSearchParams) =>
    parameters.get('client_assertion')?.split('.').length === 3;
  test.each<[string, ClientAuthentication, object]>([
    ['none', none(), {}],
    [
      'client_secret_basic',
      clientSecretBasic(secret),
      { clientSecret: secret, method: 'client_secret_basic' },
    ],
    ['client_secret_post', clientSecretPost(secret), { clientSecret: secret, method: 'client_secret_post' }],
    ['client_secret_jwt', clientSecretJwt(secret), { verify: hasAssertion }],
    ['private_key_jwt', privateKeyJwt(pem), { verify: hasAssertion }],
    ['tls_client_auth', tlsClientAuth(), { verify: () => true }],
  ])(
    'a client with %s logs in, and its URL has client_id and request_uri only',
    async (_, clientAuthentication, more) => {
      const { server, client, sent, visit } = world({ clients: [{ clientId: 'test-client', ...more }] });
      const options = { ...client, clientAuthentication, pending: new Map<string, string>() };
      const { url } = await startLogin({ ...options, redirectUri, scope: ['openid', 'read'] });
      expect(Object.keys(query(url))).toEqual(['client_id', 'request_uri']);
      const { location } = await visit(url);
      const { tokens } = await completeLogin(options, location);
      expect(server.isActive(tokens.accessToken)).toBe(true);
      const [push, exchange] = sent;
      expect(push?.form.get('code_challenge_method')).toBe('S256');
      expect(push?.form.has('code_verifier')).toBe(false);
      // The same credentials as at the token endpoint; a JWT is a new one.
      expect(push?.headers.get('authorization')).toBe(exchange?.headers.get('authorization'));
      expect(push?.form.get('client_secret')).toBe(exchange?.form.get('client_secret'));
      const assertions = [push, exchange].map((one) => one?.form.get('client_assertion') ?? null);
      expect(assertions[0] === null || assertions[0] !== assertions[1]).toBe(true);
      expect(server.counts).toMatchObject({ pushedRequests: 1, signIns: 1, secretsInUrl: 0 });
    },
  );

  test('binds the request to the DPoP key, and repeats it with the nonce of the server', async () => {
    const { server, client, sent, visit } = world({ dpop: { required: true, nonces: ['token'] } });
    const options = { ...client, dpop: dpop(), pending: new Map<string, string>() };
    const { url } = await startLogin({ ...options, redirectUri });
    expect(sent.map((one) => one.form.get('dpop_jkt') !== null && one.headers.has('dpop'))).toEqual([
      true,
      true,
    ]);
    expect(new Set(sent.map((one) => one.headers.get('dpop'))).size).toBe(2);
    const { tokens } = await completeLogin(options, (await visit(url)).location);
    expect(tokens.thumbprint).toBe(sent[0]?.form.get('dpop_jkt'));
    expect(server.counts).toMatchObject({ pushedRequests: 1, noncesDemanded: 1, proofsRefused: 0 });
  });

  test('a URL is good for one visit, as it is, by its own client', async () => {
    const clients = [{ clientId: 'test-client' }, { clientId: 'other' }];
    const { client, visit } = world({ clients });
    const start = async () => (await startLogin({ ...client, redirectUri, pending: new Map() })).url;
    const first = await start();
    expect([(await visit(first)).status, (await visit(first)).status]).toEqual([302, 400]);
    expect((await visit(`${await start()}&scope=admin`)).status).toBe(400);
    expect((await visit((await start()).replace('client_id=test-client', 'client_id=other'))).status).toBe(
      400,
    );
  });

  test('par: never sends the parameters by the browser, which this server refuses', async () => {
    const { server, client, visit } = world();
    const { url } = await startLogin({
      ...client,
      redirectUri,
      pending: new Map(),
      par: 'never',
    });
    expect(query(url)['response_type']).toBe('code');
    expect((await visit(url)).status).toBe(400);
    expect(server.counts.pushedRequests).toBe(0);
  });

  test('a wrong secret is the answer of the server: refused, invalid_client', async () => {
    const { client } = world({ clients: [{ clientId: 'test-client', clientSecret: 'right' }] });
    const pending = new Map<string, string>();
    const clientAuthentication = clientSecretBasic('a wrong secret');
    const error = await rejection(startLogin({ ...client, clientAuthentication, redirectUri, pending }));
    expect(error).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'refused', error: 'invalid_client' });
    expect([JSON.stringify(error).includes('a wrong secret'), pending.size]).toEqual([false, 0]);
  });
});

describe('the option par', () => {
  const endpoints = { pushed_authorization_request_endpoint: endpoint };
  test.each([
    [1, 'auto', { ...endpoints, require_pushed_authorization_requests: true }],
    [0, 'auto', endpoints],
    [0, 'auto', { ...endpoints, require_pushed_authorization_requests: 'true' }],
    [0, 'never', { ...endpoints, require_pushed_authorization_requests: true }],
    [1, 'always', endpoints],
  ] as const)('pushes %i requests with %s and the metadata %o', async (count, par, metadata) => {
    const { net, started } = begin(pushed, { par, authorizationServer: { ...as, metadata } });
    await started;
    expect(net.to(endpoint)).toHaveLength(count);
  });

  test('declared data of a provider takes precedence over the metadata', async () => {
    const metadata = { ...endpoints, require_pushed_authorization_requests: true };
    const declared = { ...as, metadata, requirePushedAuthorizationRequests: false };
    const { net, started } = begin(pushed, { authorizationServer: declared });
    await started;
    expect(net.sent).toEqual([]);
  });

  test('a client with a certificate uses the alias of the endpoint', async () => {
    const metadata = {
      ...endpoints,
      mtls_endpoint_aliases: { pushed_authorization_request_endpoint: `${endpoint}/mtls` },
    };
    const { client, net } = scene({ [`${endpoint}/mtls`]: pushed });
    const options = {
      ...client,
      authorizationServer: { ...as, metadata },
      redirectUri,
      pending: new Map(),
      par: 'always' as const,
    };
    await startLogin({ ...options, clientAuthentication: tlsClientAuth() });
    expect(net.sent.map(({ url }) => url)).toEqual([`${endpoint}/mtls`]);
  });

  test.each([
    ['missing', as],
    ['http', { ...as, pushedAuthorizationRequestEndpoint: 'http://as.test/par' }],
    ['no text', { ...as, metadata: { pushed_authorization_request_endpoint: 3 } }],
  ])('sends nothing when the endpoint is %s', async (_, server) => {
    const { net, started } = begin(pushed, { par: 'always', authorizationServer: server });
    const error = await rejection(started);
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(error.message).toContain('authorizationServer.pushedAuthorizationRequestEndpoint');
    expect(net.sent).toEqual([]);
  });

  test('a polluted prototype adds no endpoint', async () => {
    const names = ['pushedAuthorizationRequestEndpoint', 'pushed_authorization_request_endpoint'];
    const evil = { configurable: true, value: 'https://evil.test/par' };
    Object.defineProperties(Object.prototype, Object.fromEntries(names.map((name) => [name, evil])));
    try {
      const metadata = { mtls_endpoint_aliases: {} };
      const change = { par: 'always', authorizationServer: { ...as, metadata } } as const;
      const { net, started } = begin(pushed, { ...change, clientAuthentication: tlsClientAuth() });
      expect(await rejection(started)).toMatchObject({ code: 'ERR_CONFIGURATION' });
      expect(net.sent).toEqual([]);
    } finally {
      for (const name of names) Reflect.deleteProperty(Object.prototype, name);
    }
  });

  test('is refused by deviceLogin(), which pushes nothing', async () => {
    const { client } = scene();
    const error = await rejection(
      deviceLogin({ ...client, par: 'always', onPrompt: () => undefined } as never),
    );
    expect(error.message).toMatch(explained('the option par is for logins in a browser'));
  });
});

describe('every form of login', () => {
  const jar = () => ({ [endpoint]: pushed });

  test('redirectToLogin() and redirectLogin() send the page to the short URL', async () => {
    const assign = vi.fn();
    vi.stubGlobal('location', { assign });
    const { client, net } = scene(jar());
    const server = { ...client, authorizationServer: required };
    const aborting = new AbortController();
    const left = redirectToLogin({ ...server, redirectUri, pending: new Map(), signal: aborting.signal });
    await vi.waitUntil(() => assign.mock.calls.length > 0);
    aborting.abort();
    await rejection(left);
    const manager = new TokenManager({ ...server, protectedResources: ['https://api.test/'] });
    const page = new Page('https://app.test/');
    const login = redirectLogin({
      manager,
      page,
      redirectUri,
      pending: () => new Map(),
      acrValues: ['gold'],
    });
    const second = new AbortController();
    const begun = login.begin({ signal: second.signal });
    await vi.waitUntil(() => page.sent.length > 0);
    second.abort();
    await rejection(begun);
    const short = { tenant: 'x', client_id: 'app', request_uri: requestUri };
    expect([query(assign.mock.calls[0]?.[0]), query(page.sent[0] ?? '')]).toEqual([short, short]);
    expect(net.to(endpoint).map(({ form }) => form.get('acr_values'))).toEqual([null, 'gold']);
    await manager.close();
  });

  test('popupLogin() opens its window first, and pushes then', async () => {
    const order: string[] = [];
    const opened = Promise.withResolvers<string>();
    const location = { replace: opened.resolve };
    vi.stubGlobal('location', { origin: 'https://app.test', href: redirectUri });
    vi.stubGlobal('open', () => {
      order.push('open');
      return { opener: null, closed: false, location, close: () => undefined };
    });
    const { client } = scene({
      [endpoint]: (sent, count) => {
        order.push('push');
        return pushed(sent, count);
      },
    });
    const aborting = new AbortController();
    const login = popupLogin({
      ...client,
      authorizationServer: required,
      redirectUri,
      signal: aborting.signal,
    });
    expect(query(await opened.promise)).toEqual({ tenant: 'x', client_id: 'app', request_uri: requestUri });
    aborting.abort();
    await rejection(login);
    expect(order).toEqual(['open', 'push']);
  });

  test('loopbackLogin() pushes the port on which it listens', async () => {
    const { client, net } = scene(jar());
    const open = async (url: string) => {
      expect(query(url)).toEqual({ tenant: 'x', client_id: 'app', request_uri: requestUri });
      const { form } = net.to(endpoint)[0] as { form: URLSearchParams };
      await (await fetch(answered(`https://as.test/authorize?${form}`))).text();
    };
    const { tokens } = await loopbackLogin({ ...client, authorizationServer: required, open });
    expect(tokens.accessToken).toBe('access-1');
    expect(net.to(endpoint)[0]?.form.get('redirect_uri')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
  });

  test('a native app comes back by a scheme of its own', async () => {
    const { net, started } = begin(pushed, { redirectUri: 'com.example.app:/callback' });
    await started;
    expect(net.to(endpoint)[0]?.form.get('redirect_uri')).toBe('com.example.app:/callback');
  });

  test('aborting while the request is pushed ends the login, and nothing stays behind', async () => {
    const aborting = new AbortController();
    const reached = Promise.withResolvers<void>();
    const place: Place = () => {
      reached.resolve();
      return new Promise<never>(() => undefined);
    };
    const { started, pending } = begin(place, { signal: aborting.signal });
    await reached.promise;
    aborting.abort(new Error('changed my mind'));
    expect((await rejection(started)).message).toBe('changed my mind');
    expect(pending.size).toBe(0);
  });

  test('a server that never answers is abandoned after the time limit', async () => {
    const reached = Promise.withResolvers<void>();
    const place: Place = () => {
      reached.resolve();
      return new Promise<never>(() => undefined);
    };
    const { started, clock } = begin(place, { timeout: 1_000 });
    await reached.promise;
    const failed = rejection(started);
    await clock.advance(1_000);
    expect(await failed).toMatchObject({ reason: 'no_response', isRetryable: true });
    expect(clock.timers).toBe(0);
  });
});

describe('hostile answers', () => {
  const json =
    (body: unknown, status = 201) =>
    () =>
      Response.json(body, { status });
  test.each<[string, Place, object]>([
    [
      'a redirect',
      () => new Response(null, { status: 307, headers: { location: 'https://evil.test/' } }),
      { reason: 'invalid_response' },
    ],
    ['a 304', () => new Response(null, { status: 304 }), { reason: 'invalid_response' }],
    ['no request_uri', json({ expires_in: 60 }), { reason: 'invalid_response' }],
    ['a request_uri that is no text', json({ ...granted, request_uri: 3 }), { reason: 'invalid_response' }],
    [
      'a request_uri that is no URI',
      json({ ...granted, request_uri: 'abc' }),
      { reason: 'invalid_response' },
    ],
    [
      'a request_uri of two lines',
      json({ ...granted, request_uri: 'urn:a\nb' }),
      { reason: 'invalid_response' },
    ],
    [
      'a request_uri with a fragment',
      json({ ...granted, request_uri: 'urn:a#b' }),
      { reason: 'invalid_response' },
    ],
    [
      'a long request_uri',
      json({ ...granted, request_uri: `urn:${'a'.repeat(2001)}` }),
      { reason: 'invalid_response' },
    ],
    ['no expires_in', json({ request_uri: requestUri }), { reason: 'invalid_response' }],
    ['a past expires_in', json({ ...granted, expires_in: -1 }), { reason: 'invalid_response' }],
    [
      'an expires_in that is no number',
      json({ ...granted, expires_in: 'soon' }),
      { reason: 'invalid_response' },
    ],
    [
      'a page of a captive portal',
      () => new Response('<p>Log in</p>', { status: 200 }),
      { reason: 'no_response' },
    ],
    ['a list', json([granted]), { reason: 'no_response' }],
    [
      'an error in a success',
      json({ ...granted, error: 'invalid_scope' }),
      { reason: 'refused', error: 'invalid_scope' },
    ],
    ['a refusal', json({ error: 'invalid_request' }, 400), { reason: 'refused', error: 'invalid_request' }],
    ['too many requests', json({ error: 'slow_down' }, 429), { reason: 'no_response', isRetryable: true }],
    ['an outage', json({ error: 'server_error' }, 503), { reason: 'no_response', isRetryable: true }],
    [
      'no network',
      () => Promise.reject(new TypeError('fetch failed')),
      { reason: 'no_response', isRetryable: true },
    ],
  ])('%s', async (_, place, expected) => {
    const { started, pending, net } = begin(place);
    expect(await rejection(started)).toMatchObject({ code: 'ERR_LOGIN_FAILED', ...expected });
    expect([pending.size, net.sent.length]).toEqual([0, 1]);
  });

  test('a body without an end is not read to the end', async () => {
    let pulled = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          pulled++;
          controller.enqueue(new Uint8Array(1_048_576).fill(32));
        },
      });
    const { started } = begin(() => new Response(endless(), { status: 201 }));
    expect(await rejection(started)).toMatchObject({ reason: 'no_response' });
    expect(pulled).toBeLessThan(32);
  });

  test('a credential that comes back as request_uri reaches no URL', async () => {
    const secret = 'correct-horse-battery-staple';
    const echo: Place = ({ form }) =>
      Response.json({ ...granted, request_uri: `urn:x:${form.get('client_secret')}` }, { status: 201 });
    const { started } = begin(echo, { clientAuthentication: clientSecretPost(secret) });
    const error = await rejection(started);
    expect(error).toMatchObject({ reason: 'invalid_response' });
    expect(error.message).not.toContain(secret);
  });

  test('a refusal that repeats secrets is redacted, and ordinary words stay', async () => {
    const secret = 'correct-horse-battery-staple';
    const echo: Place = ({ form }) => {
      const description = `code not allowed ${form.get('client_secret')} ${form.get('state')} ${form.get('nonce')}`;
      return Response.json({ error: 'unauthorized_client', error_description: description }, { status: 400 });
    };
    const { started } = begin(echo, { clientAuthentication: clientSecretPost(secret) });
    expect((await rejection(started))['description']).toBe(
      'code not allowed [redacted] [redacted] [redacted]',
    );
  });

  test('the redirect is not followed, so the secret stays at the endpoint (law tokens-stay-home)', async () => {
    const { net, started } = begin(
      () => new Response(null, { status: 307, headers: { location: 'https://evil.test/' } }),
      { clientAuthentication: clientSecretBasic('secret') },
    );
    expect((await rejection(started)).message).toContain('pushedAuthorizationRequestEndpoint');
    expect(net.sent.map(({ url }) => url)).toEqual([endpoint]);
  });

  test('an answer of another address, to which a transport has followed, is not believed', async () => {
    const { started } = begin(() => {
      const response = Response.json(granted, { status: 201 });
      return Object.defineProperties(response, {
        redirected: { value: true },
        url: { value: 'https://evil.test/' },
      });
    });
    expect(await rejection(started)).toMatchObject({ reason: 'no_response' });
  });
});

describe('parameters by name', () => {
  const start = async (change: object) => {
    const { client } = scene();
    const pending = new Map<string, string>();
    const { url } = await startLogin({ ...client, redirectUri, pending, ...change });
    return { url: query(url), kept: JSON.parse([...pending.values()][0] ?? '{}') };
  };
  const details = [{ type: 'payment', amount: { currency: 'EUR', value: '12.50' } }];

  test('are sent as the standards spell them', async () => {
    const named = {
      authorizationDetails: details,
      acrValues: ['gold', 'silver'],
      maxAge: 60,
      uiLocales: ['de-CH', 'en'],
    };
    const { url, kept } = await start({ ...named, prompt: ['login', 'consent'] });
    expect(url).toMatchObject({
      acr_values: 'gold silver',
      max_age: '60',
      prompt: 'login consent',
      ui_locales: 'de-CH en',
    });
    expect(JSON.parse(url['authorization_details'] ?? '')).toEqual(details);
    expect(kept.maxAge).toBe(60);
    expect((await start({ prompt: 'none', maxAge: 0 })).url).toMatchObject({ prompt: 'none', max_age: '0' });
  });

  test('parameters of the same name take precedence', async () => {
    const { url, kept } = await start({
      prompt: 'login',
      maxAge: 60,
      parameters: { prompt: 'consent', max_age: '5' },
    });
    expect([url['prompt'], url['max_age'], kept.maxAge]).toEqual(['consent', '5', 5]);
  });

  test.each([
    ['par', 'yes'],
    ['authorizationDetails', [{ amount: 3 }]],
    ['authorizationDetails', [null]],
    ['authorizationDetails', { type: 'payment' }],
    ['acrValues', 'gold'],
    ['acrValues', ['two words']],
    ['maxAge', -1],
    ['maxAge', '60'],
    ['prompt', ''],
    ['prompt', ['log in']],
    ['uiLocales', 'de'],
  ])('refuses a wrong %s: %o', async (name, value) => {
    const error = await rejection(start({ [name]: value }));
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(error.message).toContain(`The option ${name} `);
  });
});
