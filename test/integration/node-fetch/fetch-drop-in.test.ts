import { TokenManager } from 'tokenkeep';
import { Agent, MockAgent } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type Arrival,
  json,
  type RawServer,
  rawServer,
  refuse,
  tokenEndpoint,
} from './support/raw-server.ts';

type Fetch = typeof globalThis.fetch;
type Arguments = [input: string | URL | Request, init?: RequestInit | null | undefined];

let api: RawServer;
let elsewhere: RawServer;
let as: RawServer;
/** Tokens that the API refuses. Without any token it lets everyone in: bare `fetch` has none. */
const refused = new Set<string>();

beforeAll(async () => {
  elsewhere = await rawServer(({ method }, response) => json(response, 200, { elsewhere: method }));
  as = await rawServer(tokenEndpoint());
  api = await rawServer((arrival, response) => {
    const { path, method, authorization } = arrival;
    if (authorization !== undefined && refused.has(authorization)) return refuse(response);
    if (path.startsWith('/hang')) return undefined;
    if (path.startsWith('/endless')) return void response.write('the beginning');
    if (path.startsWith('/drop')) return void response.socket?.destroy();
    const [, status, to] = /^\/go\/(\d+)\?to=(.*)/.exec(path) ?? [];
    if (status !== undefined) {
      response.writeHead(Number(status), { location: decodeURIComponent(to ?? ''), 'content-length': 0 });
      return void response.end();
    }
    const [, code] = /^\/status\/(\d+)/.exec(path) ?? [];
    const headers = { 'x-answer': 'yes', 'set-cookie': ['a=1', 'b=2'], 'cache-control': 'no-store' };
    return json(response, Number(code ?? 200), { method, path }, headers);
  });
});
afterAll(async () => {
  for (const server of [api, as, elsewhere]) await server[Symbol.asyncDispose]();
});
afterEach(() => refused.clear());

function manager(options: { fetch?: Fetch } = {}): TokenManager {
  return new TokenManager({
    clientId: 'app',
    authorizationServer: { tokenEndpoint: `${as.url}/token` },
    protectedResources: [`${api.url}/`],
    ...options,
  });
}

/** A manager in the state that a call finds it in. */
const states = {
  'with a fresh token': async () => {
    const fresh = manager();
    await fresh.setTokens({ access_token: 'good', refresh_token: 'r', expires_in: 3600 });
    return fresh;
  },
  'after waiting for a refresh': async () => {
    const expired = manager();
    await expired.setTokens({ accessToken: 'over', refreshToken: 'r', expiresAt: Date.now() - 1 });
    return expired;
  },
  'after a 401 and a refresh': async () => {
    refused.add('Bearer stale');
    const rejected = manager();
    await rejected.setTokens({ access_token: 'stale', refresh_token: 'r', expires_in: 3600 });
    return rejected;
  },
};

const text = 'a body with ünïcode';
const bytes = Uint8Array.from({ length: 5000 }, (_, index) => index % 251);
const streamOf = (...chunks: (string | Uint8Array)[]) =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) {
        controller.enqueue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk);
      }
      controller.close();
    },
  });
async function* pieces() {
  yield new TextEncoder().encode('piece ');
  yield new TextEncoder().encode('by piece');
}
function form(): FormData {
  const data = new FormData();
  data.append('field', 'value\nwith a line');
  data.append('field', 'again');
  data.append('file', new File(['content ', bytes], 'naïve "name".bin', { type: 'application/x-thing' }));
  data.append('blob', new Blob(['blob']));
  return data;
}
const bodies: Record<string, () => RequestInit['body']> = {
  'a string': () => text,
  'an empty string': () => '',
  URLSearchParams: () => new URLSearchParams({ a: '1 2', b: 'ü' }),
  'FormData with files': form,
  'a Blob with a type': () => new Blob([text], { type: 'text/x-thing' }),
  'a Blob without one': () => new Blob([bytes]),
  'an ArrayBuffer': () => bytes.buffer.slice(0),
  'a view': () => bytes.subarray(7, 99),
  'a DataView': () => new DataView(bytes.buffer.slice(0), 3, 40),
  'a Buffer': () => Buffer.from(text),
};
const streams: Record<string, () => RequestInit['body']> = {
  'a ReadableStream': () => streamOf('one ', bytes, ' two'),
  'an async iterable': () => pieces() as unknown as ReadableStream,
};

