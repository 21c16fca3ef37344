/** The guide examples/bff/ as someone meets it who wants another one's session: requests that no page of ours sends. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ExampleServer, openExampleServer } from '../../../examples/server/server.ts';
import { type Backend, Client, startBackend } from './support/bff/backend.ts';

let world: ExampleServer;
let backend: Backend;
/** An API that keeps what comes, and the backend in front of it. */
let api: Server;
let behind: Backend;
const requests: IncomingMessage[] = [];

beforeAll(async () => {
  world = await openExampleServer({ accessTokenSeconds: 300 });
  api = createServer((request, response) => {
    requests.push(request);
    response.setHeader('set-cookie', 'session=of the API');
    if (request.url === '/v1/elsewhere') response.writeHead(302, { location: world.server.issuer });
    response.end('kept');
  }).listen(0, '127.0.0.1');
  await once(api, 'listening');
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/v1/`;
  [backend, behind] = await Promise.all([startBackend(world), startBackend(world, { API: url })]);
});
afterAll(async () => {
  await Promise.all([backend?.stop(), behind?.stop()]);
  api?.close();
  await world?.close();
});

async function signedIn(at: Backend = backend, user = 'ada'): Promise<Client> {
  const client = new Client(at);
  await client.logIn(user);
  return client;
}

describe('a session', () => {
  test('is a cookie that no script sees; no token is in any answer; one refresh for all calls at once', async () => {
    const client = new Client(backend);
    const answer = await client.comeBack(await client.goToServer('ada'));
    const [begun] = answer.headers['set-cookie'] ?? [];
    expect(begun).toMatch(/^session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    await world.server.endAccessTokens();
    const before = world.server.counters.refreshes;
    const calls = Array.from({ length: 20 }, (_, call) =>
      client.send('POST', '/api/', { body: `order ${call}` }),
    );
    const answers = await Promise.all(calls);
    expect(answers.map(({ status, body }) => [status, body])).toEqual(
      answers.map((_, call) => [200, `order ${call}`]),
    );
    expect(world.server.counters).toMatchObject({ refreshes: before + 1, reuses: 0 });
    expect((await client.send('POST', '/session/refresh')).status).toBe(204);
    const candidates = new Set(client.received.join('\n').match(/[\w-]{43}/g));
    expect(candidates.size).toBeGreaterThan(0);
    for (const candidate of candidates) expect((await world.server.introspect(candidate)).active).toBe(false);
  });

  test('is one user’s: of two there, each is who they are, and of a name that nobody has there is none', async () => {
    const [ada, bob] = await Promise.all([signedIn(), signedIn(backend, 'bob')]);
    expect([await ada.user(), await bob.user()]).toEqual(['ada', 'bob']);
    const guesses = ['', 'default', 'A'.repeat(43), '../ada', `${ada.cookies.get('session')}x`];
    for (const guess of guesses) {
      const guesser = new Client(backend);
      guesser.cookies.set('session', guess);
      expect([guess, await guesser.user()]).toEqual([guess, '401']);
      expect((await guesser.send('POST', '/session/refresh')).status).toBe(401);
    }
    // A neighbour on this site can set a second cookie of the name. Nobody is signed in then, and above all nobody else.
    const cookie = `session=${bob.cookies.get('session')}; session=${ada.cookies.get('session')}`;
    expect((await ada.send('GET', '/api/', { headers: { cookie } })).status).toBe(401);
  });

  test('ends with a sign-out: here, and at the server', async () => {
    const client = await signedIn();
    const session = client.cookies.get('session') ?? '';
    const revocations = world.server.requests.revocation;
    expect((await client.send('POST', '/session/logout')).status).toBe(204);
    expect(client.cookies.has('session')).toBe(false);
    expect(world.server.requests.revocation).toBeGreaterThan(revocations);
    client.cookies.set('session', session);
    expect(await client.user()).toBe('401');
  });

  test('lives on where the server cannot be asked', async () => {
    const client = await signedIn();
    await world.server.endAccessTokens();
    const busy = world.server.hiccup({ status: 503 });
    expect(await client.user()).toBe('502');
    await busy;
    await expect.poll(() => client.user()).toBe('ada');
  });
});

describe('another site', () => {
  const actions = ['/session/login/start', '/session/login/end', '/session/refresh', '/session/logout'];
  const foreign: [what: string, headers: Record<string, string>][] = [
    ['without the header', { origin: '' }],
    ['from elsewhere', { 'token-handler-version': '1', origin: 'https://evil.example' }],
    ['from a frame without an origin', { 'token-handler-version': '1', origin: 'null' }],
    ['from another port', { 'token-handler-version': '1', origin: 'http://localhost:1' }],
    ['that does not say from where', { 'token-handler-version': '1' }],
  ];

  test.each(foreign)('a POST %s does nothing', async (_, { origin, ...headers }) => {
    const client = await signedIn();
    for (const path of [...actions, '/api/orders']) {
      const sent = { ...headers, ...(origin !== undefined && { origin: origin || backend.origin }) };
      const { status } = await client.raw('POST', path, { headers: sent, body: '{}' });
      expect([path, status]).toEqual([path, 403]);
    }
    expect(await client.user()).toBe('ada');
  });

  test('a GET changes nothing, and reads nothing without the header', async () => {
    const client = await signedIn();
    for (const path of actions) {
      for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
        expect([path, method, (await client.send(method, path)).status]).toEqual([path, method, 404]);
      }
      expect((await client.raw('GET', path)).status).toBe(403);
    }
    expect((await client.raw('GET', '/api/')).status).toBe(403);
    expect(await client.user()).toBe('ada');
  });

  test('may not show the page, and receives no callback', async () => {
    for (const path of ['/', '/callback?code=one', '/page.js']) {
      const { status, headers } = await new Client(backend).raw('GET', path);
      expect(status).toBe(200);
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers['content-security-policy']).toContain("script-src 'self'");
      expect(headers).toMatchObject({ 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' });
    }
  });

  test('nobody says yes when a browser asks whether it may', async () => {
    const asking = {
      origin: 'https://evil.example',
      'access-control-request-headers': 'token-handler-version',
    };
    const { status, headers } = await new Client(backend).raw('OPTIONS', '/session/logout', {
      headers: asking,
    });
    expect(status).toBe(403);
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('a login', () => {
  test('ends in the browser in which it began: nobody signs others in as himself', async () => {
    const [attacker, victim] = [new Client(backend), new Client(backend)];
    const callback = await attacker.goToServer('mallory');
    expect((await victim.comeBack(callback)).status).toBe(400);
    await victim.goToServer('ada');
    expect((await victim.comeBack(callback)).status).toBe(400);
    expect(await victim.user()).toBe('401');
    expect((await attacker.comeBack(callback)).status).toBe(200);
    // And once.
    expect((await attacker.comeBack(callback)).status).toBe(400);
  });

  test('gives a session another name than the one before, which has ended', async () => {
    const client = new Client(backend);
    client.cookies.set('session', 'A'.repeat(43));
    await client.logIn('ada');
    const first = client.cookies.get('session') ?? '';
    expect(first).not.toBe('A'.repeat(43));
    await client.logIn('ada');
    expect(client.cookies.get('session')).not.toBe(first);
    for (const before of ['A'.repeat(43), first]) {
      const other = new Client(backend);
      other.cookies.set('session', before);
      expect(await other.user()).toBe('401');
    }
    expect(await client.user()).toBe('ada');
  });

  test.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '/.//evil.example/',
    'javascript:alert(1)',
    'http://localhost@evil.example/',
    '\t//evil.example',
    '/orders?of=today',
  ])('leads to a place of ours: %j', async (place) => {
    const client = new Client(backend);
    const { body } = await client.comeBack(await client.goToServer('ada', place));
    const { return_to } = JSON.parse(body);
    expect(new URL(return_to).href).toBe(return_to);
    expect(new URL(return_to).origin).toBe(backend.origin);
    expect(return_to.endsWith('/orders?of=today')).toBe(place === '/orders?of=today');
  });

  test('an invalid response or a refusal is reported, and the existing session is kept', async () => {
    const client = await signedIn();
    const callback = await client.goToServer('ada');
    const state = new URL(callback).searchParams.get('state');
    const refused = `${backend.origin}/callback?error=access_denied&state=${state}&iss=${world.server.issuer}`;
    expect((await client.comeBack(refused)).status).toBe(400);
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '{"callback":7}',
      `{"callback":"${backend.origin}/callback"}`,
    ]) {
      const { status } = await client.send('POST', '/session/login/end', { body });
      expect([body, status]).toEqual([body, 400]);
    }
    expect(await client.user()).toBe('ada');
  });
});

describe('the way to the API', () => {
  const last = () => requests.at(-1);

  test('takes a token along, and neither cookies nor tokens of the page; no cookie of the API comes back', async () => {
    const client = await signedIn(behind);
    const headers = {
      authorization: 'Bearer mine',
      accept: 'text/plain',
      'x-forwarded-host': 'evil.example',
    };
    const answer = await client.send('PUT', '/api/orders/7?of=today', { headers, body: 'bytes' });
    expect([answer.status, answer.body, answer.headers['set-cookie']]).toEqual([200, 'kept', undefined]);
    expect(last()?.url).toBe('/v1/orders/7?of=today');
    expect(last()?.headers).toMatchObject({ accept: 'text/plain', authorization: expect.any(String) });
    expect(last()?.headers.authorization).not.toContain('mine');
    for (const name of ['cookie', 'x-forwarded-host', 'token-handler-version', 'origin']) {
      expect(last()?.headers).not.toHaveProperty(name);
    }
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  test.each([
    '/api/../admin',
    '/api/..',
    '/api/%2e%2e/admin',
    '/api/.%2e/%2e./admin',
    '/api/\\..\\admin',
    '/api/..%2fadmin',
    '/api/..%5cadmin',
    '/api/..;/admin',
    '/api//evil.example/',
    '/api/\\evil.example/',
    '/api/@evil.example/',
    '/api/https://evil.example/',
    '/api/:80@evil.example/',
    '//evil.example/api/orders',
    'http://evil.example/api/orders',
    '//',
  ])('%s brings no token out of it', async (path) => {
    const client = await signedIn(behind);
    const before = requests.length;
    const { status } = await client.send('GET', path);
    expect([200, 400, 404, 502]).toContain(status);
    for (const { url = '', headers } of requests.slice(before)) {
      expect(url.startsWith('/v1/')).toBe(true);
      const climbs = /\.\./.test(decodeURIComponent(url));
      expect([url, headers.authorization !== undefined]).toEqual([url, !climbs]);
    }
    expect(await client.send('GET', '/api/')).toMatchObject({ status: 200 });
  });

  test('goes nowhere that the API says', async () => {
    const before = requests.length;
    expect((await (await signedIn(behind)).send('GET', '/api/elsewhere')).status).toBe(502);
    expect(requests.length).toBe(before + 1);
  });

  test('takes a body that says that it is small', async () => {
    const client = await signedIn(behind);
    const before = requests.length;
    const large = await client.send('POST', '/api/orders', { body: 'x'.repeat(1_000_001) });
    expect(large.status).toBe(413);
    const chunked = await client.send('POST', '/api/orders', { headers: { 'transfer-encoding': 'chunked' } });
    expect(chunked.status).toBe(413);
    expect(requests.length).toBe(before);
  });
});

test('behind https cookies cannot be set by anyone else, and a plain one is ignored', async () => {
  const secure = await startBackend(world, { ORIGIN: 'https://app.example.com' });
  try {
    const client = new Client(secure);
    const { headers } = await client.send('POST', '/session/login/start', { body: '{}' });
    expect(headers['set-cookie']).toEqual([
      expect.stringMatching(/^__Host-login=[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=600$/),
    ]);
    const ada = await signedIn();
    client.cookies.set('session', ada.cookies.get('session') ?? '');
    expect(await client.user()).toBe('401');
  } finally {
    expect(await secure.stop()).toBe(0);
  }
});
