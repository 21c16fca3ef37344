import { TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  json,
  type RawServer,
  type Respond,
  rawServer,
  refuse,
  tokenEndpoint,
} from './support/raw-server.ts';

/** Named with `/v1` only, so that it has a place on the same origin that gets no token. */
let api: RawServer;
let second: RawServer;
let foreign: RawServer;
let as: RawServer;
let rejected: Set<string>;

const respond: Respond = ({ path, authorization, method, body }, response) => {
  if (rejected.has(authorization ?? 'none')) return refuse(response);
  const [, status, to] = /^\/(?:v1|open)\/go\/(\d+)\?to=(.*)/.exec(path) ?? [];
  if (status === undefined) return json(response, 200, { method, body: body.toString() });
  response.writeHead(Number(status), { location: decodeURIComponent(to ?? ''), 'content-length': 0 });
  return void response.end();
};

beforeAll(async () => {
  [api, second, foreign] = await Promise.all([rawServer(respond), rawServer(respond), rawServer(respond)]);
});
afterAll(async () => {
  for (const server of [api, second, foreign, as]) await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  rejected = new Set();
  for (const { arrivals } of [api, second, foreign]) arrivals.length = 0;
  if (as !== undefined) await as[Symbol.asyncDispose]();
  as = await rawServer(tokenEndpoint());
});

async function signedIn(...resources: TokenManagerOptions['protectedResources']): Promise<TokenManager> {
  const manager = new TokenManager({
    clientId: 'app',
    authorizationServer: { tokenEndpoint: `${as.url}/token` },
    protectedResources: [`${api.url}/v1`, ...resources],
  });
  await manager.setTokens({ access_token: 'whole', refresh_token: 'r', expires_in: 3600 });
  return manager;
}

const go = (status: number, to: string) => `${api.url}/v1/go/${status}?to=${encodeURIComponent(to)}`;
const statuses = [301, 302, 303, 307, 308];
const tokens = ({ arrivals }: RawServer) => arrivals.map(({ authorization }) => authorization);

describe('a redirect carries the token to no place that was not named (law tokens-stay-home, 6750-10, 9110-04)', () => {
  const requests: [string, (url: string) => [RequestInfo, RequestInit?]][] = [
    ['GET', (url) => [url]],
    ['POST', (url) => [url, { method: 'POST', body: 'payload' }]],
    ['a Request with a body', (url) => [new Request(url, { method: 'PUT', body: 'payload' })]],
    ['a form', (url) => [url, { method: 'POST', body: formOf() }]],
  ];
  const formOf = () => {
    const form = new FormData();
    form.set('a', 'b');
    return form;
  };
  const cases = statuses.flatMap((status) => requests.map(([name, make]) => ({ status, name, make })));

  test.each(cases)('$status to another origin: $name', async ({ status, make }) => {
    const manager = await signedIn();
    const answer = await manager.fetch(...make(go(status, `${foreign.url}/v1/x`)));
    expect([answer.status, answer.redirected, answer.url]).toEqual([200, true, `${foreign.url}/v1/x`]);
    expect(tokens(api)).toEqual(['Bearer whole']);
    expect(tokens(foreign)).toEqual([undefined]);
  });

  test.each(cases)('$status to another path of the same origin: $name', async ({ status, make }) => {
    const manager = await signedIn();
    const answer = await manager.fetch(...make(go(status, '/v10/x')));
    expect([answer.status, answer.redirected, answer.url]).toEqual([200, true, `${api.url}/v10/x`]);
    expect(tokens(api)).toEqual(['Bearer whole', undefined]);
  });

  test.each(cases)('$status within the place keeps it: $name', async ({ status, make }) => {
    const manager = await signedIn();
    const answer = await manager.fetch(...make(go(status, 'x')));
    expect(answer.status).toBe(200);
    expect(tokens(api)).toEqual(['Bearer whole', 'Bearer whole']);
  });

  test.each(cases)(
    '$status to another named place, which gets the token of its own: $name',
    async ({ status, make }) => {
      const manager = await signedIn({ url: `${second.url}/v1`, scope: ['second'] });
      const answer = await manager.fetch(...make(go(status, `${second.url}/v1/x`)));
      expect(answer.status).toBe(200);
      expect(tokens(api)).toEqual(['Bearer whole']);
      expect(tokens(second)).toEqual(['Bearer access-1']);
      expect(new URLSearchParams(as.arrivals[0]?.body.toString()).get('scope')).toBe('second');
    },
  );

  test('and to the other path of that place none', async () => {
    const manager = await signedIn(`${second.url}/v1`);
    await manager.fetch(go(307, `${second.url}/other`));
    expect(tokens(second)).toEqual([undefined]);
  });

  test.each([
    ['a path that climbs out', '/v1/../open/x'],
    ['an escaped climb', '/v1/..%2fopen/x'],
    ['a backslash', '/v1/..\\open'],
    ['another name of the machine', 'LOCALHOST'],
  ])('not by %s', async (_name, to) => {
    const manager = await signedIn();
    const target = to === 'LOCALHOST' ? api.url.replace('127.0.0.1', 'localhost') : to;
    await manager.fetch(go(302, target)).catch(() => undefined); // localhost may be ::1
    expect(tokens(api).slice(1).filter(Boolean)).toEqual([]);
  });

  test('with a user name in it it is an error, and nothing arrives', async () => {
    const manager = await signedIn(`${second.url}/`);
    const target = second.url.replace('//', '//user:password@');
    await expect(manager.fetch(go(302, target))).rejects.toThrow(TypeError);
    expect(second.arrivals).toEqual([]);
  });

  test('a chain through a foreign place does not bring it back', async () => {
    const manager = await signedIn();
    const back = `${api.url}/v1/end`;
    const through = `${foreign.url}/open/go/307?to=${encodeURIComponent(back)}`;
    const answer = await manager.fetch(go(307, through), { method: 'POST', body: 'payload' });
    expect(answer.url).toBe(back);
    expect(tokens(foreign)).toEqual([undefined]);
    // A request from a foreign place is its request, not ours.
    expect(tokens(api)).toEqual(['Bearer whole', undefined]);
  });

  test("headers of the caller that are the place's go no further than its origin", async () => {
    const manager = await signedIn();
    const headers = { cookie: 'c=1', 'proxy-authorization': 'Basic eA==', 'x-mine': '1' };
    await manager.fetch(go(307, `${foreign.url}/x`), { headers });
    const names = foreign.arrivals[0]?.headers.map(([name]) => name);
    expect(names).toContain('x-mine');
    expect(names).not.toContain('cookie');
    expect(names).not.toContain('proxy-authorization');
  });
});

