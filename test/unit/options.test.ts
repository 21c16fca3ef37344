import vm from 'node:vm';
import {
  ConfigurationError,
  isTokenKeepError,
  LockTimeoutError,
  LoginRequiredError,
  memoryLock,
  memoryStorage,
  type Reach,
  RefreshFailedError,
  StorageError,
  TokenKeepError,
  TokenManager,
  type TokenManagerOptions,
} from 'tokenkeep';
import { describe, expect, test, vi } from 'vitest';
import { explained } from '../support/explained.ts';

const good: TokenManagerOptions = {
  clientId: 'app',
  authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
  protectedResources: ['https://api.example.com/'],
};

/** The message of the constructor. */
function complaint(options: unknown): string {
  try {
    new TokenManager(options as TokenManagerOptions);
  } catch (error) {
    if (isTokenKeepError(error) && error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error('It was not refused.');
}

/** A word that must not be repeated, since it may be a secret. */
const canary = 'canary-5ecret';
const server = (change: object): Pick<TokenManagerOptions, 'authorizationServer'> => ({
  authorizationServer: { tokenEndpoint: 'https://as.example.com/token', ...change },
});

const bad: [string, object, RegExp, RegExp][] = [
  ['no client', { clientId: undefined }, /clientId/, /non-empty string/],
  ['an empty client', { clientId: '' }, /clientId/, /non-empty string/],
  ['a client that is a number', { clientId: 5 }, /clientId/, /non-empty string/],
  ['no server', { authorizationServer: undefined }, /authorizationServer/, /tokenEndpoint|discover/],
  ['null for a server', { authorizationServer: null }, /authorizationServer/, /tokenEndpoint|discover/],
  [
    'a URL for a server',
    { authorizationServer: 'https://as.example.com' },
    /authorizationServer/,
    /discover/,
  ],
  [
    'a server without an endpoint',
    { authorizationServer: {} },
    /authorizationServer\.tokenEndpoint/,
    /https/,
  ],
  [
    'an endpoint in snake case',
    server({ tokenEndpoint: undefined, token_endpoint: 'https://x.example' }),
    /tokenEndpoint/,
    /https/,
  ],
  [
    'an http endpoint',
    server({ tokenEndpoint: `http://as.example.com/${canary}` }),
    /authorizationServer\.tokenEndpoint/,
    /https/,
  ],
  ['a relative endpoint', server({ tokenEndpoint: '/token' }), /tokenEndpoint/, /https/],
  [
    'an endpoint with a password',
    server({ tokenEndpoint: `https://a:${canary}@as.example.com` }),
    /tokenEndpoint/,
    /user/,
  ],
  [
    'an endpoint with a fragment',
    server({ tokenEndpoint: `https://as.example.com/#${canary}` }),
    /tokenEndpoint/,
    /fragment/,
  ],
  [
    'http that looks like loopback',
    server({ tokenEndpoint: 'http://127.0.0.1.example.com/' }),
    /tokenEndpoint/,
    /https/,
  ],
  [
    'http that begins like loopback',
    server({ tokenEndpoint: 'http://localhost.example.com/' }),
    /tokenEndpoint/,
    /https/,
  ],
  [
    'an http revocation endpoint',
    server({ revocationEndpoint: 'http://as.example.com/r' }),
    /authorizationServer\.revocationEndpoint/,
    /https/,
  ],
  [
    'an http alias',
    server({ mtlsEndpointAliases: { tokenEndpoint: 'http://as.example.com/t' } }),
    /mtlsEndpointAliases\.tokenEndpoint/,
    /https/,
  ],
  ['an issuer that is none', server({ issuer: 5 }), /authorizationServer\.issuer/, /string/],
  ['an empty issuer', server({ issuer: '' }), /authorizationServer\.issuer/, /string/],
  [
    'a reuse window that is text',
    server({ profile: { reuseWindow: '30' } }),
    /profile\.reuseWindow/,
    /milliseconds/,
  ],
  [
    'a reuse window without an end',
    server({ profile: { reuseWindow: Number.POSITIVE_INFINITY } }),
    /profile\.reuseWindow/,
    /milliseconds/,
  ],
  [
    'an encoding that is none',
    server({ profile: { requestEncoding: 'xml' } }),
    /profile\.requestEncoding/,
    /'form'|'json'/,
  ],
  [
    'an encoding of revocations that is none',
    server({ profile: { revocationEncoding: 'xml' } }),
    /profile\.revocationEncoding/,
    /'form' or 'json'/,
  ],
  [
    'a token to revoke that is none',
    server({ profile: { revokes: 'id_token' } }),
    /profile\.revokes/,
    /'refresh_token' or 'access_token'/,
  ],
  ['no resources', { protectedResources: undefined }, /protectedResources/, /array/],
  ['an empty list of resources', { protectedResources: [] }, /protectedResources/, /array such as/],
  [
    'one resource that is no list',
    { protectedResources: 'https://api.example.com' },
    /protectedResources/,
    /array/,
  ],
  [
    'a resource twice',
    { protectedResources: ['https://api.example.com/', 'https://API.example.com:443'] },
    /protectedResources\[1\]/,
    /remove one/,
  ],
  [
    'a resource over http',
    { protectedResources: [`http://api.example.com/${canary}`] },
    /protectedResources\[0\]/,
    /https/,
  ],
  ['a relative resource', { protectedResources: ['/v1'] }, /protectedResources\[0\]/, /https/],
  [
    'a resource with a pattern',
    { protectedResources: ['https://*.example.com/'] },
    /protectedResources\[0\]/,
    /each host|absolute URL/,
  ],
  [
    'a resource with a query',
    { protectedResources: [`https://api.example.com/?k=${canary}`] },
    /protectedResources\[0\]/,
    /query/,
  ],
  [
    'a resource with a password',
    { protectedResources: [`https://u:${canary}@api.example.com/`] },
    /protectedResources\[0\]/,
    /user/,
  ],
  ['a resource that is a number', { protectedResources: [5] }, /protectedResources\[0\]/, /https/],
  [
    'a resource without a URL',
    { protectedResources: [{ scope: ['a'] }] },
    /protectedResources\[0\]\.url/,
    /absolute/,
  ],
  [
    'a scope that is text',
    { protectedResources: [{ url: 'https://a.example', scope: 'a b' }] },
    /protectedResources\[0\]\.scope/,
    /array/,
  ],
  [
    'an indicator with a fragment',
    { protectedResources: [{ url: 'https://a.example', resource: 'https://a.example/#x' }] },
    /protectedResources\[0\]\.resource/,
    /fragment/,
  ],
  ['a secret for authentication', { clientAuthentication: canary }, /clientAuthentication/, /authenticate/],
  ['a storage without methods', { storage: {} }, /storage/, /read\(\), write\(\), delete\(\)/],
  ['localStorage itself', { storage: { getItem() {}, setItem() {} } }, /storage/, /read\(\)/],
  ['a storage without a reach', { storage: { read() {}, write() {}, delete() {} } }, /storage/, /reach/],
  ['a storage without a lock', { storage: { ...memoryStorage(), lock: undefined } }, /lock/, /Pass one/],
  ['a lock without methods', { lock: {} }, /lock/, /request\(\)/],
  ['a lock without a reach', { lock: { request() {} } }, /lock/, /reach/],
  ['a lock with another reach', { lock: { request() {}, reach: 'world' } }, /lock/, /'cluster'/],
  ['an empty session', { session: '' }, /session/, /non-empty/],
  ['a session that is a number', { session: 5 }, /session/, /string/],
  ['a negative refreshBefore', { refreshBefore: -1 }, /refreshBefore/, /milliseconds/],
  ['a refreshBefore that is text', { refreshBefore: '30s' }, /refreshBefore/, /milliseconds/],
  ['a refreshBefore that is no number', { refreshBefore: Number.NaN }, /refreshBefore/, /milliseconds/],
  ['a timeout of nothing', { timeout: 0 }, /timeout/, /milliseconds/],
  ['a timeout without an end', { timeout: Number.POSITIVE_INFINITY }, /timeout/, /milliseconds/],
  ['a scope that is one text', { scope: 'read write' }, /scope/, /array/],
  ['a scope with a space', { scope: ['read write'] }, /scope/, /without spaces/],
  ['a transport that is none', { fetch: 'fetch' }, /fetch/, /function/],
  ['a predicate that is none', { isInvalidToken: true }, /isInvalidToken/, /function/],
  ['a clock without a time', { clock: {} }, /clock/, /now\(\)/],
  ['no replays', { replayConcurrency: 0 }, /replayConcurrency/, /whole number/],
  ['half a replay', { replayConcurrency: 1.5 }, /replayConcurrency/, /whole number/],
  ['token requests that are text', { tokenRequest: canary }, /tokenRequest/, /headers\?, parameters\?/],
  ['headers that are a list', { tokenRequest: { headers: [['a', 1]] } }, /tokenRequest/, /object of strings/],
  ['a header that is a number', { tokenRequest: { headers: { a: 5 } } }, /tokenRequest/, /object of strings/],
  [
    'a header that cannot be sent',
    { tokenRequest: { headers: { 'x-key': `${canary}\nx: y` } } },
    /tokenRequest/,
    /headers/,
  ],
  ['a header whose name is none', { tokenRequest: { headers: { 'x key': 'a' } } }, /tokenRequest/, /headers/],
  [
    'an Authorization of its own',
    { tokenRequest: { headers: { Authorization: canary } } },
    /tokenRequest.*headers\.Authorization/,
    /itself/,
  ],
  [
    'a parameter of ours',
    { tokenRequest: { parameters: { refresh_token: canary } } },
    /tokenRequest.*parameters\.refresh_token/,
    /itself/,
  ],
  [
    'an odd member of tokenRequest',
    { tokenRequest: { body: canary } },
    /tokenRequest/,
    /headers\?, parameters\?/,
  ],
  ['an option that does not exist', { clientSecret: canary }, /clientSecret/, /clientAuthentication/],
  [
    'a misspelt option',
    { protectedResource: ['https://api.example.com/'] },
    /protectedResource\b/,
    /protectedResources/,
  ],
];

describe('a bad option is refused by its name, with the remedy', () => {
  test.each(bad)('%s', (_name, change, name, remedy) => {
    // A page has a place that a relative URL is relative to.
    vi.stubGlobal('document', undefined);
    vi.stubGlobal('location', undefined);
    const message = complaint({ ...good, ...change });
    expect(message).toMatch(explained(name));
    expect(message).toMatch(explained(remedy));
    expect(message).not.toContain(canary);
  });

  test.each([undefined, null, 'options', 5])('no options at all (%s)', (options) => {
    expect(complaint(options)).toMatch(explained(/options/));
  });

  test('nothing has happened when it is refused', () => {
    const storage = memoryStorage();
    const operations = [vi.spyOn(storage, 'read'), vi.spyOn(storage, 'write')];
    const watch = vi.spyOn(storage, 'watch' as never);
    complaint({ ...good, storage, replayConcurrency: 0 });
    for (const spy of [...operations, watch]) expect(spy).not.toHaveBeenCalled();
  });
});

describe('valid options', () => {
  test.each<[string, Partial<TokenManagerOptions>]>([
    ['nothing but what is needed', {}],
    [
      'undefined for every option that need not be there',
      {
        clientAuthentication: undefined,
        storage: undefined,
        lock: undefined,
        session: undefined,
        refreshBefore: undefined,
        scope: undefined,
        fetch: undefined,
        isInvalidToken: undefined,
        clock: undefined,
        timeout: undefined,
        replayConcurrency: undefined,
        tokenRequest: undefined,
      },
    ],
    ['http on loopback', server({ tokenEndpoint: 'http://127.0.0.1:3000/token' })],
    ['http on localhost, by IPv6', server({ tokenEndpoint: 'http://[::1]:3000/token' })],
    ['a resource on loopback', { protectedResources: ['http://localhost:3000/api'] }],
    ['no time before the end', { refreshBefore: 0 }],
    ['a query in the endpoint (6749-01)', server({ tokenEndpoint: 'https://as.example.com/token?x=1' })],
    ['tokenRequest with nothing in it', { tokenRequest: {} }],
    [
      'tokenRequest with nothing in so many words',
      { tokenRequest: { headers: undefined, parameters: undefined } },
    ],
  ])('%s', (_name, change) => {
    expect(() => new TokenManager({ ...good, ...change })).not.toThrow();
  });
});

describe('a lock must reach as far as its storage (law nothing-silent)', () => {
  const reaches: Reach[] = ['process', 'machine', 'cluster'];
  const pairs = reaches.flatMap((lock) => reaches.map((storage): [Reach, Reach] => [lock, storage]));

  test.each(pairs)('a lock of a %s, a storage of a %s', (lock, storage) => {
    const options = {
      ...good,
      storage: { ...memoryStorage(), reach: storage },
      lock: { ...memoryLock(), reach: lock },
    };
    if (reaches.indexOf(lock) >= reaches.indexOf(storage)) {
      expect(() => new TokenManager(options)).not.toThrow();
    } else {
      expect(complaint(options)).toMatch(
        explained(new RegExp(`option lock.*${lock}.*${storage}.*Use the lock`)),
      );
    }
  });

  test('also when it is the one that the storage brings', () => {
    expect(complaint({ ...good, storage: { ...memoryStorage(), reach: 'machine' } })).toMatch(
      explained(/option lock/),
    );
  });

  test.each([
    [39_999, undefined, false],
    [40_000, undefined, true],
    [20_000, 10_000, true],
    [19_999, 10_000, false],
  ])('a lease of %i ms with a timeout of %s (law bounded-locks)', (lease, timeout, isLongEnough) => {
    const options = { ...good, timeout, lock: { ...memoryLock(), lease } };
    if (isLongEnough) expect(() => new TokenManager(options)).not.toThrow();
    else
      expect(complaint(options)).toMatch(
        explained(/lease of the option lock.*Lengthen.*or shorten the option timeout/),
      );
  });
});

describe('other doors', () => {
  const manager = new TokenManager(good);

  test.each([undefined, '', 5])('forSession(%s)', (id) => {
    expect(() => manager.forSession(id as string)).toThrow(ConfigurationError);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['text', canary],
    ['no access token', { refresh_token: canary }],
    ['an empty access token', { accessToken: '', refreshToken: canary }],
    ['an access token that is a number', { access_token: 5 }],
    ['a token that is no header', { access_token: `${canary}\r\nx: y` }],
    ['a token type that we do not know (6749-11)', { access_token: canary, token_type: 'mac' }],
  ])('setTokens() with %s', async (_name, tokens) => {
    const error = await manager.setTokens(tokens as never).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as Error).message).toMatch(/^setTokens\(\)/);
    expect((error as Error).message).not.toContain(canary);
  });
});

