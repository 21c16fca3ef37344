import { posix } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { ProtectedResource, ResourcePattern } from '../../../../src/core/http/protected-resource.ts';
import {
  createPattern,
  matchParsed,
  matchPlain,
  parseProtectedResources,
  sortPatterns,
} from '../../../../src/core/http/protected-resource.ts';
import { variantOf, wholeGrant } from '../../../../src/core/session/session-record.ts';
import { fc } from '../../../support/properties.ts';

/** The URL of the resource that `url` matches. */
function matched(resources: (string | ProtectedResource)[], url: string, base?: string): string | undefined {
  return parseProtectedResources(resources, base).match(url)?.url;
}

const api = 'https://api.example.com/v1';

describe('6750-10: a resource is its origin, its path and everything beneath', () => {
  test.each([
    '',
    '/',
    '/orders',
    '/orders/42/',
    '?x=1',
    '#top',
    '/?next=https://evil.example/..%2f',
    '/a@b:c',
    '/%20',
    '/a%2Fb',
    '/ü',
    '/..x/...',
    '/.well-known',
    '//orders',
  ])('%j behind its URL is in it', (rest) => {
    expect(matched([api], api + rest)).toBe(api);
    expect(matched([`${api}/`], api + rest)).toBe(`${api}/`);
  });

  test.each([
    'https://api.example.com',
    'https://api.example.com/',
    'https://api.example.com/v10',
    'https://api.example.com/v1.evil',
    'https://api.example.com/v1;x=1',
    'https://api.example.com/V1',
    'https://api.example.com/resident/v1',
    'https://api.example.com//v1',
    'http://api.example.com/v1',
    'https://api.example.com:8443/v1',
    'https://example.com/v1',
    'https://api.example.com.evil.example/v1',
    'https://evil.example/https://api.example.com/v1',
    'https://evil.example/?https://api.example.com/v1',
    'https://evil.example/?1111111111https://api.example.com/v1/x',
    'https://apixexample.com/v1/x',
    'wss://api.example.com/v1',
  ])('%s is not in it', (url) => {
    expect(matched([api], url)).toBeUndefined();
  });

  test('the most specific of several wins, whatever their order', () => {
    const root = 'https://api.example.com/';
    for (const resources of [
      [root, api, `${api}/admin`],
      [`${api}/admin`, api, root],
    ]) {
      expect(matched(resources, `${api}/admin/users`)).toBe(`${api}/admin`);
      expect(matched(resources, `${api}/administer`)).toBe(api);
      expect(matched(resources, 'https://api.example.com/v2?v1/admin')).toBe(root);
      expect(matched(resources, 'https://api.example.com')).toBe(root);
    }
  });
});

