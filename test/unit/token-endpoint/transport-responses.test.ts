/** Transports that differ from `fetch`: which responses tokenkeep accepts, and how it reads them. */
import { discover, TokenManager } from 'tokenkeep';
import { completeLogin, startLogin } from 'tokenkeep/login';
import { describe, expect, test } from 'vitest';
import { otherResponseOrigin } from '../../../src/core/http/redirect.ts';
import { explained } from '../../support/explained.ts';
import { openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

type Fetch = typeof globalThis.fetch;

const token = 'https://as.test/token';
const stranger = 'https://stranger.test/token';
const forged = () => Response.json({ access_token: 'forged', refresh_token: 'forged', expires_in: 300 });

/** A response with the given metadata of a transport. */
const told = (response: Response, members: object): Response =>
  Object.defineProperties(
    response,
    Object.fromEntries(Object.entries(members).map(([name, value]) => [name, { value, configurable: true }])),
  ) as Response;

/** A transport that ignores `redirect: 'manual'`: the token endpoint redirects, and the stranger answers. */
const strays = (sayings: object) => {
  const sent: string[] = [];
  const fetch: Fetch = async (input) => {
    sent.push(String(input));
    return told(forged(), sayings);
  };
  return { fetch, sent };
};

describe('a response from another URL (K5a, law tokens-stay-home)', () => {
  test.each([
    ['redirected', { redirected: true }],
    ['url', { url: stranger }],
    ['redirected and url', { redirected: true, url: stranger }],
  ])('never becomes the session: the transport says %s', async (_name, sayings) => {
    const { fetch, sent } = strays(sayings);
    const { manager, expire, record, types, events, tokens } = await openManager({ manager: { fetch } });
    expire();
    const error = await rejection(manager.getAccessToken());
    expect(error).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
    expect(String(error)).toMatch(/redirect/);
    expect(String(error)).toMatch(/leaked/);
    expect(await record()).toMatchObject({
      refreshToken: tokens.refresh_token,
      pendingRefresh: { sends: 1 },
    });
    expect(types()).toEqual(['refreshFailed']);
    expect(events[0]?.['error']).toBe(error);
    expect(sent).toEqual([token]);
  });

  test('is not retried at once inside a reuse window, as the token would leak again', async () => {
    const { fetch, sent } = strays({ redirected: true });
    const authorizationServer = { tokenEndpoint: token, profile: { reuseWindow: 60_000 } };
    const { manager, expire } = await openManager({ manager: { fetch, authorizationServer } });
    expire();
    expect(await rejection(manager.getAccessToken())).toMatchObject({ sent: true });
    expect(sent).toEqual([token]);
  });

  test('a refusal from elsewhere does not end the session (law only-the-server-ends-it)', async () => {
    const fetch: Fetch = async () =>
      told(Response.json({ error: 'invalid_grant' }, { status: 400 }), { url: stranger });
    const { manager, expire, record } = await openManager({ manager: { fetch } });
    expire();
    expect(await rejection(manager.getAccessToken())).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      sent: true,
    });
    expect(await record()).toBeDefined();
  });

  test('the same URL, written otherwise, is not elsewhere', async () => {
    const place = 'https://AS.test:443/a/../token?x=%7e';
    expect(otherResponseOrigin(place, { url: 'https://as.test/token?x=%7e' })).toBeUndefined();
    expect(otherResponseOrigin(place, { url: 'https://as.test/token?x=1' })).toBe('https://as.test');
    expect(otherResponseOrigin(place, {})).toBeUndefined();
    expect(otherResponseOrigin(place, { url: '', redirected: false })).toBeUndefined();
    expect(otherResponseOrigin(place, { url: null as never })).toBeUndefined();
    expect(otherResponseOrigin(place, { url: 'neither URL nor path: %' })).toBeUndefined();
    expect(otherResponseOrigin(place, { redirected: true })).toBe('another address');
  });

  test.each([
    ['is believed where the transport declares to obey', { redirects: 'manual' as const }, 'new'],
    ['is not believed where it declares nothing', {}, 'ERR_REFRESH_FAILED'],
  ])('an answer with another URL that the transport has chosen %s', async (_name, declared, outcome) => {
    const granted = { access_token: 'new', refresh_token: 'next', expires_in: 300 };
    const routed = async () => told(Response.json(granted), { url: 'http://127.0.0.1:4711/token' });
    const { manager, expire } = await openManager({ manager: { fetch: Object.assign(routed, declared) } });
    expire();
    const got = manager.getAccessToken().catch(({ code }: { code: string }) => code);
    expect(await got).toBe(outcome);
  });

  test('fetch.redirects that is anything but manual is refused', () => {
    const fetch = Object.assign(async () => new Response(), { redirects: 'sometimes' as never });
    expect(
      () =>
        new TokenManager({
          clientId: 'a',
          authorizationServer: { tokenEndpoint: token },
          protectedResources: [],
          fetch,
        }),
    ).toThrow(explained(/fetch.*redirects.*'manual'/s));
  });

  test('is not used for a login', async () => {
    const { fetch } = strays({ redirected: true });
    const client = {
      clientId: 'a',
      authorizationServer: { tokenEndpoint: token, authorizationEndpoint: 'https://as.test/authorize' },
      redirectUri: 'https://app.test/cb',
      fetch,
    };
    const pending = pendingStorage();
    const { url } = await startLogin({ ...client, pending });
    const state = new URL(url).searchParams.get('state');
    const login = completeLogin({ ...client, pending }, `https://app.test/cb?code=c&state=${state}`);
    expect(await rejection(login)).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'no_response' });
  });

  test('is not used as a metadata document', async () => {
    const document = { issuer: 'https://as.test', token_endpoint: stranger };
    const fetch: Fetch = async () =>
      told(Response.json(document), { url: 'https://stranger.test/metadata', redirected: true });
    const error = await rejection(discover('https://as.test', { fetch })());
    expect(error).toMatchObject({ cause: { message: expect.stringMatching(/redirect/) } });
  });
});

