import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { nextHop, redirectLimit } from '../../../../src/core/http/redirect.ts';
import { bodyKind } from '../../../../src/core/http/request-body.ts';

interface Arrival {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Two origins that log what arrives. `/redirect?status=302&to=…` redirects, everything else is a 200. */
const arrivals: Arrival[] = [];
const servers = [0, 1].map(() =>
  createServer(async (request, response) => {
    const { method, url, headers } = request;
    const body = await new Response(request as never).text();
    arrivals.push({ method, url, headers, body });
    const query = new URL(url ?? '', 'http://localhost').searchParams;
    const to = query.get('to');
    response.writeHead(Number(query.get('status') ?? 200), to === null ? {} : { location: latin1(to) });
    response.end();
  }),
);
let here = '';
let there = '';

beforeAll(async () => {
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))),
  );
  [here = '', there = ''] = servers.map(
    (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
});
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections();
});
beforeEach(() => {
  arrivals.length = 0;
});

const statuses = [301, 302, 303, 307, 308];
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'post', 'put'];
const cases = statuses.flatMap((status) => methods.map((method) => [status, method] as const));

describe('9110-04: a redirect is followed as fetch follows it', () => {
  test.each(cases)('%i for %s, to the same place and elsewhere', async (status, method) => {
    for (const to of ['/target', `${there}/target`]) {
      await expectSame(redirect(here, status, to), init(method));
    }
  });

  test.each(cases)('%i for %s from place to place and back', async (status, method) => {
    const last = redirect(there, status, `${here}/target`);
    await expectSame(redirect(here, status, redirect(here, 302, last)), init(method));
  });

  test.each(statuses)('%i for a body that is used up', async (status) => {
    for (const method of ['POST', 'PUT']) {
      const oneShot = () => ({ ...init(method), body: new Response('body').body, duplex: 'half' });
      await expectSame(redirect(here, status, '/target'), oneShot);
    }
  });

  test.each(statuses)('%i for a body that can be sent again', async (status) => {
    const url = redirect(here, status, `${there}/target`);
    for (const body of ['a=ü', new URLSearchParams('a=1'), new Blob(['x'], { type: 'a/b' })]) {
      await expectSame(url, { method: 'PUT', body });
    }
    // The fetch of Node 22 cannot send bytes again. They arrive as a Blob of them does.
    const bytes = new Uint8Array(3);
    let body: BodyInit = new Blob([bytes]);
    await expectSame(url, () => {
      const init = { method: 'PUT', body };
      body = bytes;
      return init;
    });
  });

  test.each([
    '/a/b?c=d#e',
    '?x',
    '../..//up',
    '#fragment',
    'target with spaces',
    '/ünïcödé/漢?q=😀',
    '\\target',
    'http:target',
    'http://[',
    'http://127.0.0.1:99999/',
    'data:text/plain,x',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'blob:http://127.0.0.1/x',
    'mailto:a@b.example',
    'about:blank',
  ])('to the Location %j', async (to) => {
    await expectSame(redirect(here, 302, to), init('POST'));
  });

  test('to a place that is written with a user or a password', async () => {
    for (const user of ['user@', 'user:password@', ':password@', '@']) {
      for (const origin of [here, there]) {
        await expectSame(redirect(here, 302, `${origin}/target`.replace('//', `//${user}`)), init('GET'));
      }
    }
  });

  test.each([200, 201, 300, 304, 305, 306, 400, 401])(
    'not at all for %i, Location or not',
    async (status) => {
      expect(await expectSame(redirect(here, status, '/target'), init('GET'))).toBe(1);
    },
  );

  test.each(statuses)('not at all for %i without a Location', async (status) => {
    expect(await expectSame(`${here}/redirect?status=${status}`, init('POST'))).toBe(1);
  });

  test('not without an end', async () => {
    expect(await expectSame(`${here}/redirect?status=302&to=`, init('GET'))).toBe(redirectLimit + 1);
  });
});

