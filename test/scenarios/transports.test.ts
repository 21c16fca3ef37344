/** The same behaviour with different transports: other implementations of fetch, and functions with the same signature. */
import { Readable } from 'node:stream';
import nodeFetch3 from 'node-fetch';
// @ts-expect-error It has no types of its own, and has the shape of fetch.
import nodeFetch2 from 'node-fetch-2';
import { discover, TokenManager, type Transport } from 'tokenkeep';
import {
  authorizationServer,
  faults,
  type ListeningServer,
  type TestAuthorizationServer,
} from 'tokenkeep/testing';
import { fetch as undiciFetch } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let server: TestAuthorizationServer;
let here: ListeningServer;
let stranger: ListeningServer;

beforeEach(async () => {
  const echo = async (request: Request) =>
    new Response(await request.text(), { headers: { 'x-type': request.headers.get('content-type') ?? '' } });
  server = authorizationServer({ api: echo });
  [here, stranger] = await Promise.all([server.listen(), authorizationServer().listen()]);
});
afterEach(async () => {
  await Promise.all([here.close(), stranger.close()]);
});

interface Specimen {
  readonly fetch: Transport;
  /** A body that can be read once. */
  readonly stream: (text: string) => unknown;
  /** The result if the token endpoint redirects: a refusal, or a response that tokenkeep discards. */
  readonly redirect: object;
  /** It knows the platform's `FormData`. @default true */
  readonly forms?: false;
}

const webStream = (text: string) => new Blob([text]).stream();
const nodeStream = (text: string) => Readable.from([Buffer.from(text)]);
const seen = { code: 'ERR_REFRESH_FAILED', sent: false, status: 307 };

/** Reads the whole body, and has no stream. */
async function withoutWebStreams(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetch(input, init);
  const text = await response.text();
  const { status, headers, ok, url, redirected } = response;
  const members = {
    status,
    headers,
    ok,
    url,
    redirected,
    body: Readable.from([text]),
    bodyUsed: false,
    type: 'default',
  };
  return Object.assign(members, {
    text: async () => text,
    json: async () => JSON.parse(text),
    clone: () => members,
  }) as never;
}

/** `net.fetch` of Electron: `url` and `type` of its responses are wrong, and it throws on a redirect that it does not follow. */
async function electronNetFetch(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  const { body, status, headers } = await fetch(input, init);
  if (init?.redirect === 'manual' && status >= 300 && status < 400) throw new Error('Redirect was cancelled');
  return new Response(body, { status, headers });
}

const zoo: Record<string, Specimen> = {
  "the platform's": { fetch: (input, init) => fetch(input, init), stream: webStream, redirect: seen },
  undici: { fetch: undiciFetch as never, stream: webStream, redirect: seen },
  'node-fetch 3': { fetch: nodeFetch3 as never, stream: nodeStream, redirect: seen },
  'node-fetch 2': { fetch: nodeFetch2 as never, stream: nodeStream, redirect: seen, forms: false },
  'one that follows redirects': {
    fetch: (input, init) => fetch(input, { ...init, redirect: 'follow' }),
    stream: webStream,
    redirect: { code: 'ERR_REFRESH_FAILED', sent: true, message: expect.stringContaining('may have leaked') },
  },
  'one without web streams': { fetch: withoutWebStreams, stream: webStream, redirect: seen },
  "Electron's net.fetch": {
    fetch: electronNetFetch,
    stream: webStream,
    redirect: { code: 'ERR_REFRESH_FAILED', sent: true },
  },
};

async function signedIn(fetch: Transport): Promise<TokenManager> {
  const manager = new TokenManager({
    clientId: 'test-client',
    authorizationServer: discover(here.url, { fetch }),
    protectedResources: [here.apiUrl],
    fetch,
  });
  await manager.setTokens(server.signIn({ issuer: here.url }));
  return manager;
}

const post = async (manager: TokenManager, body: unknown, type?: string) => {
  const headers = type === undefined ? {} : { 'content-type': type };
  const response = await manager.fetch(`${here.apiUrl}/`, {
    method: 'POST',
    headers,
    body,
    duplex: 'half',
  } as RequestInit);
  return { status: response.status, type: response.headers.get('x-type'), text: await response.text() };
};