function pendingStorage() {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
    key: (index: number) => [...items.keys()][index] ?? null,
    get length() {
      return items.size;
    },
  } as never;
}

/** An answer of a transport whose bodies are no web streams, such as node-fetch. */
const withoutWebStreams = (response: Response): Response =>
  told(response, { body: { pipe: () => undefined }, text: response.text.bind(response) });

describe('an answer that is no web stream (K5b)', () => {
  test('is read, and the spent token is not sent again', async () => {
    const { server, open, expire, posts, tokens } = await openManager();
    const manager = open({
      fetch: async (...args) => {
        const answered = await server.fetch(...args);
        posts.push(new URLSearchParams(String(args[1]?.body)).get('refresh_token') ?? '');
        const text = await answered.text();
        return withoutWebStreams(new Response(text, answered));
      },
    });
    expire();
    expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
    expect(posts).toEqual([tokens.refresh_token]);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('a refusal is read as well', async () => {
    const fetch: Fetch = async () =>
      withoutWebStreams(Response.json({ error: 'invalid_grant' }, { status: 400 }));
    const { manager, expire } = await openManager({ manager: { fetch } });
    expire();
    expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'invalid_grant' });
  });

  test('a metadata document is read', async () => {
    const document = { issuer: 'https://as.test', token_endpoint: token };
    const fetch: Fetch = async () => withoutWebStreams(Response.json(document));
    expect(await discover('https://as.test', { fetch })()).toMatchObject({ tokenEndpoint: token });
  });
});

describe('a transport that is not asynchronous (K5k)', () => {
  test('returns a response in place of a promise', async () => {
    const fetch = ((): Response =>
      Response.json({ access_token: 'new', refresh_token: 'next', expires_in: 300 })) as never;
    const { manager, expire } = await openManager({ manager: { fetch } });
    expire();
    expect(await manager.getAccessToken()).toBe('new');
  });

  test('throws: it may have been sent', async () => {
    const fetch = (() => {
      throw new Error('no');
    }) as never;
    const { manager, expire } = await openManager({ manager: { fetch } });
    expire();
    expect(await rejection(manager.getAccessToken())).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      sent: true,
    });
  });
});

test.each([
  ['with a web stream', (response: Response) => response],
  ['without', withoutWebStreams],
])('an answer of more than 1 MiB keeps its successor, %s', async (_name, as) => {
  const large = {
    access_token: 'new',
    refresh_token: 'next',
    expires_in: 300,
    avatar: 'x'.repeat(2_000_000),
  };
  const fetch: Fetch = async () => as(Response.json(large));
  const { manager, expire, record } = await openManager({ manager: { fetch } });
  expire();
  expect(await manager.getAccessToken()).toBe('new');
  expect((await record())?.refreshToken).toBe('next');
});

test('an answer of more than 16 MiB is not read: the error says so', async () => {
  const { manager, expire } = await openManager({
    manager: { fetch: async () => new Response('x'.repeat(17_000_000)) },
  });
  expire();
  expect(await rejection(manager.getAccessToken())).toMatchObject({
    sent: true,
    cause: { message: 'The response is larger than 16 MiB.' },
  });
});

test('x-retry-after is read where Retry-After is missing', async () => {
  const { manager, server, expire } = await openManager();
  expire();
  server.fail({ response: { status: 429, headers: { 'x-retry-after': '120' }, body: '' } });
  expect(await rejection(manager.getAccessToken())).toMatchObject({ sent: false, retryAfter: 120_000 });
});

test('Retry-After counts where both are given', async () => {
  const { manager, server, expire } = await openManager();
  expire();
  const headers = { 'retry-after': '70', 'x-retry-after': '120' };
  server.fail({ response: { status: 429, headers, body: '' } });
  expect(await rejection(manager.getAccessToken())).toMatchObject({ retryAfter: 70_000 });
});