describe('6750-10: a URL is read as fetch reads it', () => {
  test.each([
    'HTTPS://API.EXAMPLE.COM/v1/x',
    'https://api.example.com:443/v1/x',
    'https:\\\\api.example.com\\v1\\x',
    'https:api.example.com/v1/x',
    ' \n https://api.example.com/v1/x \t',
    'https://api.ex\tample.com/v\n1/x',
    'https://api%2eexample%2Ecom/v1/x',
    'https://api。example.com/v1/x',
    'https://api.example.com/v2/../v1/x',
    'https://api.example.com/v2/%2e%2E/v1/./x',
    'https://@api.example.com/v1/x',
  ])('%j is in it', (url) => {
    expect(matched([api], url)).toBe(api);
  });

  test.each([
    // The token would go elsewhere.
    'https://api.example.com@evil.example/v1',
    'https://api.example.com\\@evil.example/v1',
    'https://api.example.com:443@evil.example/v1',
    'https://evil.example\\@api.example.com/v1',
    'https://api.example.com./v1',
    'https://api.example.com%2fv1',
    '//api.example.com/v1',
    '/v1/x',
    // Elsewhere on the same origin.
    'https://api.example.com/v1/../admin',
    'https://api.example.com/v1/%2e%2e/admin',
    'https://api.example.com/v1/.%2E\\admin',
    'https://api.example.com/v1/.\t./admin',
    'https://api.example.com/v1\\..\\admin',
    // A page's blob has the origin of the page.
    'blob:https://api.example.com/v1',
    'data:text/plain,https://api.example.com/v1',
    // fetch refuses credentials.
    'https://user@api.example.com/v1',
    'https://user:password@api.example.com/v1',
    'https://:password@api.example.com/v1',
    // No URL at all.
    '',
    ' ',
    'v1',
    'https://',
    'https://api.example.com:99999/v1',
    'https://api.exa mple.com/v1',
    'https://[::1/v1',
    '\ud800',
  ])('%j is not in it', (url) => {
    expect(matched([api], url)).toBeUndefined();
  });

  test.each([
    ['https://münchen.example/', 'https://xn--mnchen-3ya.example/x'],
    ['https://xn--mnchen-3ya.example/', 'https://MÜNCHEN.example/x'],
    ['http://127.0.0.1:8080/', 'http://2130706433:8080/x'],
    ['http://127.0.0.1/', 'http://0x7f.1/x'],
    ['http://127.0.0.1/', 'http://127.1:80/x'],
    ['http://[::1]/', 'http://[0:0:0:0:0:0:0:1]/x'],
    ['http://[::1]:3000/a', 'http://[0::0001]:3000/a/b'],
    ['https://a.example/caf%C3%A9', 'https://a.example/café/x'],
    ['https://a.example/a b', 'https://a.example/a%20b/x'],
  ])('%s holds %s', (resource, url) => {
    expect(parseProtectedResources([resource]).match(url)).toBeDefined();
    expect(parseProtectedResources([resource]).match('https://evil.example/x')).toBeUndefined();
  });

  test('a value that is no string matches nothing, and nothing throws', () => {
    const { match } = parseProtectedResources([api]);
    for (const value of [undefined, null, 42, {}, [], Symbol('x'), new URL(api)]) {
      expect(match(value as never)).toBeUndefined();
    }
  });

  test('a URL of a megabyte is matched as well', () => {
    expect(matched([api], `${api}/${'x/'.repeat(2 ** 19)}`)).toBe(api);
    expect(matched([api], `${api}/..%2f${'x/'.repeat(2 ** 19)}`)).toBeUndefined();
    // The pattern would exhaust its stack at some length, and throw.
    expect(matchPlain(worlds[0] ?? [], `${api}/${'x/'.repeat(2 ** 19)}`)).toBeUndefined();
  });
});

describe('6750-10: a URL that servers read in different ways gets no token', () => {
  test.each([
    '/..%2fadmin',
    '/..%2Fadmin',
    '/x/..%5c..%5cadmin',
    '/x%5c..%5c..%5cadmin',
    '/%2E%2E%2Fadmin',
    '/%2e%2e%2fadmin',
    '/x%2f..%2f..%2fadmin',
    '/..%252fadmin',
    '/%252e%252e/admin',
    '/%25252e%25252e/admin',
    '/..;/admin',
    '/..;x=1/admin',
    '/..%3b/admin',
    '/..%00/admin',
    '/..%20/admin',
    '/..%09/admin',
    `/%${'25'.repeat(8)}2e%2e/admin`,
  ])('%s could climb', (rest) => {
    expect(matched([api], api + rest)).toBeUndefined();
  });

  test.each([
    '/v1/%61dmin/x',
    '/v1/%2561dmin',
    '/v1/admin;x=1',
    '/v1/admin%3bx',
    '/v1/admin%3f',
    '/v1//admin',
    '/v1/.%2fadmin',
    '/v1/.%5Cadmin',
    '/v1/x/%2e%2e/.//admin',
    '/v1%2fadmin',
  ])('%s could be in either of two resources', (path) => {
    expect(matched([api, `${api}/admin`, 'https://api.example.com'], `https://api.example.com${path}`)).toBe(
      undefined,
    );
  });

  test('a slash that is escaped inside a name is an honest one', () => {
    expect(matched([api], `${api}/projects/group%2Fproject`)).toBe(api);
    expect(matched([api], `${api}/proxy/https%3A%2F%2Fexample.com%2Fx%2520y`)).toBe(api);
  });
});

