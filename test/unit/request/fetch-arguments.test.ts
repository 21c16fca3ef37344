import { memoryStorage, TokenManager } from 'tokenkeep';
import { authorizationServer } from 'tokenkeep/testing';
import { describe, expect, test, vi } from 'vitest';
import { api, as, granted, managerOn, refused, transportThat } from '../../support/transport.ts';

const ok = (): Response => new Response('fine');

describe('a call to anything but a protected resource', () => {
  const other = 'https://other.example.com/';
  const request = new Request(other, { method: 'POST', body: 'x' });
  const init = Object.freeze({ method: 'PUT', headers: Object.freeze({ a: 'b' }) });

  test.each<[string, [RequestInfo | URL, RequestInit | undefined]]>([
    ['a string', [other, undefined]],
    ['a string and an init', [other, init]],
    ['a URL', [new URL(other), init]],
    ['a Request', [request, undefined]],
    ['a Request and an init', [request, init]],
    ['a sibling of the protected path', [`${api}x`, init]],
    ['a path outside', ['https://api.example.com/resident/v1', init]],
    ['another port', ['https://api.example.com:8443/v1', init]],
    ['the same host over http', ['http://api.example.com/v1', init]],
    ['a relative URL, outside of a page', ['/v1/orders', init]],
    ['a data URL', ['data:,x', undefined]],
  ])('passes through with the very same arguments: %s', async (_name, [input, settings]) => {
    const transport = vi.fn<typeof fetch>(async () => ok());
    const manager = await managerOn({ fetch: transport });
    const answer = await manager.fetch(input, settings);
    expect(transport.mock.calls).toEqual([[input, settings]]);
    expect(transport.mock.calls[0]?.[0]).toBe(input);
    expect(transport.mock.calls[0]?.[1]).toBe(settings);
    expect(await transport.mock.results[0]?.value).toBe(answer);
  });

  test.each([null, undefined, 5, {}, Object.create(null), Symbol('odd')])(
    'is left to the transport when it is no URL at all (%#)',
    async (odd) => {
      const transport = vi.fn<typeof fetch>(async () => ok());
      const manager = await managerOn({ fetch: transport });
      const call = manager.fetch(odd as string).catch((error: unknown) => error);
      const bare = await fetch(odd as string).catch((error: unknown) => error);
      const outcome = await call;
      expect(bare).toBeInstanceOf(TypeError);
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(TypeError);
      else expect(transport.mock.calls[0]?.[0]).toBe(odd);
    },
  );
});

describe("a caller's own Authorization is left alone (6750-01)", () => {
  const mine = 'Basic bWluZTpvd24=';
  test.each<[string, RequestInfo, RequestInit | undefined]>([
    ['in an object', api, { headers: { Authorization: mine } }],
    ['in an object, in lower case', api, { headers: { authorization: mine } }],
    ['in pairs', api, { headers: [['AUTHORIZATION', mine]] }],
    ['in Headers', api, { headers: new Headers({ authorization: mine }) }],
    ['in a Request', new Request(api, { headers: { authorization: mine } }), undefined],
    ['in an init over a Request', new Request(api), { headers: { authorization: mine } }],
  ])('%s, also when it is refused', async (_name, input, init) => {
    const transport = transportThat(() => refused());
    const manager = await managerOn(transport);
    expect((await manager.fetch(input, init)).status).toBe(401);
    expect(transport.calls.map(({ authorization }) => authorization)).toEqual([mine]);
    expect(transport.calls[0]?.init).toBe(init);
    expect(transport.grants).toHaveLength(0);
  });

  test('but an init without one takes it off a Request, as with fetch', async () => {
    const transport = transportThat(ok);
    const manager = await managerOn(transport);
    await manager.fetch(new Request(api, { headers: { authorization: mine } }), { headers: { a: 'b' } });
    expect(transport.calls[0]?.authorization).toBe('Bearer access-0');
  });
});

describe('nothing of the caller is changed', () => {
  test.each([false, true])('neither init nor headers nor Request (expired: %s)', async (expired) => {
    const headers = Object.freeze({ 'x-mine': '1' });
    const init = Object.freeze({ method: 'POST', headers, body: 'x', signal: null });
    const request = new Request(api, { headers, method: 'DELETE' });
    const list = new Headers(headers);
    const transport = transportThat(({ authorization }) =>
      authorization === 'Bearer access-2' ? ok() : refused(),
    );
    const manager = await managerOn(transport, { expired });
    await manager.fetch(api, init);
    await manager.fetch(request);
    await manager.fetch(api, { headers: list });
    expect([...request.headers]).toEqual([['x-mine', '1']]);
    expect(request.method).toBe('DELETE');
    expect([...list]).toEqual([['x-mine', '1']]);
    expect(Object.keys(init)).toEqual(['method', 'headers', 'body', 'signal']);
  });
});