describe('a 401 after a redirect', () => {
  test.each([
    ['from another origin', () => `${foreign.url}/x`],
    ['from another path', () => '/open/x'],
  ])('%s refreshes nothing', async (_name, to) => {
    rejected.add('none');
    const manager = await signedIn();
    const answer = await manager.fetch(go(302, to()));
    expect([answer.status, answer.redirected]).toEqual([401, true]);
    expect([as.arrivals.length, api.arrivals.length + foreign.arrivals.length]).toEqual([0, 2]);
  });

  test('from the place itself is answered with another token, once', async () => {
    const manager = await signedIn();
    let hops = 0;
    const { arrivals } = api;
    // The token dies between the redirect and the place that it leads to.
    const answer = manager.fetch(go(307, '/v1/x'), { method: 'POST', body: 'payload' });
    await api.arrived(1);
    rejected.add('Bearer whole');
    const { status, redirected, url } = await answer;
    hops = arrivals.length;
    expect([status, redirected, url, hops]).toEqual([200, true, `${api.url}/v1/x`, 3]);
    expect(tokens(api)).toEqual(['Bearer whole', 'Bearer whole', 'Bearer access-1']);
    expect(arrivals.map(({ body }) => body.toString())).toEqual(['payload', 'payload', 'payload']);
  });

  test('before it: the redirect is followed with the new token, for a Request with a body as well', async () => {
    rejected.add('Bearer whole');
    const manager = await signedIn();
    const answer = await manager.fetch(new Request(go(308, '/v1/x'), { method: 'POST', body: 'payload' }));
    expect(await answer.json()).toEqual({ method: 'POST', body: 'payload' });
    expect(tokens(api)).toEqual(['Bearer whole', 'Bearer access-1', 'Bearer access-1']);
    expect(api.arrivals.map(({ body }) => body.toString())).toEqual(['payload', 'payload', 'payload']);
  });
});

describe('a redirect in a circle ends where fetch ends it', () => {
  test.each([
    ['within the place', () => go(302, ''), 21],
    // The platform follows from there on, and starts counting from zero.
    [
      'through a place without a token',
      () => go(302, `${api.url}/open/go/302?to=${encodeURIComponent(go(302, ''))}`),
      22,
    ],
  ])('%s', async (_name, make, arrivals) => {
    const manager = await signedIn();
    await expect(manager.fetch(make())).rejects.toThrow(new TypeError('fetch failed'));
    expect(api.arrivals).toHaveLength(arrivals);
  });
});

test('a redirect that the caller follows leads nowhere by itself', async () => {
  const manager = await signedIn();
  const answer = await manager.fetch(go(302, `${foreign.url}/x`), { redirect: 'manual' });
  expect([answer.status, answer.headers.get('location'), answer.redirected]).toEqual([
    302,
    `${foreign.url}/x`,
    false,
  ]);
  await expect(manager.fetch(go(302, `${foreign.url}/x`), { redirect: 'error' })).rejects.toThrow(TypeError);
  expect(foreign.arrivals).toEqual([]);
});