describe('relative URLs', () => {
  const page = 'https://app.example.com/shop/cart?x#y';

  test('are relative to the base, resources and requests alike', () => {
    const { resources, match } = parseProtectedResources(['/api', 'parts/'], page);
    expect(resources.map(({ url }) => url)).toEqual([
      'https://app.example.com/api',
      'https://app.example.com/shop/parts/',
    ]);
    expect(match('/api/x')?.url).toBe('https://app.example.com/api');
    expect(match('parts/7')?.url).toBe('https://app.example.com/shop/parts/');
    expect(match('../api')?.url).toBe('https://app.example.com/api');
    expect(match('https://app.example.com/api')?.url).toBe('https://app.example.com/api');
    expect(match('//app.example.com/api')?.url).toBe('https://app.example.com/api');
    for (const url of ['', 'api', '//evil.example/api', '\\\\evil.example/api', '/\t/evil.example/api']) {
      expect(match(url)).toBeUndefined();
    }
  });

  test('follow a base that changes', () => {
    let base = page;
    const { match } = parseProtectedResources(['parts'], () => base);
    expect(match('parts/7')).toBeDefined();
    base = 'https://app.example.com/other/';
    expect(match('parts/7')).toBeUndefined();
    expect(match('/shop/parts/7')).toBeDefined();
  });

  test('are refused without a base, or with an invalid one', () => {
    expect(() => parseProtectedResources(['/api'])).toThrow(
      /^protectedResources\[0\] is not an absolute URL/,
    );
    expect(() => parseProtectedResources([api], 'nowhere')).toThrow(/base/);
    expect(() => parseProtectedResources([''], 'https://app.example.com/')).toThrow(/not an absolute URL/);
    expect(() => parseProtectedResources(['/api'], 'file:///app/index.html')).toThrow(/https/);
    expect(parseProtectedResources([api], 'file:///app/index.html').match(api)).toBeDefined();
  });
});