describe('fetch has read everything when it returns: what is changed after that does not matter', () => {
  /** One sends at once and once more after a 401; the other waits for a token first. */
  test.each([
    ['sent again after a 401', false],
    ['sent after a refresh', true],
  ])('%s', async (_name, expired) => {
    const bodies: string[] = [];
    const transport = transportThat(async ({ authorization, init }) => {
      bodies.push(await new Response(init?.body ?? null).text());
      return authorization === 'Bearer access-1' ? ok() : refused();
    });
    const manager = await managerOn(transport, { expired });
    const url = new URL(`${api}/orders`);
    const headers = new Headers({ 'x-mine': 'first' });
    const init: RequestInit = { method: 'POST', headers, body: 'first' };
    const call = manager.fetch(url, init);
    url.hostname = 'attacker.example';
    headers.set('x-mine', 'second');
    headers.set('authorization', 'Bearer of-someone-else');
    Object.assign(init, { method: 'DELETE', body: 'second', redirect: 'error' });
    expect((await call).status).toBe(200);
    const last = transport.calls.at(-1);
    expect(last?.url === `${api}/orders` || String(last?.input) === `${api}/orders`).toBe(true);
    expect(last?.authorization).toBe('Bearer access-1');
    expect(last?.init?.method).toBe('POST');
    expect(new Headers(last?.init?.headers).get('x-mine')).toBe('first');
    expect(bodies.at(-1)).toBe('first');
  });

  test.each<[string, () => BodyInit, (body: never) => void]>([
    ['a view', () => new Uint8Array([1, 2, 3]), (view: Uint8Array) => void view.fill(9)],
    [
      'a buffer',
      () => new Uint8Array([1, 2, 3]).buffer,
      (buffer: ArrayBuffer) => void new Uint8Array(buffer).fill(9),
    ],
    ['parameters', () => new URLSearchParams('a=1'), (list: URLSearchParams) => list.set('a', '9')],
    [
      'a form',
      () => {
        const form = new FormData();
        form.set('a', '1');
        return form;
      },
      (form: FormData) => form.set('a', '9'),
    ],
  ])('%s is reused while the call waits for a token', async (_name, make, change) => {
    let sent = '';
    const transport = transportThat(async ({ init }) => {
      sent = await new Response(init?.body ?? null).text();
      return ok();
    });
    const manager = await managerOn(transport, { expired: true });
    const body = make() as never;
    const before = await new Response(body).text();
    const call = manager.fetch(api, { method: 'POST', body });
    change(body);
    await call;
    const plain = (text: string) => text.replace(/-{4}formdata-undici-\d+|tokenkeep-[\da-f-]{32,36}/g, 'B');
    expect(plain(sent)).toBe(plain(before));
  });
});

describe('manager.fetch is a function like any other', () => {
  test('it works unbound, and in place of globalThis.fetch without calling itself', async () => {
    const server = authorizationServer();
    vi.stubGlobal('fetch', server.fetch);
    const manager = new TokenManager({
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources: ['https://api.test/', 'https://as.test/'],
    });
    await manager.setTokens(server.signIn());
    const { fetch: unbound } = manager;
    vi.stubGlobal('fetch', unbound);
    expect((await unbound.call(undefined, 'https://api.test/a')).status).toBe(200);
    server.expire();
    expect((await fetch('https://api.test/b')).status).toBe(200);
    await manager.signOut();
    expect(server.counts).toMatchObject({ refreshes: 1, revocations: 1, accessTokensLeaked: 0 });
  });

  test('it never throws: what is wrong with the arguments is a rejection', async () => {
    const manager = await managerOn(transportThat(ok));
    const wrong = [['alone']] as unknown as HeadersInit;
    const call = manager.fetch(api, { headers: wrong });
    await expect(call).rejects.toBeInstanceOf(TypeError);
  });

  test('a transport gets no this, and its failure is the caller’s, unchanged', async () => {
    const failure = new TypeError('fetch failed');
    const transport = vi.fn<typeof fetch>(function (this: unknown) {
      expect(this).toBeUndefined();
      return Promise.reject(failure);
    });
    const manager = await managerOn({ fetch: transport });
    await expect(manager.fetch(api)).rejects.toBe(failure);
    await expect(manager.fetch(new Request(api, { method: 'POST', body: 'x' }))).rejects.toBe(failure);
  });
});

