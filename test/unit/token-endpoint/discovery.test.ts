import { discover, memoryStorage, TokenManager } from 'tokenkeep';
import { authorizationServer, testClock } from 'tokenkeep/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';

const issuer = 'https://as.example.com/tenant';
const document = {
  issuer,
  token_endpoint: `${issuer}/token`,
  revocation_endpoint: `${issuer}/revoke`,
  authorization_endpoint: `${issuer}/authorize`,
  mtls_endpoint_aliases: { token_endpoint: 'https://mtls.example.com/token' },
  scopes_supported: ['openid'],
};
const oidc = `${issuer}/.well-known/openid-configuration`;
const rfc8414 = 'https://as.example.com/.well-known/oauth-authorization-server/tenant';

/** A `fetch` that answers by URL, with a 404 to all others. */
function answering(answers: Record<string, (count: number) => Response | Promise<Response>>) {
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const { url, redirect, method, headers } = new Request(input, init);
    asked.push(url);
    expect([redirect, method, headers.get('authorization')]).toEqual(['manual', 'GET', null]);
    const count = asked.filter((one) => one === url).length;
    return (await answers[url]?.(count)) ?? new Response(null, { status: 404 });
  };
  return { asked, fetch };
}

/** Runs timers while something is waited for. */
async function passing<T>(promise: Promise<T>): Promise<T> {
  let over = false;
  const done = promise.finally(() => {
    over = true;
  });
  done.catch(() => undefined);
  while (!over) {
    await vi.advanceTimersByTimeAsync(100);
    await new Promise(setImmediate);
  }
  return await done;
}

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

describe('discover(issuer)', () => {
  test.each([oidc, rfc8414])('reads the document at %s (8414-03, 8414-04)', async (place) => {
    const { fetch, asked } = answering({ [place]: () => Response.json(document) });
    expect(await discover(issuer, { fetch, profile: { reuseWindow: 5 } })()).toEqual({
      issuer,
      tokenEndpoint: document.token_endpoint,
      revocationEndpoint: document.revocation_endpoint,
      authorizationEndpoint: document.authorization_endpoint,
      mtlsEndpointAliases: { tokenEndpoint: 'https://mtls.example.com/token' },
      metadata: document,
      profile: { reuseWindow: 5 },
    });
    expect(asked.at(-1)).toBe(place);
  });

  test('asks nobody until it is needed, and knows its issuer before', () => {
    const { fetch, asked } = answering({});
    expect(discover(issuer, { fetch }).issuer).toBe(issuer);
    expect(asked).toEqual([]);
  });

  test.each([429, 500, 502, 503, 504])('tries again after %i', async (status) => {
    const { fetch, asked } = answering({
      [oidc]: (count) => (count < 3 ? new Response(null, { status }) : Response.json(document)),
    });
    expect((await passing(discover(issuer, { fetch })())).tokenEndpoint).toBe(document.token_endpoint);
    expect(asked).toEqual([oidc, oidc, oidc]);
  });

  test('tries again after a network error', async () => {
    const { fetch } = answering({
      [oidc]: (count) =>
        count < 2 ? Promise.reject(new TypeError('fetch failed')) : Response.json(document),
    });
    expect((await passing(discover(issuer, { fetch })())).tokenEndpoint).toBe(document.token_endpoint);
  });

  test.each([
    ['as long as the server asks', '1', 1_000],
    ['at most 2 s', '60', 2_000],
  ])('waits %s before it tries again', async (_name, retryAfter, pause) => {
    const { fetch, asked } = answering({
      [oidc]: (count) =>
        count === 1
          ? new Response(null, { status: 503, headers: { 'retry-after': retryAfter } })
          : Response.json(document),
    });
    const finding = discover(issuer, { fetch })();
    await vi.advanceTimersByTimeAsync(pause - 1);
    expect(asked).toEqual([oidc]);
    await vi.advanceTimersByTimeAsync(1);
    expect((await finding).issuer).toBe(issuer);
    expect(asked).toEqual([oidc, oidc]);
  });

  test('tries again when the connection breaks in the middle of the document', async () => {
    const broken = () =>
      new Response(new ReadableStream({ start: (body) => body.error(new TypeError('terminated')) }));
    const { fetch, asked } = answering({
      [oidc]: (count) => (count === 1 ? broken() : Response.json(document)),
    });
    expect((await passing(discover(issuer, { fetch })())).issuer).toBe(issuer);
    expect(asked).toEqual([oidc, oidc]);
  });

  test.each<[string, () => Promise<Response> | Response]>([
    ['an answer that does not come in time', () => new Promise<Response>(() => undefined)],
    ['a body without an end', () => new Response(new ReadableStream())],
    [
      'a redirect that the transport followed',
      () => Object.defineProperty(Response.json(document), 'url', { value: 'https://evil.example/' }),
    ],
    ['a document that is too large', () => Response.json({ ...document, more: 'x'.repeat(1_100_000) })],
  ])('does not try again after %s', async (_name, answer) => {
    const { fetch, asked } = answering({ [oidc]: answer });
    await expect(passing(discover(issuer, { fetch, timeout: 500 })())).rejects.toThrow(/could not be read/);
    expect(asked).toEqual([oidc, rfc8414]);
  });

  test('uses the fetch that the platform had when it was called', async () => {
    const { fetch } = answering({ [oidc]: () => Response.json(document) });
    vi.stubGlobal('fetch', fetch);
    const find = discover(issuer);
    vi.stubGlobal('fetch', () => Promise.reject(new Error('the one of the application')));
    expect((await find()).issuer).toBe(issuer);
  });

  test.each([
    ['no https', 'http://as.example.com'],
    ['no URL', 'as.example.com'],
    ['nothing', ''],
    ['a user in it', 'https://user:pass@as.example.com'],
    ['a fragment', 'https://as.example.com/#x'],
  ])('refuses %s at once', (_name, bad) => {
    expect(() => discover(bad)).toThrow(/discover\(issuer\)/);
    expect(() => discover(bad)).not.toThrow(/pass/);
  });

  test('allows http on loopback', () => {
    expect(() => discover('http://localhost:3000')).not.toThrow();
  });
});