describe('6750-10: what belongs to a place stays there', () => {
  const from = { url: 'https://api.example.com/v1?x#top', method: 'POST', bodyKind: 'repeatable' } as const;

  test('a token and its proof are dropped at every hop: the follower decides again', () => {
    const drop = ['authorization', 'dpop'];
    expect(nextHop(from, 307, '/v2')).toMatchObject({ dropBody: false, dropHeaders: drop });
    expect(nextHop(from, 307, 'https://api.example.com:443/v2')).toMatchObject({ dropHeaders: drop });
  });

  test.each([
    'https://evil.example/',
    'http://api.example.com/',
    'https://api.example.com:8443/',
    'https://api.example.com./',
    '//evil.example',
  ])('cookies and the like are dropped as well on the way to %s', (to) => {
    expect(nextHop(from, 308, to)).toMatchObject({
      dropBody: false,
      dropHeaders: ['authorization', 'dpop', 'cookie', 'host', 'proxy-authorization'],
    });
  });

  test('headers that describe the body go with the body', () => {
    const described = [
      'content-encoding',
      'content-language',
      'content-length',
      'content-location',
      'content-type',
    ];
    expect(nextHop(from, 303, '/v2')).toEqual({
      url: 'https://api.example.com/v2#top',
      method: 'GET',
      dropBody: true,
      dropHeaders: ['authorization', 'dpop', ...described],
    });
  });

  test.each([
    ['/v2', 'https://api.example.com/v2#top'],
    ['', 'https://api.example.com/v1?x#top'],
    ['/v2#', 'https://api.example.com/v2#'],
    ['/v2#end', 'https://api.example.com/v2#end'],
    ['?y#', 'https://api.example.com/v1?y#'],
  ])('the fragment comes along unless the Location %j has its own', (to, url) => {
    expect(nextHop(from, 302, to)).toMatchObject({ url });
  });

  test('accepts a Location with characters above 0xFF, and keeps bytes that are not UTF-8', () => {
    expect(nextHop(from, 302, '/漢é')).toMatchObject({ url: 'https://api.example.com/%E6%BC%A2%C3%A9#top' });
    expect(nextHop(from, 302, '/\u00e9')).toMatchObject({ url: 'https://api.example.com/%E9#top' });
  });

  test.each(['user@', ':password@', 'user:password@'])('no place is reached as %s', (user) => {
    expect(nextHop(from, 302, `https://${user}api.example.com/`)).toBe('network-error');
    expect(nextHop(from, 302, `https://${user}elsewhere.example/`)).toBe('network-error');
  });

  test('a request from nowhere goes nowhere', () => {
    expect(nextHop({ ...from, url: '/v1' }, 302, 'https://api.example.com/')).toBe('network-error');
  });
});

function redirect(origin: string, status: number, to: string): string {
  return `${origin}/redirect?${new URLSearchParams({ status: String(status), to })}`;
}

/** A request with everything that a redirect may take away. */
function init(method: string): RequestInit {
  const headers = {
    authorization: 'Bearer canary',
    cookie: 'a=b',
    'proxy-authorization': 'Basic canary',
    'content-language': 'de',
    'content-location': '/x',
    'content-type': 'text/x-test',
    'x-other': 'stays',
  };
  return { method, headers, ...(/get|head/i.test(method) ? {} : { body: 'body' }) };
}

/** The same requests arrive and the same answer comes, whether fetch follows or we do. Returns how many arrive. */
async function expectSame(url: string, options: RequestInit | (() => RequestInit)): Promise<number> {
  const make = typeof options === 'function' ? options : () => options;
  const native = await outcome(fetch(url, make()));
  const expected = arrivals.splice(0);
  const ours = await outcome(follow(url, make()));
  expect(ours).toEqual(native);
  expect(arrivals.splice(0)).toEqual(expected);
  return expected.length;
}

async function outcome(answer: Promise<Response>): Promise<unknown> {
  const response = await answer.catch((error: unknown) => error);
  return response instanceof Response ? [response.status, response.url, await response.text()] : 'rejected';
}

/** The smallest client that follows by itself. It gives its token to every place of one origin, as fetch does. */
async function follow(
  url: string,
  { method = 'GET', headers, body, ...rest }: RequestInit,
): Promise<Response> {
  let request = { url, method, headers: new Headers(headers), body };
  for (let count = 0; ; count++) {
    const { url, method, headers, body } = request;
    const response = await fetch(url, { ...rest, method, headers, body: body ?? null, redirect: 'manual' });
    const hop = nextHop(
      { url, method, bodyKind: bodyKind(body) },
      response.status,
      response.headers.get('location'),
    );
    if (hop === undefined) return response;
    await response.body?.cancel();
    if (hop === 'network-error' || count === redirectLimit) throw new TypeError('fetch failed');
    const token = headers.get('authorization');
    for (const name of hop.dropHeaders) headers.delete(name);
    if (token !== null && new URL(hop.url).origin === new URL(url).origin)
      headers.set('authorization', token);
    request = { url: hop.url, method: hop.method, headers, body: hop.dropBody ? undefined : body };
  }
}

/** Servers write UTF-8; Node's takes bytes. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
