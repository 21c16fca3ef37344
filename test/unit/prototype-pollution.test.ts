/** tokenkeep ignores options, endpoints and members of responses that a bug elsewhere has put on `Object.prototype`. */
import {
  discover,
  memoryStorage,
  TokenManager,
  type TokenManagerOptions,
  type TokenStorage,
} from 'tokenkeep';
import { clientSecretPost } from 'tokenkeep/client-authentication';
import { testClock } from 'tokenkeep/testing';
import { describe, expect, test, vi } from 'vitest';
import { withoutChance } from '../support/without-chance.ts';

const evil = 'https://evil.example/take';

/** Members that tokenkeep reads of objects from outside: options, servers, profiles, locks, storages, grants, answers, records. */
const names: readonly string[] = [
  ...['revocationEndpoint', 'authorizationEndpoint', 'deviceAuthorizationEndpoint', 'mtlsEndpointAliases'],
  ...['issuer', 'formerIssuers', 'metadata', 'profile', 'grant', 'mutualTls', 'clientIdInBody', 'encoding'],
  ...['requestEncoding', 'revocationEncoding', 'revokes', 'errorCodes', 'errorFields', 'errorDetails'],
  ...['bearerTypes', 'isInvalidToken', 'reuseWindow', 'defaultLifetime', 'refreshTokenLifetime', 'classify'],
  ...['narrowsScope', 'kind', 'initialRecord', 'check', 'lease', 'mayBeLost', 'lock', 'watch', 'signedOut'],
  ...['clientAuthentication', 'dpop', 'storage', 'refreshBefore', 'refreshTokenExpiringBefore', 'scope'],
  ...['replayConcurrency', 'tokenRequest', 'parameters', 'revoke', 'rejectedToken', 'resource', 'session'],
  ...['refresh_token', 'id_token', 'token_type', 'expires_in', 'expires_at', 'error', 'error_description'],
  ...['refreshToken', 'idToken', 'tokenType', 'expiresAt', 'refreshTokenExpiresAt', 'extra', 'thumbprint'],
  ...[
    'pendingRefresh',
    'failure',
    'lastScopeNarrowed',
    'refreshTokenEnd',
    'revocation_endpoint',
    'mtls_endpoint_aliases',
  ],
  ...['retryAfter', 'offline', 'variant', 'redirects', 'dpop_jkt', 'login', 'subject'],
];
const values: readonly (readonly [string, unknown])[] = [
  ['an address', evil],
  ['true', true],
  ['a number', 5],
  ['a function', () => evil],
  ['a list', [evil]],
  ['an object', { tokenEndpoint: evil, revocationEndpoint: evil, token: 'evil', a: evil }],
];

async function polluted<T>(name: string, value: unknown, run: () => Promise<T>): Promise<T> {
  Object.defineProperty(Object.prototype, name, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
  try {
    return await run();
  } finally {
    delete (Object.prototype as Record<string, unknown>)[name];
  }
}

interface Story {
  readonly seen: string[];
  readonly fetch: typeof globalThis.fetch;
}

/** An API that rejects the first token, and a server that rotates, refuses once in between, and revokes. */
function story(): Story {
  const seen: string[] = [];
  let grants = 0;
  const answer = (url: string, authorization: string | null): Response => {
    if (url.includes('.well-known')) {
      return Response.json({
        issuer: 'https://as.example.com',
        token_endpoint: 'https://as.example.com/token',
      });
    }
    if (url.endsWith('/token')) {
      grants += 1;
      if (grants === 2) return Response.json({ nothing: 'to say' }, { status: 400 });
      return Response.json({ access_token: `access-${grants}`, ...(grants === 1 && { expires_in: 60 }) });
    }
    return new Response('fine', { status: authorization === 'Bearer access-0' ? 401 : 200 });
  };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const authorization = request.headers.get('authorization');
    seen.push([request.method, request.url, authorization, await request.text()].join(' '));
    return answer(request.url, authorization);
  };
  return { seen, fetch };
}

async function run(more: (fetch: typeof globalThis.fetch) => Partial<TokenManagerOptions>): Promise<unknown> {
  withoutChance();
  const { seen, fetch } = story();
  const clock = testClock();
  const storage: TokenStorage = memoryStorage();
  const manager = new TokenManager({
    clientId: 'app',
    authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
    protectedResources: ['https://api.example.com/'],
    clientAuthentication: clientSecretPost('secret'),
    storage,
    clock,
    fetch,
    ...more(fetch),
  });
  const note = async (what: string, did: Promise<unknown>) =>
    seen.push(`${what}: ${await did.then(JSON.stringify, ({ code, message }) => `${code} ${message}`)}`);
  manager.on('*', ({ type }) => void seen.push(type));
  await note('login', manager.setTokens({ accessToken: 'access-0', refreshToken: 'refresh-0' }));
  const call = async () =>
    (await manager.fetch('https://api.example.com/x', { method: 'POST', body: 'x' })).status;
  await note('call', call());
  await note('tokens', manager.getTokens());
  await clock.advance(61_000);
  await note('refused', manager.getAccessToken());
  await clock.advance(31_000);
  await note('again', manager.getAccessToken());
  await note('wire', manager.setTokens({ access_token: 'access-9' }));
  await note(
    'stored',
    storage.read('app/default').then((found) => Object.keys(found?.record as object)),
  );
  await note('tokens', manager.getTokens());
  await note('sign-out', manager.signOut());
  await manager.close();
  return seen.map((line) => line.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|"login":"\w+"/g, ''));
}

describe.each<[string, Parameters<typeof run>[0]]>([
  ['a server without optional members', () => ({})],
  [
    'a server that is discovered',
    (fetch) => ({ authorizationServer: discover('https://as.example.com', { fetch }) }),
  ],
])('%s', (_name, more) => {
  test.each(names)('does the same with Object.prototype.%s', async (name) => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const clean = await run(more);
    for (const [what, value] of values) {
      expect([what, await polluted(name, value, () => run(more))]).toEqual([what, clean]);
    }
    expect(JSON.stringify(clean)).not.toContain('evil');
  });
});

test('members of a class are members: getters and methods of options and servers', async () => {
  class Server {
    get tokenEndpoint() {
      return 'https://as.example.com/token';
    }
    readonly #profile = { errorCodes: {} };
    get profile() {
      return this.#profile;
    }
  }
  expect(await run(() => ({ authorizationServer: new Server() }))).toEqual(await run(() => ({})));
});
