/**
 * A token endpoint that is hostile, broken or somebody else. Whatever it answers: nothing is sent to another place, nothing
 * that it says is believed more than it is worth, no secret shows, and the session is kept.
 */
import { inspect } from 'node:util';
import { memoryStorage, TokenManager, type TokenStorage } from 'tokenkeep';
import { testClock } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { type Place, type Wire, wire } from '../../support/wire.ts';

const as = { issuer: 'https://as.test', tokenEndpoint: 'https://as.test/token' };
const api = 'https://api.test/orders';
const evil = 'https://evil.test/';
const secret = 'canary-refresh-token-0';

interface Scene {
  readonly net: Wire;
  readonly manager: TokenManager;
  readonly storage: TokenStorage;
  readonly told: unknown[];
  /** Result of the hostile response: a token, or an error. */
  readonly outcome: string | (Error & Record<string, unknown>);
  /** An hour later the server is itself again, and answers with this refresh token to the next refresh. */
  recover(): Promise<{ readonly sent: string | null; readonly stored: string | undefined }>;
}

/** One refresh, to which the server answers so. */
async function answered(hostile: Place): Promise<Scene> {
  const clock = testClock();
  const storage = jsonStorage();
  let isHostile = true;
  const net = wire({
    [as.tokenEndpoint]: (sent, count) =>
      isHostile
        ? hostile(sent, count)
        : Response.json({ access_token: 'later', refresh_token: 'last', expires_in: 300 }),
    [api]: () => new Response('fine'),
    [evil]: () => Response.json({ access_token: 'evil', refresh_token: 'evil' }),
  });
  const manager = new TokenManager({
    clientId: 'app',
    authorizationServer: as,
    protectedResources: [api],
    storage,
    clock,
    fetch: net.fetch,
  });
  const told: unknown[] = [];
  manager.on('*', (event) => void told.push(event));
  await manager.setTokens({ access_token: 'access-0', refresh_token: secret, expires_in: 300 });
  await clock.advance(300_000);
  const waiting = manager.getAccessToken();
  const refreshing = waiting.catch((error: Scene['outcome']) => error);
  for (let step = 0; step < 8; step++) await clock.advance(5_000); // the longest that a request may take, and more
  const outcome = await refreshing;
  return {
    net,
    manager,
    storage,
    told,
    outcome,
    async recover() {
      isHostile = false;
      const before = net.to(as.tokenEndpoint).length;
      await clock.advance(3_600_000);
      const rejected = typeof outcome === 'string' ? { rejectedToken: outcome } : {};
      expect(await manager.getAccessToken(rejected)).toBe('later');
      const sent = net.to(as.tokenEndpoint)[before]?.form.get('refresh_token') ?? null;
      return { sent, stored: (await manager.getTokens())?.refreshToken };
    },
  };
}

/** Writes what a file or a database would: text. */
function jsonStorage(): TokenStorage {
  const inner = memoryStorage();
  const copy = (record: unknown) => JSON.parse(JSON.stringify(record)) as unknown;
  return {
    reach: inner.reach,
    ...(inner.lock && { lock: inner.lock }),
    read: (key) => inner.read(key),
    write: async (key, record, ifVersion) => inner.write(key, copy(record) as object, ifVersion),
    delete: (key, ifVersion) => inner.delete(key, ifVersion),
  };
}