const found = (answer: () => Response) => {
  const { fetch, asked } = answering({ [oidc]: answer, [rfc8414]: answer });
  const refused = passing(discover(issuer, { fetch })()).catch((reason: Error) => reason);
  return { refused: refused as Promise<Error & { code?: string }>, asked };
};

describe('a document that must not be used', () => {
  const named = (other: unknown) => () => Response.json({ ...document, issuer: other });
  const bad: [string, () => Response, string][] = [
    ['of another issuer (8414-01)', named('https://evil.example'), '"https://evil.example"'],
    ['of another tenant', named('https://as.example.com/other'), '"https://as.example.com/other"'],
    ['of an issuer with a slash more', named(`${issuer}/`), `"${issuer}/"`],
    ['without an issuer', named(undefined), 'missing'],
    ['with an issuer that is no text', named({ toString: 1 }), 'missing'],
    ['with a line break in its issuer', named('a\r\nb'), '"a\\r\\nb"'],
    ['with an endless issuer', named('x'.repeat(10_000)), `"${'x'.repeat(200)}"`],
  ];

  test.each(bad)(
    '%s: the error says which was asked for and which was found',
    async (_name, answer, told) => {
      const { refused, asked } = found(answer);
      expect(await refused).toMatchObject({ code: 'ERR_CONFIGURATION' });
      expect((await refused).message).toBe(
        `Discovery failed: the metadata document of "${issuer}" says that its issuer is ${told}. ` +
          'It is not used. Write the issuer exactly as the server does, if that is the server you mean.',
      );
      expect(asked).toEqual([oidc, rfc8414]);
    },
  );

  test.each([
    ['without a token endpoint', () => Response.json({ ...document, token_endpoint: undefined })],
    ['that is nowhere', () => new Response(null, { status: 404 })],
  ])('%s is a ConfigurationError', async (_name, answer) => {
    const error = await found(answer).refused;
    expect([error.code, error.message]).toEqual([
      'ERR_CONFIGURATION',
      expect.stringMatching(/^Discovery failed/),
    ]);
  });

  test('in one place is no reason not to look in the other', async () => {
    const { fetch } = answering({
      [oidc]: named('https://evil.example'),
      [rfc8414]: () => Response.json(document),
    });
    expect((await discover(issuer, { fetch })()).tokenEndpoint).toBe(document.token_endpoint);
  });

  test('makes a ConfigurationError of every call, and the session is kept (law only-the-server-ends-it)', async () => {
    const clock = testClock();
    const { fetch, asked } = answering({ [oidc]: named('https://evil.example') });
    const manager = new TokenManager({
      clientId: 'app',
      authorizationServer: discover(issuer, { fetch }),
      protectedResources: ['https://api.example.com/'],
      fetch,
      clock,
    });
    const told: string[] = [];
    manager.on('refreshFailed', ({ error }) => told.push(error.code));
    await manager.setTokens({ accessToken: 'over', refreshToken: 'r', expiresAt: clock.now() - 1 });
    for (let call = 1; call <= 3; call++) {
      await expect(passing(manager.fetch('https://api.example.com/'))).rejects.toMatchObject({
        code: 'ERR_CONFIGURATION',
        message: expect.stringContaining('"https://evil.example"'),
      });
    }
    expect(asked).toEqual([oidc, rfc8414]); // asked once; then there is a pause
    expect(told).toEqual(['ERR_CONFIGURATION']);
    expect((await manager.getTokens())?.refreshToken).toBe('r');
  });

  test('is in no way of a token that is still valid', async () => {
    const clock = testClock();
    const { fetch } = answering({ [oidc]: named('https://evil.example') });
    const manager = new TokenManager({
      clientId: 'app',
      authorizationServer: discover(issuer, { fetch }),
      protectedResources: ['https://api.example.com/'],
      fetch,
      clock,
    });
    await manager.setTokens({ access_token: 'near-its-end', refresh_token: 'r', expires_in: 100 });
    await clock.advance(90_000);
    expect(await passing(manager.getAccessToken())).toBe('near-its-end');
  });
});