describe.each(Object.entries(zoo))('%s', (_name, { fetch, stream, redirect }) => {
  test('a call, and one with a token that was rejected: one refresh, one replay', async () => {
    const manager = await signedIn(fetch);
    expect((await manager.fetch(`${here.apiUrl}/`)).status).toBe(200);
    server.expire();
    expect((await manager.fetch(`${here.apiUrl}/`)).status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0, metadataRequests: 1 });
  });

  test.each([
    ['a text', 'büro', 'text/plain'],
    ['JSON', JSON.stringify({ büro: 1 }), 'application/json'],
  ])('the replay has the same body: %s', async (_what, body, type) => {
    const manager = await signedIn(fetch);
    server.expire();
    expect(await post(manager, body, type)).toEqual({ status: 200, type, text: body });
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('a stream is sent once: its 401 is returned, and the next call works', async () => {
    const manager = await signedIn(fetch);
    expect(await post(manager, stream('once'), 'text/plain')).toMatchObject({ status: 200, text: 'once' });
    server.expire();
    expect(await post(manager, stream('once more'), 'text/plain')).toMatchObject({ status: 401 });
    expect(await post(manager, stream('again'), 'text/plain')).toMatchObject({ status: 200, text: 'again' });
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('a sign-out is confirmed', async () => {
    const manager = await signedIn(fetch);
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(server.counts).toMatchObject({ familiesRevoked: 1 });
  });

  test('a refused sign-out reports the refusal', async () => {
    const manager = await signedIn(fetch);
    server.fail(faults.oauthError('invalid_client', 401), { on: 'revocation' });
    expect(await manager.signOut()).toEqual({ revoked: false, reason: 'refused', status: 401 });
  });

  test('a token endpoint that redirects: the other server’s response never becomes the session', async () => {
    const manager = await signedIn(fetch);
    const { refreshToken } = (await manager.getTokens()) ?? {};
    server.expire();
    server.fail(faults.redirect(stranger.metadata.tokenEndpoint), { on: 'token' });
    const error = await manager.fetch(`${here.apiUrl}/`).catch((reason: unknown) => reason);
    expect(error).toMatchObject(redirect);
    expect(await manager.getTokens()).toMatchObject({ refreshToken });
  });
});

test.each(Object.entries(zoo).filter(([, { forms }]) => forms !== false))(
  '%s: the replay has the same body: a form with a file',
  async (_name, { fetch }) => {
    const manager = await signedIn(fetch);
    server.expire();
    const form = new FormData();
    form.set('name', 'büro');
    form.set('file', new Blob(['bytes of the file'], { type: 'text/plain' }), 'a.txt');
    const { status, type, text } = await post(manager, form);
    const read = await new Response(text, { headers: { 'content-type': type ?? '' } }).formData();
    expect(status).toBe(200);
    expect(read.get('name')).toBe('büro');
    expect(await (read.get('file') as File).text()).toBe('bytes of the file');
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  },
);

test('a mock that returns responses and no promises', async () => {
  const sent: string[] = [];
  const answer = (url: string, init: RequestInit = {}): Response => {
    sent.push(url);
    if (url.endsWith('/token'))
      return Response.json({ access_token: 'new', refresh_token: 'next', expires_in: 300 });
    if (url.endsWith('/revoke')) return new Response();
    if (new Headers(init.headers).get('authorization') === 'Bearer new')
      return new Response(String(init.body));
    return new Response(null, {
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    });
  };
  const manager = new TokenManager({
    clientId: 'a',
    authorizationServer: {
      tokenEndpoint: 'https://as.test/token',
      revocationEndpoint: 'https://as.test/revoke',
    },
    protectedResources: ['https://api.test/'],
    fetch: answer as never,
  });
  await manager.setTokens({ access_token: 'old', refresh_token: 'refresh', expires_in: 300 });
  const response = await manager.fetch('https://api.test/', { method: 'POST', body: 'the same' });
  expect(await response.text()).toBe('the same');
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(sent).toEqual([
    'https://api.test/',
    'https://as.test/token',
    'https://api.test/',
    'https://as.test/revoke',
  ]);
});