/** Conditions that hold after every response. */
async function isUnharmed({ net, told, outcome, manager }: Scene): Promise<void> {
  expect(net.sent.filter(({ url }) => url !== as.tokenEndpoint)).toEqual([]);
  const visible = ([outcome, ...told] as unknown[])
    .map((value: unknown) => inspect(value as object, { depth: 8 }) + JSON.stringify(value))
    .join();
  expect(visible).not.toContain(secret);
  expect(visible).not.toMatch(/<script|alert\(/);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(told.map((event) => (event as { type: string }).type)).not.toContain('sessionEnded');
  const { accessToken, refreshToken } = (await manager.getTokens()) ?? {};
  expect(`${accessToken} ${refreshToken}`).not.toContain('evil');
}

const json = (text: string, init?: ResponseInit) => () => new Response(text, init);
const granted = (more: string) =>
  json(`{"access_token":"access-1","refresh_token":"r1","expires_in":300${more}}`);
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

describe('an answer that grants, with more in it than there should be: the successor is stored, and nothing is believed', () => {
  test.each<[string, Place]>([
    [
      'members twice: the last one counts',
      json('{"access_token":"x","refresh_token":"x","access_token":"access-1","refresh_token":"r1"}'),
    ],
    [
      'prototypes of objects',
      granted(',"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}'),
    ],
    ['a prototype within', granted(',"more":{"__proto__":{"polluted":1}}')],
    ['names of methods', granted(',"toString":1,"hasOwnProperty":1,"toJSON":"x","then":"x"')],
    ['a hundred thousand levels', granted(`,"more":${nested(100_000)}`)],
    ['a scope of a hundred thousand levels', granted(`,"scope":${nested(100_000)}`)],
    ['half a character', granted(',"more":"\\ud800","\\udfff":1')],
    ['half a character in the ID token', granted(',"id_token":"\\ud800.\\udfff."')],
    ['a zero character', granted(',"more\\u0000":"\\u0000"')],
    [
      'fifty thousand members',
      granted(Array.from({ length: 50_000 }, (_, index) => `,"${index}":0`).join('')),
    ],
    ['a lifetime without an end', granted(',"expires_in":1e999,"refresh_expires_in":1e999')],
    ['a lifetime of a hundred thousand digits', granted(`,"expires_in":"${'9'.repeat(100_000)}"`)],
    ['a lifetime before all time', granted(',"expires_in":-1e999')],
    ['half a million scopes', granted(`,"scope":"${'a '.repeat(400_000)}"`)],
    ['another issuer', granted(`,"iss":"${evil}","token_endpoint":"${evil}"`)],
    [
      'a script',
      granted(',"error_description":"<script>alert(1)</script>","error_uri":"javascript:alert(1)"'),
    ],
    [
      'a type of its own content',
      json('{"access_token":"access-1","refresh_token":"r1"}', { headers: { 'content-type': 'text/html' } }),
    ],
    ['a byte order mark', json('\uFEFF{"access_token":"access-1","refresh_token":"r1"}')],
    [
      'bytes that are no UTF-8',
      () =>
        new Response(
          Buffer.from('{"access_token":"access-1","refresh_token":"r1","x":"\xff\xfe"}', 'latin1'),
        ),
    ],
  ])('%s', async (_name, hostile) => {
    const scene = await answered(hostile);
    expect(scene.outcome).toBe('access-1');
    await isUnharmed({ ...scene, told: scene.told.map(withoutScope) });
    expect(scene.told).toContainEqual(expect.objectContaining({ type: 'refreshed' }));
    expect(scene.told).not.toContainEqual(expect.objectContaining({ type: 'storeFailed' }));
    expect(await scene.recover()).toEqual({ sent: 'r1', stored: 'last' });
  });

  /** Megabytes take long to be looked at. */
  const withoutScope = (event: unknown) => ({ ...(event as object), scope: undefined });

  test('other members are kept, as far as they can be serialised', async () => {
    const { manager } = await answered(
      granted(`,"kept":{"a":[1]},"edge":${nested(32)},"beyond":${nested(33)}`),
    );
    expect(Object.keys((await manager.getTokens())?.extra ?? {})).toEqual(['kept', 'edge']);
  });
});

describe('an access token that would be another header: it is sent nowhere, and its refresh token is kept', () => {
  test.each([
    ['a line', 'a\r\nX-Admin: yes'],
    ['a line feed', 'a\nb'],
    ['a carriage return', 'a\rb'],
    ['a space', 'a b'],
    ['a tab', 'a\tb'],
    ['a zero character', 'a\u0000b'],
    ['a letter that is not ASCII', 'å'],
    ['a line separator', 'a\u2028b'],
    ['half a character', 'a\ud800'],
    ['a full stop that is none', 'a\u3002b'],
  ])('%s in it', async (_name, access_token) => {
    const scene = await answered(() => Response.json({ access_token, refresh_token: 'r1', expires_in: 300 }));
    expect(scene.outcome).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      sent: false,
      error: 'unusable access_token',
    });
    await isUnharmed(scene);
    expect(await scene.manager.fetch(api).catch(({ code }) => code)).toBe('ERR_REFRESH_FAILED');
    expect(scene.net.to(api)).toEqual([]);
    expect(await scene.recover()).toEqual({ sent: 'r1', stored: 'last' });
  });

  test('a line in its type', async () => {
    const token_type = 'Bearer\r\nX-Admin: yes';
    const scene = await answered(() => Response.json({ access_token: 'a', token_type, refresh_token: 'r1' }));
    expect(scene.outcome).toMatchObject({ code: 'ERR_REFRESH_FAILED', error: 'unusable token_type' });
    await isUnharmed(scene);
    expect(await scene.recover()).toEqual({ sent: 'r1', stored: 'last' });
  });

  test('a token that is no token68 but can stand in a header is sent as it is: real tokens have such characters (6750-02)', async () => {
    const access_token = '00D|x!y:z,"q"=;{}';
    const { manager, net } = await answered(() => Response.json({ access_token, expires_in: 300 }));
    expect((await manager.fetch(api)).status).toBe(200);
    expect(net.to(api)[0]?.headers.get('authorization')).toBe(`Bearer ${access_token}`);
  });

  test('a refresh token with a line in it goes back in the body, byte for byte', async () => {
    const refresh_token = 'r1\r\nX-Admin: yes&client_id=other\u0000';
    const { recover, net } = await answered(() =>
      Response.json({ access_token: 'a', refresh_token, expires_in: 300 }),
    );
    expect(await recover()).toEqual({ sent: refresh_token, stored: 'last' });
    expect(net.to(as.tokenEndpoint).at(-1)?.form.getAll('client_id')).toEqual(['app']);
  });
});