test.each<[string, () => Response]>([
  ['no JSON', () => new Response('{"issuer":', { headers: { 'content-type': 'application/json' } })],
  ['a page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ['a list', () => Response.json([document])],
  ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } })],
  ['a redirect that a browser hides', () => opaqueRedirect()],
  ['too large', () => Response.json({ ...document, more: 'x'.repeat(1_100_000) })],
  ['of a server in trouble', () => new Response(null, { status: 503 })],
  ['forbidden', () => new Response(null, { status: 403 })],
])('a document that is %s is not used, and may be another one later', async (_name, answer) => {
  const { refused, asked } = found(answer);
  expect((await refused).message).toMatch(
    /^Discovery failed: the metadata document of ".+" could not be read\. Check the issuer/,
  );
  expect(asked.filter((url) => url.includes('evil'))).toEqual([]);
});

function opaqueRedirect(): Response {
  return Object.defineProperties(new Response(null), {
    type: { value: 'opaqueredirect' },
    status: { value: 0 },
    ok: { value: false },
  });
}

test('metadata is shared: two managers, one document', async () => {
  const { fetch, asked } = answering({ [oidc]: () => Response.json(document) });
  const find = discover(issuer, { fetch });
  expect(await find()).toBe(await find());
  expect(asked).toEqual([oidc]);
});

test('missing metadata is requested again', async () => {
  const { fetch } = answering({
    [oidc]: (count) => (count === 1 ? new Response('<html>') : Response.json(document)),
  });
  const find = discover(issuer, { fetch });
  await expect(find()).rejects.toThrow('could not be read');
  expect((await find()).issuer).toBe(issuer);
});