describe('the option', () => {
  test('8707-01: scopes and resource indicators are kept as they were written', () => {
    const scope = ['read:orders', 'https://graph.example/.default', '!~'];
    const resource = ['urn:example:api', 'https://API.example.com', 'https://a.example/?a=%20b'];
    const { resources } = parseProtectedResources([
      api,
      { url: 'https://a.example', scope, resource },
      { url: 'https://b.example', scope: undefined, resource: 'https://b.example/' },
    ]);
    expect(resources).toEqual([
      { url: api, variant: wholeGrant },
      { url: 'https://a.example/', scope, resource, variant: variantOf(scope, resource) },
      {
        url: 'https://b.example/',
        resource: ['https://b.example/'],
        variant: variantOf(undefined, ['https://b.example/']),
      },
    ]);
    scope.push('late');
    expect(resources[1]?.scope).toHaveLength(3);
  });

  test('the match is the named resource itself', () => {
    const { resources, match } = parseProtectedResources([api]);
    expect(match(`${api}/x`)).toBe(resources[0]);
    expect(match(`${api}/%20`)).toBe(resources[0]);
  });

  test.each([
    ['http on localhost', 'http://localhost:3000'],
    ['http on 127.0.0.0/8', 'http://127.8.9.10/v1'],
    ['http on ::1', 'http://[::1]:8080'],
  ])('accepts %s', (_, url) => {
    expect(parseProtectedResources([url]).match(url)).toBeDefined();
  });

  test.each<[string, unknown, RegExp]>([
    ['no array', api, /^protectedResources names no URL/],
    ['an empty array', [], /^protectedResources names no URL/],
    ['a hole', [undefined], /^protectedResources\[0\] is neither/],
    ['a number', [api, 7], /^protectedResources\[1\] is neither/],
    ['an empty URL', [''], /^protectedResources\[0\] is not an absolute URL/],
    ['no URL', [{ scope: ['a'] }], /^protectedResources\[0\]\.url is not an absolute URL/],
    ['a relative URL', [api, { url: '/v1' }], /^protectedResources\[1\]\.url is not an absolute URL/],
    ['http', ['http://api.example.com'], /^protectedResources\[0\] must be https/],
    ['http at a name like an address', ['http://127.0.0.1.evil.example'], /must be https/],
    ['http at a name like localhost', ['http://notlocalhost'], /must be https/],
    [
      'http at a name under localhost, which anybody may answer for',
      ['http://api.localhost/'],
      /must be https/,
    ],
    ['another scheme', ['ftp://localhost/'], /must be https/],
    ['a blob', ['blob:https://api.example.com/1'], /must be https/],
    ['a user', ['https://canary@api.example.com'], /has a user or a password/],
    ['a password', ['https://:canary@api.example.com'], /has a user or a password/],
    ['a query', [`${api}?canary`], /has a query or a fragment/],
    ['an empty query', [`${api}?`], /has a query or a fragment/],
    ['a fragment', [`${api}#canary`], /has a query or a fragment/],
    ['an empty fragment', [`${api}#`], /has a query or a fragment/],
    ['a wildcard in the host', ['https://*.example.com'], /has a \*/],
    ['a wildcard in the path', [`${api}/*`], /has a \*/],
    ['an escaped slash', [`${api}%2fx`], /servers read in different ways/],
    ['an escaped letter', [`${api}/%61`], /servers read in different ways/],
    ['an escaped climb', [`${api}/..%2fx`], /servers read in different ways/],
    ['a climb at servers that trim', [`${api}/..%20/x`], /servers read in different ways/],
    ['parameters', [`${api};x/y`], /servers read in different ways/],
    ['an empty segment', [`${api}//x`], /servers read in different ways/],
    ['two slashes at the end', ['https://api.example.com//'], /servers read in different ways/],
    [
      'a duplicate',
      ['https://b.example', api, api],
      /^protectedResources\[2\] names the same place as .*\[1\]/,
    ],
    ['a duplicate in other words', [api, { url: 'HTTPS://API.example.com:443/x/../v1/' }], /the same place/],
    ['a text for scopes', [{ url: api, scope: 'a b' }], /^protectedResources\[0\]\.scope is not a list/],
    ['no scope at all', [{ url: api, scope: [] }], /\.scope is not a list/],
    ['two scopes in one', [{ url: api, scope: ['a b'] }], /\.scope is not a list/],
    ['an empty scope', [{ url: api, scope: [''] }], /\.scope is not a list/],
    ['a quote in a scope', [{ url: api, scope: ['a', 'a"b'] }], /\.scope is not a list/],
    ['a backslash in a scope', [{ url: api, scope: ['a\\b'] }], /\.scope is not a list/],
    ['a scope that is not ASCII', [{ url: api, scope: ['ü'] }], /\.scope is not a list/],
    ['a scope that is no text', [{ url: api, scope: [1] }], /\.scope is not a list/],
    [
      'a relative indicator',
      [{ url: api, resource: '/v1' }],
      /^protectedResources\[0\]\.resource is not an abs/,
    ],
    ['an indicator with a fragment', [{ url: api, resource: ['urn:a', 'urn:a#b'] }], /\.resource is not/],
    ['an indicator with a space', [{ url: api, resource: 'https://a.example/ b' }], /\.resource is not/],
    ['an indicator that is no text', [{ url: api, resource: 7 }], /\.resource is not/],
    ['no indicator at all', [{ url: api, resource: [] }], /\.resource is not/],
  ])('refuses %s, and says where and what to do', (_, resources, message) => {
    const attempt = () => parseProtectedResources(resources as never);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(expect.objectContaining({ code: 'ERR_CONFIGURATION' }));
    expect(attempt).not.toThrow(/canary/);
  });
});