describe('a refusal: the refresh token is not spent, and nothing that it says gets anywhere', () => {
  const script = '<script>alert(1)</script>\r\nSet-Cookie: a=b\u0000\u2028';
  const refusing =
    (members: object, status = 400, headers = {}) =>
    () =>
      Response.json(members, { status, headers });

  test.each<[string, Place]>([
    ['with a script as its description', refusing({ error: 'invalid_request', error_description: script })],
    ['with a script as its code', refusing({ error: script })],
    ['with a script as the address of its page', refusing({ error: 'x', error_uri: 'javascript:alert(1)' })],
    ['with our own refresh token in it', refusing({ error: `bad_${secret}`, error_description: secret })],
    ['with a code of a hundred thousand levels', json(`{"error":${nested(100_000)}}`, { status: 400 })],
    [
      'of a megabyte and more',
      json(`{"error":"invalid_grant","x":"${'x'.repeat(1_100_000)}"}`, { status: 400 }),
    ],
    ['that is a page', json(`<html>${script}`, { status: 403, headers: { 'content-type': 'text/html' } })],
    ['that asks to wait for ever', refusing({ error: 'slow_down' }, 429, { 'retry-after': '9'.repeat(400) })],
    [
      'that asks to wait for less than nothing',
      refusing({ error: 'slow_down' }, 429, { 'retry-after': '-1' }),
    ],
    [
      'that asks for another login scheme',
      refusing({}, 401, { 'www-authenticate': `Negotiate, Basic realm="${evil}"` }),
    ],
    [
      'that calls the access token invalid',
      refusing({}, 401, { 'www-authenticate': 'Bearer error="invalid_token"' }),
    ],
    ['whose body breaks', () => new Response(broken('{"error":"invalid_grant"'), { status: 400 })],
    ['whose body has no end', () => new Response(endless(), { status: 400 })],
    ['with prototypes', json('{"__proto__":{"error":"invalid_grant"},"constructor":{}}', { status: 400 })],
    ['with codes that are names of methods', refusing({ error: 'toString' })],
  ])('%s', async (_name, hostile) => {
    const scene = await answered(hostile);
    expect(scene.outcome).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
    await isUnharmed(scene);
    expect((scene.outcome as { retryAfter?: number }).retryAfter).toBeLessThanOrEqual(3_600_000);
    expect(await scene.recover()).toEqual({ sent: secret, stored: 'last' });
  });
});