describe('abort', () => {
  test('before the call: nothing is sent and nothing is refreshed', async () => {
    const reason = new Error('mine');
    const transport = transportThat(ok);
    const manager = await managerOn(transport, { expired: true });
    await expect(manager.fetch(api, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const request = new Request(api, { signal: AbortSignal.abort(reason), method: 'POST', body: 'x' });
    await expect(manager.fetch(request)).rejects.toBe(reason);
    await manager.close(); // waits for whatever is in progress
    expect([transport.calls, transport.grants]).toEqual([[], []]);
  });

  test.each([undefined, 'because', new RangeError('mine')])(
    'while waiting for a token: the reason of the signal, and the others get theirs (%s)',
    async (reason) => {
      const gate = Promise.withResolvers<void>();
      const transport = transportThat(ok, async (told, count) => {
        await gate.promise;
        return granted(told, count);
      });
      const manager = await managerOn(transport, { expired: true });
      const controller = new AbortController();
      const leaving = manager.fetch(api, { signal: controller.signal });
      const leavingToo = manager.fetch(new Request(api, { signal: controller.signal }));
      const staying = manager.fetch(api);
      await vi.waitUntil(() => transport.grants.length === 1);
      controller.abort(reason);
      await expect(leaving).rejects.toBe(controller.signal.reason);
      await expect(leavingToo).rejects.toMatchObject(controller.signal.reason);
      gate.resolve();
      expect((await staying).status).toBe(200);
      expect(transport.calls).toHaveLength(1);
    },
  );

  test('while waiting for another token after a 401: the reason of the signal, and nothing is sent again', async () => {
    const transport = transportThat(
      () => refused(),
      () => new Promise<never>(() => undefined),
    );
    const manager = await managerOn(transport);
    const controller = new AbortController();
    const call = manager.fetch(api, { signal: controller.signal });
    await vi.waitUntil(() => transport.grants.length === 1);
    controller.abort('because');
    await expect(call).rejects.toBe('because');
    expect(transport.calls).toHaveLength(1);
  });

  test('of a Request in flight reaches the stream that its body comes from', async () => {
    const cancelled = vi.fn();
    const body = new ReadableStream({ cancel: cancelled });
    const transport = vi.fn<typeof fetch>(
      (input, init) =>
        new Promise((_resolve, reject) => {
          const sent = new Request(input, init);
          sent.signal.addEventListener('abort', () => {
            sent.body?.cancel(sent.signal.reason).catch(() => undefined);
            reject(sent.signal.reason);
          });
        }),
    );
    const manager = await managerOn({ fetch: transport });
    const controller = new AbortController();
    const { signal } = controller;
    const init = { method: 'POST', body, duplex: 'half', signal } as RequestInit;
    const call = manager.fetch(new Request(api, init));
    await vi.waitUntil(() => transport.mock.calls.length === 1);
    controller.abort();
    await expect(call).rejects.toThrow();
    await vi.waitUntil(() => cancelled.mock.calls.length === 1);
  });
});

describe('a call with a fresh token (law fetch-is-fetch)', () => {
  const body = new Uint8Array([1, 2, 3]);
  test.each<[string, RequestInfo | URL, RequestInit | undefined]>([
    ['nothing', api, undefined],
    ['headers', api, { headers: { a: 'b' } }],
    ['a string', api, { method: 'POST', body: 'x' }],
    ['parameters', api, { method: 'POST', body: new URLSearchParams('a=1') }],
    ['a Blob', api, { method: 'POST', body: new Blob(['x']) }],
    ['a buffer', api, { method: 'POST', body: body.buffer }],
    ['a view', api, { method: 'POST', body }],
    ['a URL', new URL(api), undefined],
    ['a Request without a body', new Request(api), undefined],
  ])('goes to the transport at once, as it is: %s', async (_name, input, init) => {
    const storage = memoryStorage();
    const lock = { reach: 'process', request: vi.fn() } as const;
    const transport = vi.fn<typeof fetch>(async () => ok());
    const manager = await managerOn({ fetch: transport }, { storage, lock });
    const operations = [vi.spyOn(storage, 'read'), vi.spyOn(storage, 'write'), vi.spyOn(storage, 'delete')];
    const target = input instanceof URL ? input.href : input;
    const clones = [vi.spyOn(Request.prototype, 'clone'), vi.spyOn(Response.prototype, 'clone')];
    const Untouched = vi.fn();
    vi.stubGlobal('Request', Untouched);
    vi.stubGlobal('Blob', Untouched);
    vi.stubGlobal('URL', Untouched);
    const call = manager.fetch(input, init);
    expect(transport).toHaveBeenCalledTimes(1); // before anything was awaited
    const [sentInput, sentInit] = transport.mock.calls[0] ?? [];
    // The URL as text and a body that the caller cannot change any more; all else is the very same object.
    expect(sentInput).toBe(target);
    if (ArrayBuffer.isView(init?.body) || init?.body instanceof ArrayBuffer) {
      expect(Buffer.from(sentInit?.body as ArrayBuffer)).toEqual(Buffer.from(body));
    } else if (init?.body instanceof URLSearchParams) expect(sentInit?.body).toEqual(init.body);
    else expect(sentInit?.body).toBe(init?.body);
    await call;
    for (const spy of [...operations, ...clones, lock.request, Untouched]) expect(spy).not.toHaveBeenCalled();
  });

  test('gives back the very response of the transport', async () => {
    const response = ok();
    const manager = await managerOn({ fetch: async () => response });
    expect(await manager.fetch(api)).toBe(response);
  });

  test('getAccessToken() takes neither storage nor lock, and is the same promise each time', async () => {
    const storage = memoryStorage();
    const manager = await managerOn(transportThat(ok), { storage, authorizationServer: as });
    const read = vi.spyOn(storage, 'read');
    expect(manager.getAccessToken()).toBe(manager.getAccessToken());
    expect(await manager.getAccessToken()).toBe('access-0');
    expect(read).not.toHaveBeenCalled();
  });
});