describe('the fast way', () => {
  test('never sees the URL parser for an ordinary URL', () => {
    const { match } = parseProtectedResources([
      'https://billing.example.com/v2',
      api,
      'https://files.example.net',
    ]);
    const parser = vi.fn();
    vi.stubGlobal('URL', Object.assign(parser, { parse: parser, canParse: parser }));
    expect(match(`${api}/orders/42?x=1`)?.url).toBe(api);
    expect(match(`${api}/orders/6f1c-A_b~.json/#top`)?.url).toBe(api);
    expect(match('https://files.example.net')?.url).toBe('https://files.example.net/');
    expect(match('https://files.example.net/?u=%2e%2e/')?.url).toBe('https://files.example.net/');
    expect(parser).not.toHaveBeenCalled();
  });

  test('gives the same answer as the slow way, or none', () => {
    let fast = 0;
    const property = fc.property(fc.constantFrom(...worlds), hostileUrl, (places, url) => {
      const plain = matchPlain(places, url);
      if (plain !== undefined) fast += 1;
      expect(plain ?? matchParsed(places, url)).toBe(matchParsed(places, url));
    });
    fc.assert(property, { numRuns: 20_000 });
    // Else the property says nothing.
    expect(fast).toBeGreaterThan(500);
  });

  test('gives no answer that any server could read otherwise', () => {
    let found = 0;
    const property = fc.property(fc.constantFrom(...worlds), hostileUrl, (places, url) => {
      const place = matchPlain(places, url) ?? matchParsed(places, url);
      if (place === undefined) return;
      found += 1;
      // The URL that fetch sends, read by servers that decode 0 to 4 times. fetch throws if there are
      // credentials.
      const target = new URL(new Request(url).url);
      expect(target.origin).toBe(place.origin);
      for (let times = 0, path = target.pathname; times < 5; times++, path = decodeOnce(path)) {
        expect(mostSpecific(places, place.origin, path)).toBe(place.resource);
      }
    });
    fc.assert(property, { numRuns: 20_000 });
    expect(found).toBeGreaterThan(500);
  });
});

/** Sets of resources that lie inside and beside each other. */
const worlds: readonly ResourcePattern<string>[][] = [
  ['https://api.example.com/v1'],
  ['https://api.example.com'],
  ['https://api.example.com/v1', 'https://api.example.com/v1/admin', 'https://api.example.com:8443/v1'],
  ['https://api.example.com', 'https://api.example.com/admin', 'http://localhost:3000/v1', 'http://[::1]'],
  [
    'https://münchen.example/a b',
    'https://münchen.example',
    'http://127.0.0.1/v1',
    'https://münchen.example/ü/x',
  ],
].map((urls) => [
  ...sortPatterns(
    urls.map((url) => {
      const place = createPattern(new URL(url), url);
      if (place === undefined) throw new Error(`${url} is no place`);
      return place;
    }),
  ),
]);

/** Half of the pieces are honest, so that many URLs are almost right. */
const honestly = (honest: string[], hostile: string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...honest) }, fc.constantFrom(...hostile));

