import { TokenManager } from 'tokenkeep';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Arrival, type RawServer, rawServer, refuse, tokenEndpoint } from './support/raw-server.ts';

let api: RawServer;
let as: RawServer;
let manager: TokenManager;
/** Resolves when the client disconnects from an endless response. */
let letGo: Promise<void>;

beforeAll(async () => {
  as = await rawServer(tokenEndpoint());
  let closed: () => void;
  letGo = new Promise((resolve) => {
    closed = resolve;
  });
  api = await rawServer(({ authorization, path }, response) => {
    if (authorization !== 'Bearer stale') return void response.end('fine');
    if (path !== '/endless') return refuse(response);
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' });
    response.write('the beginning of a long story');
    return void response.on('close', closed);
  });
});
afterAll(async () => {
  for (const server of [api, as]) await server[Symbol.asyncDispose]();
});
const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => (index * 7) % 256);
const form = () => {
  const data = new FormData();
  data.append('a', '1\n2');
  data.append('file', new File([bytes], 'f.bin', { type: 'application/x-thing' }));
  data.append('file', new File([], ''));
  return data;
};
const bodies: Record<string, () => BodyInit> = {
  'a string': () => 'text with ünïcode and \u0000',
  'an empty string': () => '',
  URLSearchParams: () => new URLSearchParams('a=1&b=%20'),
  FormData: form,
  'an empty FormData': () => new FormData(),
  'a Blob': () => new Blob([bytes], { type: 'image/png' }),
  'a File': () => new File([bytes], 'f'),
  'an ArrayBuffer': () => bytes.buffer.slice(0),
  'a view': () => bytes.subarray(3, 4711),
  'a DataView': () => new DataView(bytes.buffer, 5, 11),
};
const streamOf = () => new Blob([bytes]).stream();

const comparable = ({ method, path, headers, body }: Arrival) => ({ method, path, headers, body });

/** Both sends of a call, as they came over the wire. */
async function sends(input: RequestInfo, init?: RequestInit) {
  const answer = await manager.fetch(input, init);
  expect([answer.status, await answer.text()]).toEqual([200, init?.method === 'HEAD' ? '' : 'fine']);
  const [first, second, ...more] = api.arrivals;
  if (first === undefined || second === undefined) throw new Error('It was not sent twice.');
  expect(more).toEqual([]);
  expect([first.authorization, second.authorization]).toEqual(['Bearer stale', 'Bearer access-1']);
  return { first, second };
}

beforeEach(async () => {
  api.arrivals.length = 0;
  await as[Symbol.asyncDispose]();
  as = await rawServer(tokenEndpoint());
  manager = new TokenManager({
    clientId: 'app',
    authorizationServer: { tokenEndpoint: `${as.url}/token` },
    protectedResources: [`${api.url}/`],
  });
  await manager.setTokens({ access_token: 'stale', refresh_token: 'r', expires_in: 3600 });
});

describe('the second send is the first one, byte for byte (law replay-once)', () => {
  const cases = Object.entries(bodies).flatMap(([name, body]) =>
    ['POST', 'PUT', 'PATCH', 'DELETE'].map((method) => ({ name, body, method })),
  );

  test.each(cases)('$method with $name', async ({ body, method }) => {
    const expected = Buffer.from(await new Response(body()).arrayBuffer());
    const headers = { 'X-Mine': 'one, two', 'content-language': 'de' };
    const { first, second } = await sends(`${api.url}/x?y=%20z`, { method, body: body(), headers });
    expect(comparable(second)).toEqual(comparable(first));
    if (!(body() instanceof FormData)) expect(second.body).toEqual(expected);
  });

  test.each(cases)('a Request: $method with $name', async ({ body, method }) => {
    const request = new Request(`${api.url}/x`, { method, body: body(), headers: { 'x-mine': '1' } });
    const { first, second } = await sends(request);
    expect(comparable(second)).toEqual(comparable(first));
    expect(request.bodyUsed).toBe(true);
  });

  test('a Request whose body is a stream', async () => {
    const init = { method: 'POST', body: streamOf(), duplex: 'half' } as RequestInit;
    const { first, second } = await sends(new Request(`${api.url}/x`, init));
    expect(first.body).toEqual(Buffer.from(bytes));
    expect(comparable(second)).toEqual(comparable(first));
  });

  test.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PROPFIND'])('%s without a body', async (method) => {
    const { first, second } = await sends(`${api.url}/x`, { method });
    expect(comparable(second)).toEqual(comparable(first));
  });

  test('a form is sent again under the same boundary, and the server reads it', async () => {
    const { second } = await sends(`${api.url}/x`, { method: 'POST', body: form() });
    const type = second.headers.find(([name]) => name === 'content-type')?.[1] ?? '';
    const read = await new Response(new Uint8Array(second.body), {
      headers: { 'content-type': type },
    }).formData();
    expect(read.get('a')).toBe('1\r\n2');
    const file = read.get('file') as File;
    expect([file.name, file.type, file.size]).toEqual(['f.bin', 'application/x-thing', bytes.length]);
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(bytes);
  });
});

describe('a body that cannot be sent twice is not', () => {
  async function* pieces() {
    yield bytes;
  }
  test.each<[string, () => RequestInit]>([
    ['a ReadableStream', () => ({ body: streamOf() })],
    ['an async iterable', () => ({ body: pieces() as unknown as ReadableStream })],
  ])('%s: its 401 is returned, and the next call gets another token', async (_name, make) => {
    const init = { ...make(), method: 'POST', duplex: 'half' } as RequestInit;
    const answer = await manager.fetch(`${api.url}/x`, init);
    expect([answer.status, await answer.json()]).toEqual([401, { error: 'invalid_token' }]);
    expect(api.arrivals.map(({ authorization }) => authorization)).toEqual(['Bearer stale']);
    expect(api.arrivals[0]?.body).toEqual(Buffer.from(bytes));
    expect((await manager.fetch(`${api.url}/x`)).status).toBe(200);
    expect(api.arrivals[1]?.authorization).toBe('Bearer access-1');
    expect(as.arrivals).toHaveLength(1);
  });
});

describe('the first answer', () => {
  test('is cancelled, so that its connection is used again', async () => {
    const before = api.connections;
    for (let call = 0; call < 5; call++) {
      await manager.setTokens({ access_token: 'stale', refresh_token: 'r', expires_in: 3600 });
      expect(await (await manager.fetch(`${api.url}/x`)).text()).toBe('fine');
    }
    expect(api.arrivals).toHaveLength(10);
    expect(api.connections - before).toBeLessThanOrEqual(1);
  });

  test('is cancelled also when it has no end', async () => {
    expect(await (await manager.fetch(`${api.url}/endless`)).text()).toBe('fine');
    await letGo;
  });
});