const at = (path: string) => `${api.url}${path}`;
const post = (body: RequestInit['body']): RequestInit => ({ method: 'POST', body }) as RequestInit;
const streamed = (body: RequestInit['body']) => ({ ...post(body), duplex: 'half' }) as RequestInit;

/** Calls that can be sent twice: they end alike in every state. */
const calls: Record<string, () => Arguments> = {
  'a string': () => [at('/x?y=1#z')],
  'a URL': () => [new URL(at('/x?y=1#z'))],
  'a Request': () => [new Request(at('/x#z'), { headers: { 'x-mine': '1' } })],
  'no init, in so many words': () => [at('/x'), undefined],
  'null for an init': () => [at('/x'), null],
  'an init over a Request': () => [
    new Request(at('/x'), { headers: { 'x-mine': '1' }, method: 'PUT', body: 'first' }),
    { method: 'PATCH', body: 'second', headers: { 'x-other': '2' } },
  ],
  'a Request as init': () => [
    at('/x'),
    new Request('http://other.invalid/', { method: 'DELETE', headers: { 'x-mine': '1' } }),
  ],
  'an init with getters': () => [
    at('/x'),
    new (class {
      get method() {
        return 'OPTIONS';
      }
      get headers() {
        return { 'x-mine': '1' };
      }
    })(),
  ],
  'a frozen init': () => [
    at('/x'),
    Object.freeze({ method: 'PUT', body: text, headers: Object.freeze({ a: 'b' }) }),
  ],
  'headers as an object': () => [at('/x'), { headers: { 'X-Mine': ' 1 ', Accept: 'text/plain' } }],
  'headers as pairs': () => [
    at('/x'),
    {
      headers: [
        ['x-mine', '1'],
        ['x-mine', '2'],
      ],
    },
  ],
  'headers as Headers': () => [at('/x'), { headers: new Headers({ 'x-mine': '1' }) }],
  'headers as a Map': () => [at('/x'), { headers: new Map([['x-mine', '1']]) as unknown as HeadersInit }],
  'headers as an object that iterates': () => [
    at('/x'),
    {
      headers: {
        *[Symbol.iterator]() {
          yield ['x-mine', '1'];
        },
      } as unknown as HeadersInit,
    },
  ],
  'headers without a prototype': () => [
    at('/x'),
    { headers: Object.assign(Object.create(null), { 'x-mine': '1' }) },
  ],
  'a cookie of the caller': () => [at('/x'), { headers: { cookie: 'c=1' } }],
  ...Object.fromEntries(
    ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'get', 'Purge'].map((method) => [
      `the method ${method}`,
      (): Arguments => [at('/x'), { method }],
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(bodies).flatMap(([name, body]) => [
      [`${name} as the body`, (): Arguments => [at('/x'), post(body())]],
      [`a Request with ${name} as the body`, (): Arguments => [new Request(at('/x'), post(body()))]],
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(streams).map(([name, body]) => [
      `a Request with ${name} as the body`,
      (): Arguments => [new Request(at('/x'), streamed(body()))],
    ]),
  ),
  ...Object.fromEntries(
    ['default', 'no-store', 'reload', 'no-cache', 'force-cache'].map((cache) => [
      `cache: ${cache}`,
      (): Arguments => [at('/x'), { cache: cache as RequestCache }],
    ]),
  ),
  keepalive: () => [at('/x'), { keepalive: true, method: 'POST', body: text }],
  credentials: () => [at('/x'), { credentials: 'omit' }],
  'referrer and integrity that fits': () => [
    at('/x'),
    { referrer: 'about:client', referrerPolicy: 'no-referrer', mode: 'cors' },
  ],
  ...Object.fromEntries(
    [200, 201, 204, 205, 304, 400, 402, 403, 404, 409, 418, 429, 500, 503].map((status) => [
      `an answer of ${status}`,
      (): Arguments => [at(`/status/${status}`), post(text)],
    ]),
  ),
  ...Object.fromEntries(
    [301, 302, 303, 307, 308].flatMap((status) =>
      (['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const).flatMap((method) => [
        [
          `${status} after ${method}`,
          (): Arguments => [
            at(`/go/${status}?to=%2Fx%3Fthere%23part`),
            {
              method,
              headers: { 'x-mine': '1', 'content-language': 'de' },
              ...(method[0] === 'P' && { body: text }),
            },
          ],
        ],
        [
          `${status} after a Request with ${method}`,
          (): Arguments => [
            new Request(at(`/go/${status}?to=x%3Fthere`), {
              method,
              ...(method[0] === 'P' && { body: text }),
            }),
          ],
        ],
      ]),
    ),
  ),
  ...Object.fromEntries(
    Object.entries(bodies).map(([name, body]) => [
      `307 after ${name}`,
      (): Arguments => [at('/go/307?to=/x'), post(body())],
    ]),
  ),
  'a redirect to another origin': () => [
    at(`/go/302?to=${encodeURIComponent(`${elsewhere.url}/y`)}`),
    { headers: { cookie: 'c=1', 'x-mine': '1' } },
  ],
  'two redirects': () => [at('/go/302?to=%2Fgo%2F301%3Fto%3D%2Fx#start')],
  'a redirect in a loop': () => [at('/go/302?to=')],
  'a redirect without a place': () => [at('/status/302')],
  'a redirect to nowhere': () => [at('/go/302?to=http%3A%2F%2F%5B')],
  'a redirect to another scheme': () => [at('/go/302?to=data%3A%2Chello')],
  'redirect: manual': () => [at('/go/302?to=/x'), { redirect: 'manual' }],
  'redirect: error': () => [at('/go/302?to=/x'), { redirect: 'error' }],
  'redirect: error without one': () => [at('/x'), { redirect: 'error' }],
  'a Request with redirect: manual': () => [new Request(at('/go/307?to=/x'), { redirect: 'manual' })],
  'a connection that breaks': () => [at('/drop')],
  'a signal that does not abort': () => [at('/x'), { signal: new AbortController().signal }],
  'no signal, in so many words': () => [at('/x'), { signal: null }],
  'a signal that is aborted already': () => [at('/x'), { signal: AbortSignal.abort() }],
  'a signal that is aborted with a reason': () => [at('/x'), { signal: AbortSignal.abort('because') }],
  'a Request whose signal is aborted': () => [
    new Request(at('/x'), { signal: AbortSignal.abort(new Error('mine')) }),
  ],
  'a method that is none': () => [at('/x'), { method: 'NO METHOD' }],
  'a method that is forbidden': () => [at('/x'), { method: 'TRACE' }],
  'a GET with a body': () => [at('/x'), { body: text }],
  'a header that is none': () => [at('/x'), { headers: { 'no header': '1' } }],
  'a pair that is none': () => [at('/x'), { headers: [['alone']] as unknown as HeadersInit }],
  'an init that is none': () => [at('/x'), 'init' as unknown as RequestInit],
  'an init that throws': () => [
    at('/x'),
    {
      get method(): string {
        throw new RangeError('mine');
      },
    },
  ],
  'a stream without duplex': () => [at('/x'), post(streamOf('x'))],
  'a Request whose body is used up': () => {
    const used = new Request(at('/x'), post(text));
    void used.text();
    return [used];
  },
  'a dispatcher': () => [at('/x'), { dispatcher: new Agent({ pipelining: 0 }) } as unknown as RequestInit],
  'a dispatcher that answers itself': () => {
    const agent = new MockAgent();
    agent.disableNetConnect();
    const place = agent.get(api.url);
    place.intercept({ path: '/mock' }).reply(302, '', { headers: { location: '/there' } });
    place.intercept({ path: '/there' }).reply(200, 'from the mock');
    return [at('/mock'), { dispatcher: agent } as unknown as RequestInit];
  },
};

/** Calls that cannot be sent twice: with a 401 they end with it. */
const oneShots: Record<string, () => Arguments> = {
  ...Object.fromEntries(
    Object.entries(streams).flatMap(([name, body]) => [
      [`${name} as the body`, (): Arguments => [at('/x'), streamed(body())]],
      [`303 after ${name}`, (): Arguments => [at('/go/303?to=/x'), streamed(body())]],
      [`307 after ${name}`, (): Arguments => [at('/go/307?to=/x'), streamed(body())]],
    ]),
  ),
  'a Request with a body as init': () => [at('/x'), new Request(at('/y'), post(text))],
  'a stream that fails': () => [
    at('/x'),
    streamed(new ReadableStream({ pull: (controller) => controller.error(new RangeError('mine')) })),
  ],
};

/** Result of a call, for the caller. */
async function outcome(call: () => Promise<Response>): Promise<unknown> {
  try {
    const response = await call();
    const headers = [...response.headers].filter(([name]) => name !== 'date');
    const { status, statusText, url, redirected, ok } = response;
    return { status, statusText, url, redirected, ok, headers, body: await response.text() };
  } catch (error) {
    if (!(error instanceof Error)) return { rejectedWith: error };
    const { name, message, cause } = error;
    const where = /^(fetch|Request constructor|Headers constructor|undefined)[^:]*: /;
    const causedBy = Object.prototype.toString.call(cause);
    return { class: error.constructor.name, name, message: message.replace(where, ''), causedBy };
  }
}

/** The request that arrived, without Authorization and without the random boundary of a form. */
function seen(arrivals: readonly Arrival[]): unknown[] {
  const boundary = /-{4}formdata-undici-\d+|tokenkeep-[\da-f-]{36}/g;
  return arrivals.map(({ method, path, headers, body }) => {
    const plain = (value: string) => value.replace(boundary, 'BOUNDARY');
    const isForm = headers.some(([, value]) => value.includes('boundary='));
    const kept = headers.filter(([name]) => !isForm || name !== 'content-length');
    return [method, path, kept.map(([name, value]) => [name, plain(value)]), plain(body.toString('latin1'))];
  });
}

const isAccepted = ({ authorization = '' }: Arrival) => !refused.has(authorization);

async function run(fetch: Fetch, [input, init]: Arguments) {
  api.arrivals.length = 0;
  elsewhere.arrivals.length = 0;
  const result = await outcome(() => fetch(input, init as RequestInit));
  const accepted = api.arrivals.filter(isAccepted);
  return { result, arrived: seen(accepted), elsewhere: seen(elsewhere.arrivals) };
}

describe.each(Object.entries(states))('%s manager.fetch does what fetch does for', (state, enter) => {
  const table = state.includes('401') ? calls : { ...calls, ...oneShots };
  test.each(Object.entries(table))('%s', async (_name, call) => {
    const expected = await run(fetch, call());
    const { fetch: ours } = await enter();
    expect(await run(ours, call())).toEqual(expected);
    for (const { authorization } of elsewhere.arrivals) expect(authorization).toBeUndefined();
    for (const { authorization } of api.arrivals) expect(authorization).toMatch(/^Bearer /);
  });
});

describe.each(Object.entries(states))('%s an abort is the same rejection as with fetch', (_state, enter) => {
  const reasons: [string, unknown][] = [
    ['no reason', undefined],
    ['a text', 'because'],
    ['an error', new RangeError('mine')],
  ];

  test.each(reasons)('in flight, with %s', async (_name, reason) => {
    const abortInFlight = async (fetch: Fetch) => {
      api.arrivals.length = 0;
      const controller = new AbortController();
      const { signal } = controller;
      const inits: RequestInit[] = [{ signal }, { signal, method: 'POST', body: text }];
      const calls = [
        ...inits.map((init) => fetch(at('/hang'), init)),
        ...inits.map((init) => fetch(new Request(at('/hang'), init))),
      ];
      const outcomes = calls.map((call) => outcome(() => call));
      await vi.waitUntil(() => api.arrivals.filter(isAccepted).length === calls.length);
      controller.abort(reason);
      return await Promise.all(outcomes);
    };
    const expected = await abortInFlight(fetch);
    expect(await abortInFlight((await enter()).fetch)).toEqual(expected);
  });

  test.each(reasons)('while the body is being read, with %s', async (_name, reason) => {
    const abortWhileReading = async (fetch: Fetch) => {
      const controller = new AbortController();
      const response = await fetch(at('/endless'), { signal: controller.signal });
      controller.abort(reason);
      return await outcome(async () => new Response(await response.text()));
    };
    const expected = await abortWhileReading(fetch);
    expect(await abortWhileReading((await enter()).fetch)).toEqual(expected);
  });
});