const scheme = honestly(
  ['https://', 'https://', 'http://'],
  [
    'HTTPS://',
    'hTTp://',
    'https:/',
    'https:',
    'https:\\\\',
    ' https://',
    'ht\ttps://',
    'blob:https://',
    '//',
    'ws://',
    '',
  ],
);
const userinfo = honestly(
  ['', '', ''],
  ['@', 'user@', 'user:pass@', ':@', 'api.example.com@', 'evil.example\\@', '%40'],
);
const host = honestly(
  ['api.example.com', 'api.example.com', 'münchen.example', '127.0.0.1', 'localhost:3000', '[::1]'],
  [
    ...[
      'API.example.COM',
      'api.example.com.',
      'api.example.com:443',
      'api.example.com:8443',
      'api.example.com:',
    ],
    ...['api.example.com:80', 'api%2eexample.com', 'api。example.com', 'api.example.com%2f', 'evil.example'],
    ...['api.example.com.evil.example', 'api.example.comm', 'xn--mnchen-3ya.example', 'MÜNCHEN.example'],
    ...['0x7f.1', '2130706433', '127.1', '0177.0.0.1', '127.0.0.1.', 'LOCALHOST:3000', 'localhost:03000'],
    ...['[0:0:0:0:0:0:0:1]', '[::0001]', '[::ffff:127.0.0.1]', '[::1%25eth0]', '[::1', ''],
  ],
);
const segment = honestly(
  ['v1', 'v1', 'admin', 'orders', '42', 'a b', 'a%20b', 'ü', '%C3%BC', 'x', 'A-_~.z', 'a@b:c', "!$&'()+,=*"],
  [
    ...[
      '..',
      '.',
      '%2e',
      '%2E%2e',
      '.%2e',
      '..%2f',
      '%2f..',
      '..%2fadmin',
      '..%5cadmin',
      '%2e%2e%2fadmin',
      '..\\',
    ],
    ...[
      '%252e%252e',
      '..%252fadmin',
      '%25252e.',
      '%2f',
      '%5C',
      '%',
      '%zz',
      '%00',
      '..%00',
      '..%20',
      '..%09',
      '..;',
    ],
    ...[
      '..;x',
      'v1;x',
      'admin;x',
      'admin%3bx',
      'admin%3f',
      'admin%23',
      '%61dmin',
      '%2561dmin',
      '%76%31',
      'v1%2fadmin',
    ],
    ...[
      '',
      '',
      ' ',
      '\t',
      '.\t.',
      '\n',
      '{x}',
      '"',
      '^',
      '|',
      '`',
      '<',
      '\ud800',
      '\u0000',
      'V1',
      'ADMIN',
      '...',
      '.x',
    ],
  ],
);
const separator = honestly(['/', '/', '/'], ['\\', '//', '/\t', '/./', '/../', '']);
const tail = honestly(
  ['', '/', '?x=1', '#top'],
  ['?/../admin', '#@evil.example', ' ', '\t', '?\n', '?%2f..', '\u0000', '\u00a0'],
);
const path = fc
  .array(fc.tuple(separator, segment), { maxLength: 5 })
  .map((pieces) => pieces.map((piece) => piece.join('')).join(''));
const odd = fc.constantFrom(
  ...'\\/@:?#%.;[]\t\n\r \u0000\u007f\u00ad\u200b\u3002üA2e0',
  '%2e',
  '%2f',
  '%5c',
  '..',
);

/** A URL of honest and hostile pieces, with up to two characters more somewhere. */
const hostileUrl = fc
  .tuple(
    fc.oneof(
      fc.tuple(scheme, userinfo, host, path, tail),
      fc.tuple(
        fc.constantFrom('https://api.example.com', 'http://localhost:3000', `${api}/admin`),
        path,
        tail,
      ),
    ),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      fc.array(fc.tuple(fc.nat(), odd), { minLength: 1, maxLength: 2 }),
    ),
  )
  .map(([pieces, insertions]) =>
    insertions.reduce((text, [position, insertion]) => {
      const at = position % (text.length + 1);
      return text.slice(0, at) + insertion + text.slice(at);
    }, pieces.join('')),
  );

function decodeOnce(path: string): string {
  return path.replace(/%[0-7][\da-f]/gi, decodeURIComponent);
}

/** Written apart from the code under test: Node's own `normalize` resolves dots and empty segments. */
function mostSpecific(
  places: readonly ResourcePattern<string>[],
  origin: string,
  path: string,
): string | undefined {
  const bare = path.replaceAll('\\', '/').replace(/[;?#][^/]*/g, '');
  const read = `${posix.normalize(bare)}/`;
  const inside = places.filter((place) => {
    const name = decodeOnce(place.path);
    return place.origin === origin && (read.startsWith(`${name}/`) || read.startsWith(`${place.path}/`));
  });
  return inside.sort((a, b) => b.path.length - a.path.length)[0]?.resource;
}