describe('isTokenKeepError()', () => {
  const errors: TokenKeepError[] = [
    new LoginRequiredError('m', { reason: 'no_tokens' }),
    new RefreshFailedError('m', { sent: false }),
    new StorageError('m', { operation: 'read' }),
    new LockTimeoutError('m'),
    new ConfigurationError('m'),
  ];

  test.each(errors.map((error): [string, TokenKeepError] => [error.name, error]))(
    '%s is one',
    (name, error) => {
      expect(isTokenKeepError(error)).toBe(true);
      expect(error).toBeInstanceOf(TokenKeepError);
      expect(error).toBeInstanceOf(Error);
      expect(error.constructor.name).toBe(name);
      expect(error.code).toMatch(/^ERR_[A-Z_]+$/);
    },
  );

  test.each([
    undefined,
    null,
    'ERR_STORAGE',
    {},
    new Error('x'),
    { code: 'ERR_STORAGE' },
    new DOMException('x'),
  ])('%s is invalid', (value) => {
    expect(isTokenKeepError(value)).toBe(false);
  });

  test('knows the errors of another copy of the package', async () => {
    vi.resetModules();
    const copy: typeof import('tokenkeep') = await import('../../src/index.ts');
    const error = new copy.LockTimeoutError('m');
    expect(error).not.toBeInstanceOf(LockTimeoutError);
    expect(isTokenKeepError(error)).toBe(true);
    expect(copy.isTokenKeepError(errors[0])).toBe(true);
  });

  test('knows errors of another realm', () => {
    const foreign: unknown = vm.runInNewContext(`
      class StorageError extends Error { code = 'ERR_STORAGE'; conflict = true; }
      Object.defineProperty(new StorageError('m'), Symbol.for('tokenkeep.error'), { value: true });
    `);
    expect(foreign).not.toBeInstanceOf(Error);
    expect(isTokenKeepError(foreign)).toBe(true);
    expect(vm.runInNewContext('is(error)', { is: isTokenKeepError, error: errors[1] })).toBe(true);
  });
});