describe('an endpoint in the document', () => {
  test('of another origin is where the issuer says it is; the session stays the issuer’s, and another issuer with the same endpoint gets nothing of it', async () => {
    const token_endpoint = 'https://tokens.example/token';
    const other = 'https://other.example';
    const { fetch, asked } = answering({
      [oidc]: () => Response.json({ ...document, token_endpoint }),
      [`${other}/.well-known/openid-configuration`]: () => Response.json({ issuer: other, token_endpoint }),
    });
    const storage = memoryStorage();
    const sent: string[] = [];
    const open = (server: string) =>
      new TokenManager({
        clientId: 'app',
        authorizationServer: discover(server, { fetch }),
        protectedResources: ['https://api.example.com/'],
        storage,
        fetch: async (input) => {
          sent.push(String(input));
          return Response.json({
            access_token: `a${sent.length}`,
            refresh_token: `r${sent.length}`,
            expires_in: 0,
          });
        },
      });
    const manager = open(issuer);
    await manager.setTokens({ accessToken: 'over', refreshToken: 'r', expiresAt: 0 });
    expect(await passing(manager.getAccessToken())).toBe('a1');
    const stranger = open(other);
    await expect(passing(stranger.getAccessToken())).rejects.toMatchObject({ reason: 'no_tokens' });
    expect([sent, asked]).toEqual([[token_endpoint], [oidc]]);
  });

  test.each([
    ['the token endpoint', { token_endpoint: 'http://as.example.com/token' }],
    ['the token endpoint, with a password', { token_endpoint: 'https://u:p@as.example.com/token' }],
    ['the revocation endpoint', { revocation_endpoint: 'http://as.example.com/revoke' }],
    [
      'the alias of the token endpoint',
      { mtls_endpoint_aliases: { token_endpoint: 'http://as.example.com/t' } },
    ],
    [
      'the alias of the revocation endpoint',
      { mtls_endpoint_aliases: { revocation_endpoint: 'http://as.example.com/r' } },
    ],
  ])('nothing is sent when %s is no https URL (7009-01)', async (_name, change) => {
    const { fetch, asked } = answering({ [oidc]: () => Response.json({ ...document, ...change }) });
    const manager = new TokenManager({
      clientId: 'app',
      authorizationServer: discover(issuer, { fetch }),
      protectedResources: ['https://api.example.com/'],
      fetch,
    });
    await manager.setTokens({ accessToken: 'over', refreshToken: 'r', expiresAt: 0 });
    await expect(passing(manager.getAccessToken())).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
      message: expect.stringMatching(explained(/Endpoint must (be https|have neither user information)/)),
    });
    expect((await manager.getTokens())?.refreshToken).toBe('r');
    expect(asked.every((url) => url === oidc)).toBe(true);
  });
});

describe('a manager that has to find out its server', () => {
  const setUp = () => {
    const clock = testClock();
    const server = authorizationServer({ clock });
    const manager = new TokenManager({
      clientId: 'test-client',
      authorizationServer: discover(server.issuer, { fetch: server.fetch }),
      protectedResources: [`${server.apiOrigin}/`],
      fetch: server.fetch,
      clock,
    });
    return { server, manager, clock };
  };

  test('asks once, whatever number of calls need it', async () => {
    const { server, manager } = setUp();
    await manager.setTokens(server.signIn());
    server.expire();
    await passing(Promise.all(Array.from({ length: 20 }, () => manager.fetch(`${server.apiOrigin}/`))));
    server.expire();
    await passing(manager.fetch(`${server.apiOrigin}/`));
    await passing(manager.signOut());
    expect(server.counts).toMatchObject({ metadataRequests: 1, refreshes: 2, revocations: 1, reuses: 0 });
  });

  test('asks again after a failure, and the session is kept', async () => {
    const { server, manager, clock } = setUp();
    const undo = server.fail({ status: 502, response: { status: 502 } }, { on: 'metadata', times: 100 });
    await passing(manager.setTokens(server.signIn()));
    server.expire();
    const failing = passing(manager.getAccessToken({ rejectedToken: server.currentAccessToken() ?? '' }));
    await expect(failing).rejects.toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
    expect(server.counts.tokenRequests).toBe(0);
    undo();
    await clock.advance(3_600_000);
    expect(await passing(manager.getAccessToken())).toBe(server.currentAccessToken());
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('does not wait for itself when the server is a protected resource of the application’s own fetch', async () => {
    const server = authorizationServer();
    vi.stubGlobal('fetch', server.fetch);
    const find = discover(server.issuer);
    const manager = new TokenManager({
      clientId: 'test-client',
      authorizationServer: find,
      protectedResources: [`${server.issuer}/`, `${server.apiOrigin}/`],
    });
    vi.stubGlobal('fetch', manager.fetch);
    await passing(manager.setTokens(server.signIn()));
    server.expire();
    expect((await passing(fetch(`${server.apiOrigin}/`))).status).toBe(200);
    expect(server.counts).toMatchObject({ metadataRequests: 1, refreshes: 1 });
  });
});