describe('a redirect is followed nowhere (21-03, 9700-07)', () => {
  const hidden = () =>
    Object.defineProperties(new Response(null), { type: { value: 'opaqueredirect' }, status: { value: 0 } });

  test.each<[string, Place]>([
    ...[301, 302, 303, 307, 308].flatMap((status): [string, Place][] =>
      [evil, `//evil.test/`, `${as.tokenEndpoint}/../../x`, 'javascript:alert(1)', ''].map((location) => [
        `${status} to ${location || 'nowhere'}`,
        () => new Response(null, { status, headers: { location } }),
      ]),
    ),
    ['a redirect that a browser hides', hidden],
    [
      'a redirect with tokens in its body',
      json('{"access_token":"evil","refresh_token":"evil"}', { status: 307, headers: { location: evil } }),
    ],
    ['300 with a choice', () => new Response(null, { status: 300, headers: { location: evil } })],
    ['304', () => new Response(null, { status: 304 })],
  ])('%s', async (_name, hostile) => {
    const scene = await answered(hostile);
    expect(scene.outcome).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
    await isUnharmed(scene);
    expect(await scene.recover()).toEqual({ sent: secret, stored: 'last' });
  });
});

describe('no response: the refresh token may be spent, the error says so, and the session is kept (law response-lost)', () => {
  test.each<[string, Place]>([
    ['no content', () => new Response(null, { status: 204 })],
    ['reset content', () => new Response(null, { status: 205 })],
    ['an empty success', json('')],
    ['a success that is a page', json('<html>Welcome!<script>alert(1)</script>')],
    ['a success of 17 megabytes and more', granted(`,"more":"${'x'.repeat(17_000_000)}"`)],
    ['a success of blanks without an end', () => new Response(endless(' '))],
    ['a success that comes drop by drop, without an end', () => new Response(endless())],
    [
      'a success that breaks off',
      () => new Response(broken('{"access_token":"access-1","refresh_token":"r1"')),
    ],
    ['half a success', json('{"access_token":"access-1","refresh_token":"r')],
    ['tokens that are no texts', json('{"access_token":["access-1"],"refresh_token":{"toString":"r1"}}')],
    ['a list of tokens', json('[{"access_token":"access-1"}]')],
    ['tokens of a prototype', json('{"__proto__":{"access_token":"access-1","refresh_token":"r1"}}')],
    ['never any answer', () => new Promise(() => undefined)],
  ])('%s', async (_name, hostile) => {
    const scene = await answered(hostile);
    expect(scene.outcome).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
    await isUnharmed(scene);
    expect(scene.net.to(as.tokenEndpoint)).toHaveLength(1);
    expect(await scene.recover()).toEqual({ sent: secret, stored: 'last' });
  });
});

/** Breaks in the middle. */
function broken(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
    },
    pull(controller) {
      controller.error(new TypeError('terminated'));
    },
  });
}

/** One piece, and then nothing more, or the same forever. */
function endless(repeated?: string): ReadableStream<Uint8Array> {
  const piece = new TextEncoder().encode((repeated ?? '{').repeat(repeated === undefined ? 1 : 65_536));
  let count = 0;
  return new ReadableStream({
    pull(controller) {
      if (repeated === undefined && count++ > 0) return new Promise(() => undefined);
      controller.enqueue(piece);
      return undefined;
    },
  });
}
