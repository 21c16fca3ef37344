import { describe, expect, test } from 'vitest';
import { authorizationServer } from '../../../../src/testing/index.ts';
import { forms, said } from './support/server-forms.ts';

const text = 'a body';
const bytes = new TextEncoder().encode(text);
const form = (): FormData => {
  const data = new FormData();
  data.append('field', text);
  return data;
};
const stream = (): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.slice(0, 2));
      controller.enqueue(bytes.slice(2));
      controller.close();
    },
  });

/** Bodies, and the Content-Type that fetch gives them. */
const bodies: readonly [string, () => BodyInit, string | undefined][] = [
  ['a string', () => text, 'text/plain;charset=UTF-8'],
  ['an empty string', () => '', 'text/plain;charset=UTF-8'],
  [
    'URLSearchParams',
    () => new URLSearchParams({ a: 'b c' }),
    'application/x-www-form-urlencoded;charset=UTF-8',
  ],
  ['bytes', () => bytes, undefined],
  ['a buffer', () => bytes.buffer, undefined],
  ['a view', () => new DataView(bytes.buffer, 1, 3), undefined],
  ['a Blob', () => new Blob([text], { type: 'x/y' }), 'x/y'],
  ['FormData', form, 'multipart/form-data; boundary='],
  ['a stream', stream, undefined],
];

/** Ways to say the same request. */
const inputs: readonly [
  string,
  (fetch: typeof globalThis.fetch, url: string, init: RequestInit) => Promise<Response>,
][] = [
  ['a string', (fetch, url, init) => fetch(url, init)],
  ['a URL', (fetch, url, init) => fetch(new URL(url), init)],
  ['a Request', (fetch, url, init) => fetch(new Request(url, init))],
  [
    'a Request that init overrides',
    (fetch, url, init) => fetch(new Request(url, { headers: { 'x-gone': '1' } }), init),
  ],
];

describe.each(forms)('arguments of fetch, $form', ({ open }) => {
  for (const [input, send] of inputs) {
    test.each(bodies)(`${input} with %s as body`, async (_, body, contentType) => {
      const { server, fetch, api } = await open();
      const headers = { authorization: `Bearer ${server.signIn().access_token}`, 'x-kept': '1' };
      const init = { method: 'POST', headers, body: body(), duplex: 'half' } as RequestInit;
      const answer = await said(send(fetch, `${api}/a?b`, init));
      const received = answer.body['headers'] as Record<string, string>;
      expect(answer).toMatchObject({ status: 200, body: { method: 'POST', path: '/a?b' } });
      expect(received['content-type']?.slice(0, contentType?.length)).toBe(contentType);
      expect([received['x-kept'], received['x-gone']]).toEqual(['1', undefined]);
      const expected = await new Response(body()).arrayBuffer();
      const sent = server.requests[0]?.body as Uint8Array;
      if (contentType?.startsWith('multipart')) expect(new TextDecoder().decode(sent)).toContain(text);
      else expect(sent).toEqual(new Uint8Array(expected));
    });
  }

  test('methods are written as fetch writes them', async () => {
    const { server, fetch, api } = await open();
    const headers = { authorization: `Bearer ${server.signIn().access_token}` };
    for (const method of ['get', 'Post', 'delete', 'PATCH']) await fetch(`${api}/`, { method, headers });
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'DELETE', 'PATCH']);
    const head = await fetch(`${api}/`, { method: 'head', headers });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('a response says where it is from', async () => {
    const { fetch, api } = await open();
    const { url, redirected, ok } = await fetch(new URL('a/../b?c#d', `${api}/`));
    expect([url, redirected, ok]).toEqual([`${api}/b?c`, false, false]);
  });

  test.each<[string, (api: string) => Parameters<typeof fetch>]>([
    ['a body of a GET', (api) => [api, { body: text }]],
    ['a relative URL', () => ['/a']],
    ['credentials in the URL', (api) => [api.replace('://', '://user:secret@')]],
  ])('%s is a TypeError, and nothing is sent', async (_, args) => {
    const { server, fetch, api } = await open();
    await expect(fetch(...args(api))).rejects.toThrow(TypeError);
    expect(server.counts.apiCalls).toBe(0);
  });

  test('a body is used up by its request', async () => {
    const { fetch, api } = await open();
    const request = new Request(`${api}/`, { method: 'POST', body: text });
    await fetch(request);
    expect(request.bodyUsed).toBe(true);
    await expect(fetch(request)).rejects.toThrow(TypeError);
  });

  test('nothing is sent with a signal that is aborted already', async () => {
    const { server, fetch, api } = await open();
    const reason = new Error('before');
    const signal = AbortSignal.abort(reason);
    await expect(fetch(`${api}/`, { signal })).rejects.toBe(reason);
    await expect(fetch(new Request(`${api}/`, { signal }))).rejects.toBe(reason);
    expect(server.counts.apiCalls).toBe(0);
  });

  test('a signal of init or of the Request ends the wait', async () => {
    const { server, fetch, api } = await open();
    for (const send of [
      (signal: AbortSignal) => fetch(`${api}/`, { signal }),
      (signal: AbortSignal) => fetch(new Request(`${api}/`, { signal })),
    ]) {
      const controller = new AbortController();
      const release = server.hold({ on: 'api' });
      const waiting = send(controller.signal);
      await release.arrived();
      const reason = new Error('during');
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      release();
    }
  });
});

test('10 000 calls at once are served', async () => {
  const server = authorizationServer();
  const headers = { authorization: `Bearer ${server.signIn().access_token}` };
  const calls = Array.from({ length: 10_000 }, () => server.fetch('https://api.test/', { headers }));
  expect((await Promise.all(calls)).every(({ status }) => status === 200)).toBe(true);
  expect(server.counts).toMatchObject({ apiCalls: 10_000, apiRejected: 0 });
});
