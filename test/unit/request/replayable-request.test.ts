import { TokenManager } from 'tokenkeep';
import { testClock } from 'tokenkeep/testing';
import { describe, expect, test, vi } from 'vitest';
import { api, as, granted, managerOn, refused, transportThat } from '../../support/transport.ts';

const ok = (): Response => new Response('fine');
const never = <T>() => new Promise<T>(() => undefined);

/** Ways in which a request is sent more than once, or later than the call. */
const ways = {
  'sent again after a 401': { expired: false, respond: (count: number) => (count === 1 ? refused() : ok()) },
  'sent after a refresh': { expired: true, respond: ok },
  'sent on after a redirect': {
    expired: false,
    respond: (count: number) =>
      count === 1 ? new Response(null, { status: 307, headers: { location: '/v1/there' } }) : ok(),
  },
};

/** Makes a call, then changes its arguments. Returns what each request contained. */
async function bodiesOf(way: keyof typeof ways, init: RequestInit, change: () => void): Promise<string[]> {
  const { expired, respond } = ways[way];
  const reading: Promise<string>[] = [];
  const transport = transportThat(async ({ input, init }, count) => {
    const sent = new Request(input, { duplex: 'half', ...init } as RequestInit);
    reading.push(sent.text().then((text) => `${sent.headers.get('content-type')} ${text}`));
    await reading.at(-1);
    return respond(count);
  });
  const manager = await managerOn(transport, { expired });
  const call = manager.fetch(api, { method: 'POST', ...init });
  change();
  expect((await call).status).toBe(200);
  return await Promise.all(reading);
}

describe.each(Object.keys(ways) as (keyof typeof ways)[])(
  '%s: every send is what the call was made with',
  (way) => {
    test('parameters', async () => {
      const body = new URLSearchParams('page=1');
      const sent = await bodiesOf(way, { body }, () => body.set('page', '3'));
      expect(new Set(sent)).toEqual(new Set(['application/x-www-form-urlencoded;charset=UTF-8 page=1']));
    });

    test.each<[string, (bytes: Uint8Array<ArrayBuffer>) => BodyInit]>([
      ['a buffer', ({ buffer }) => buffer],
      ['a view', (bytes) => bytes],
      ['a view of a part', (bytes) => new DataView(bytes.buffer, 0, 3)],
    ])('%s', async (_name, make) => {
      const bytes = new TextEncoder().encode('one');
      const sent = await bodiesOf(way, { body: make(bytes) }, () => bytes.fill(120));
      expect(new Set(sent)).toEqual(new Set(['null one']));
    });

    test('a form, under one boundary', async () => {
      const body = new FormData();
      body.set('a', '1');
      const sent = await bodiesOf(way, { body }, () => body.set('a', '9'));
      expect(new Set(sent).size).toBe(1);
      expect(sent[0]).toMatch(/multipart\/form-data; boundary=.*\r\n\r\n1\r\n/s);
    });

    test.each<[string, () => Iterable<[string, string]>]>([
      ['entries of a Map', () => new Map([['x-mine', '1']]).entries()],
      [
        'a generator',
        function* () {
          yield ['x-mine', '1'];
        } as () => Iterable<[string, string]>,
      ],
    ])('headers that can be read only once: %s', async (_name, make) => {
      const { expired, respond } = ways[way];
      const transport = transportThat((_told, count) => respond(count));
      const manager = await managerOn(transport, { expired });
      expect((await manager.fetch(api, { headers: make() as HeadersInit })).status).toBe(200);
      const sent = transport.calls.map(({ init }) => new Headers(init?.headers).get('x-mine'));
      expect(new Set(sent)).toEqual(new Set(['1']));
      expect(transport.calls.every(({ authorization }) => authorization?.startsWith('Bearer '))).toBe(true);
    });

    test('an init whose members are read once', async () => {
      const reads: string[] = [];
      const init = new Proxy(
        {
          method: 'POST',
          headers: { 'x-mine': '1' },
          body: 'x',
          redirect: undefined,
        } as unknown as RequestInit,
        {
          get: (target, name) => {
            reads.push(String(name));
            return target[name as keyof RequestInit];
          },
        },
      );
      const { expired, respond } = ways[way];
      const transport = transportThat((_told, count) => respond(count));
      const manager = await managerOn(transport, { expired });
      await manager.fetch(api, init);
      expect(reads.sort()).toEqual(['body', 'headers', 'method', 'redirect']);
    });

    test('a form of the transport’s own implementation goes out as it is', async () => {
      const file = { [Symbol.toStringTag]: 'File', name: 'x.txt', size: 1, type: '', arrayBuffer: never };
      const form = {
        [Symbol.toStringTag]: 'FormData',
        *[Symbol.iterator]() {
          yield ['file', file];
        },
      };
      const { expired, respond } = ways[way];
      const transport = transportThat((_told, count) => respond(count));
      const manager = await managerOn(transport, { expired });
      await manager.fetch(api, { method: 'POST', body: form as unknown as FormData });
      for (const { init } of transport.calls) expect(init?.body).toBe(form);
    });

    test('a form of the platform with a file that it does not know goes out as it is', async () => {
      const file = { [Symbol.toStringTag]: 'File', name: 'x.txt', size: 1, type: '' };
      const form = new FormData();
      Object.defineProperty(form, Symbol.iterator, { value: () => [['file', file]].values() });
      const { expired, respond } = ways[way];
      const transport = transportThat((_told, count) => respond(count));
      const manager = await managerOn(transport, { expired });
      await manager.fetch(api, { method: 'POST', body: form });
      for (const { init } of transport.calls) expect(init?.body).toBe(form);
    });

    test('passes on platform-specific members, also from another realm and from classes', async () => {
      class Settings {
        readonly cf = { cacheTtl: 5 };
        get dispatcher() {
          return 'a proxy';
        }
      }
      const foreign = Object.assign(Object.create({ ['next']: { revalidate: 1 } }), { agent: 'an agent' });
      for (const [init, expected] of [
        [new Settings(), { cf: { cacheTtl: 5 }, dispatcher: 'a proxy' }],
        [foreign, { next: { revalidate: 1 }, agent: 'an agent' }],
      ]) {
        const { expired, respond } = ways[way];
        const transport = transportThat((_told, count) => respond(count));
        const manager = await managerOn(transport, { expired });
        await manager.fetch(api, init as RequestInit);
        for (const call of transport.calls) expect(call.init).toMatchObject(expected as object);
      }
    });

    test('keeps the referrer of a Request, which an init would reset', async () => {
      const { expired, respond } = ways[way];
      const transport = transportThat((_told, count) => respond(count));
      const manager = await managerOn(transport, { expired });
      await manager.fetch(new Request(api, { referrer: '', referrerPolicy: 'no-referrer' }));
      for (const { init } of transport.calls) {
        expect(init).toMatchObject({ referrer: '', referrerPolicy: 'no-referrer' });
      }
      const before = transport.calls.length;
      await manager.fetch(new Request(api, { referrerPolicy: 'no-referrer' }), { cache: 'no-store' });
      for (const { init } of transport.calls.slice(before)) expect(init?.referrerPolicy).toBeUndefined();
    });
  },
);

test('the caller’s own Authorization in headers that can be read only once is seen and sent', async () => {
  const transport = transportThat(ok);
  const manager = await managerOn(transport);
  const headers = new Map([
    ['authorization', 'Basic mine'],
    ['idempotency-key', '7'],
  ]).entries() as unknown as HeadersInit;
  await manager.fetch(api, { method: 'POST', headers });
  expect([...new Headers(transport.calls[0]?.init?.headers)]).toEqual([
    ['authorization', 'Basic mine'],
    ['idempotency-key', '7'],
  ]);
});

describe('members of a Request on its way after a redirect', () => {
  const redirect = (headers: Record<string, string> = {}) =>
    new Response(null, { status: 307, headers: { location: '/v1/there', ...headers } });
  const redirecting = (headers?: Record<string, string>) =>
    transportThat((_told, count) => (count === 1 ? redirect(headers) : ok()));

  test('passes on platform-specific members', async () => {
    const transport = redirecting();
    const manager = await managerOn(transport);
    const request = Object.assign(new Request(api, { method: 'POST', body: 'x' }), { cf: { cacheTtl: 5 } });
    await manager.fetch(request);
    expect(transport.calls[1]?.init).toMatchObject({ cf: { cacheTtl: 5 } });
  });

  test('an undefined signal in the init does not replace that of the Request', async () => {
    const controller = new AbortController();
    const transport = redirecting();
    const manager = await managerOn(transport);
    const request = new Request(api, { signal: controller.signal });
    await manager.fetch(request, { signal: undefined } as unknown as RequestInit);
    controller.abort();
    expect(transport.calls[1]?.init?.signal?.aborted).toBe(true);
  });

  test.each([
    ['no-referrer', 'no-referrer'],
    ['unknown, Same-Origin, next-year', 'same-origin'],
    ['unknown', undefined],
    ['', undefined],
  ])('a redirect with the Referrer-Policy %j sets that of the next request', async (policy, expected) => {
    const transport = redirecting({ 'referrer-policy': policy });
    const manager = await managerOn(transport);
    await manager.fetch(api);
    expect(transport.calls[1]?.init?.referrerPolicy).toBe(expected);
  });

  test('the response and its copies say that they were redirected', async () => {
    const manager = await managerOn(redirecting());
    const response = await manager.fetch(api);
    expect([response.redirected, response.clone().redirected, response.clone().clone().redirected]).toEqual([
      true,
      true,
      true,
    ]);
    expect(await response.clone().text()).toBe('fine');
  });
});

test('it has the name and the length of the platform’s', async () => {
  const manager = await managerOn(transportThat(ok));
  expect([manager.fetch.name, manager.fetch.length]).toEqual(['fetch', 1]);
});

describe('a body is taken in the turn of the call, as fetch does, while a token is held', () => {
  test.each<[string, () => [Request | string, RequestInit | undefined]]>([
    ['of a Request', () => [new Request(api, { method: 'POST', body: 'x' }), undefined]],
    [
      'a stream',
      () => [api, { method: 'POST', body: new Response('x').body, duplex: 'half' } as RequestInit],
    ],
    ['a form', () => [api, { method: 'POST', body: new FormData() }]],
  ])('%s', async (_name, make) => {
    const transport = vi.fn<typeof fetch>(
      async (input, init) => new Response(await new Request(input, init).text()),
    );
    const manager = await managerOn({ fetch: transport });
    const [input, init] = make();
    const call = manager.fetch(input, init);
    expect(transport).toHaveBeenCalledTimes(1);
    if (typeof input === 'object') expect(input.bodyUsed).toBe(true);
    if (init?.body instanceof ReadableStream) expect(init.body.locked).toBe(true);
    await call;
  });

  test('but a stream waits for a token that lasts', async () => {
    const transport = transportThat(ok);
    const clock = testClock();
    const manager = await managerOn(transport, { clock });
    await clock.advance(3_600_000 - 45_000);
    const init = { method: 'POST', body: new Response('x').body, duplex: 'half' } as RequestInit;
    expect((await manager.fetch(api, init)).status).toBe(200);
    expect(transport.calls.map(({ authorization }) => authorization)).toEqual(['Bearer access-1']);
  });
});

describe('a call that is never sent cancels the source of its body', () => {
  const reason = new Error('mine');
  test.each<[string, (cancelled: (reason: unknown) => void) => [Request | string, RequestInit]]>([
    [
      'a stream',
      (cancel) => [
        api,
        { method: 'POST', body: new ReadableStream({ cancel }), duplex: 'half' } as RequestInit,
      ],
    ],
    [
      'a Request with a stream',
      (cancel) => [
        new Request(api, {
          method: 'POST',
          body: new ReadableStream({ cancel }),
          duplex: 'half',
        } as RequestInit),
        {},
      ],
    ],
    [
      'a generator',
      (cancel) => {
        const body = { [Symbol.asyncIterator]: () => body, next: never, return: async () => cancel(reason) };
        return [api, { method: 'POST', body: body as never, duplex: 'half' } as RequestInit];
      },
    ],
    [
      'a stream of Node',
      (cancel) => {
        const body = { pipe: () => undefined, destroy: (error: unknown) => cancel(error ?? reason) };
        return [api, { method: 'POST', body: body as never }];
      },
    ],
  ])('aborted while waiting: %s', async (_name, make) => {
    const cancelled = vi.fn();
    const transport = transportThat(ok, never);
    const manager = await managerOn(transport, { expired: true });
    const controller = new AbortController();
    const [input, init] = make(cancelled);
    const call = manager.fetch(input, { ...init, signal: controller.signal });
    await vi.waitUntil(() => transport.grants.length === 1);
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    await vi.waitUntil(() => cancelled.mock.calls.length === 1);
    expect(transport.calls).toEqual([]);
  });

  test('also when there is no session', async () => {
    const cancelled = vi.fn();
    const manager = await managerOn(transportThat(ok));
    await manager.signOut();
    const body = new ReadableStream({ cancel: cancelled });
    const call = manager.fetch(api, { method: 'POST', body, duplex: 'half' } as RequestInit);
    await expect(call).rejects.toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  test('a stream that was sent is the transport’s', async () => {
    const cancelled = vi.fn();
    const transport = transportThat(() => Promise.reject(new TypeError('fetch failed')), granted);
    const manager = await managerOn(transport, { expired: true });
    const body = new ReadableStream({ cancel: cancelled });
    await expect(manager.fetch(api, { method: 'POST', body, duplex: 'half' } as RequestInit)).rejects.toThrow(
      'fetch failed',
    );
    expect(cancelled).not.toHaveBeenCalled();
  });
});

describe('a platform or transport that does less than undici', () => {
  test.each([true, false])(
    'a transport that answers without a promise (protected: %s)',
    async (isProtected) => {
      const answers = [refused(), ok()];
      const transport = { fetch: vi.fn(() => answers.shift()) as unknown as typeof fetch };
      const { fetch: grants } = transportThat(ok);
      const fetch = ((input: string, init: RequestInit) =>
        input.startsWith('https://as.')
          ? grants(input, init)
          : transport.fetch(input, init)) as typeof globalThis.fetch;
      const manager = await managerOn({ fetch });
      const call = manager.fetch(isProtected ? api : 'https://other.example.com/');
      expect(call).toBeInstanceOf(Promise);
      expect((await call).status).toBe(isProtected ? 200 : 401);
    },
  );

  test('a signal without throwIfAborted() and reason', async () => {
    const listeners: (() => void)[] = [];
    const signal = {
      aborted: false,
      addEventListener: (_type: string, listener: () => void) => listeners.push(listener),
      removeEventListener: () => undefined,
    };
    const transport = transportThat(ok, never);
    const manager = await managerOn(transport, { expired: true });
    const call = manager.fetch(api, { signal: signal as unknown as AbortSignal });
    await vi.waitUntil(() => transport.grants.length === 1);
    signal.aborted = true;
    for (const listener of listeners) listener();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    const late = manager.fetch(api, { signal: signal as unknown as AbortSignal });
    await expect(late).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('the matched request is the sent request', () => {
  const evil = 'https://attacker.example/';
  const changing = () => {
    const texts = [api, evil, evil, evil];
    return () => texts.shift() ?? evil;
  };
  /** Where the platform's fetch would send a request, read as it does. */
  const targetOf = (input: string | URL | Request) => new Request(input as string).url;

  test.each<[string, () => unknown]>([
    ['an object whose text changes', () => ({ toString: changing() })],
    ['a URL with a text of its own', () => Object.assign(new URL(api), { toString: () => evil })],
    ['a URL with a text that changes', () => Object.assign(new URL(evil), { toString: changing() })],
    ['a URL with another href', () => Object.defineProperty(new URL(evil), 'href', { value: api })],
    ['a Request with another url', () => Object.defineProperty(new Request(evil), 'url', { value: api })],
    [
      'what looks like a Request',
      () => ({ url: api, clone: () => undefined, headers: {}, method: 'GET', toString: () => evil }),
    ],
    [
      'what inherits from Request',
      () =>
        Object.create(Request.prototype, {
          url: { value: api },
          clone: { value: () => undefined },
          headers: { value: {} },
          toString: { value: () => evil },
        }),
    ],
  ])('%s', async (_name, make) => {
    const sent: (readonly [string, string | null])[] = [];
    vi.stubGlobal('fetch', async (input: Request, init: RequestInit | undefined) => {
      sent.push([targetOf(input), new Headers(init?.headers).get('authorization')]);
      return ok();
    });
    const manager = await managerOn({ fetch: undefined as never });
    await manager.fetch(make() as Request).catch(() => undefined);
    for (const [url, authorization] of sent) expect(url === api || authorization === null).toBe(true);
  });

  test('a transport with a Request class of its own gets it', async () => {
    class OwnRequest {
      readonly url = api;
      readonly method = 'GET';
      readonly headers = new Map([['x-mine', '1']]);
      clone = () => new OwnRequest();
    }
    const transport = transportThat(ok);
    const manager = await managerOn(transport);
    const request = new OwnRequest();
    await manager.fetch(request as unknown as Request);
    expect(transport.calls[0]?.input).toBe(request);
    expect([...new Headers(transport.calls[0]?.init?.headers)]).toEqual([
      ['authorization', 'Bearer access-0'],
      ['x-mine', '1'],
    ]);
  });
});

describe('the platform’s fetch is looked up at the call', () => {
  const tellingApart = (name: string) => vi.fn<typeof fetch>(async () => new Response(name));
  const answerOf = async (call: Promise<Response>) => await (await call).text();

  test('a later replacement is used', async () => {
    vi.stubGlobal('fetch', tellingApart('first'));
    const manager = await managerOn({ fetch: undefined as never });
    expect(await answerOf(manager.fetch(api))).toBe('first');
    vi.stubGlobal('fetch', tellingApart('mock'));
    expect(await answerOf(manager.fetch(api))).toBe('mock');
    expect(await answerOf(manager.fetch('https://other.example.com/'))).toBe('mock');
  });

  test('a wrapper around manager.fetch in its place does not make it call itself', async () => {
    vi.stubGlobal('fetch', tellingApart('first'));
    const manager = await managerOn({ fetch: undefined as never });
    const wrapper = vi.fn<typeof fetch>((input, init) => manager.fetch(input, init));
    vi.stubGlobal('fetch', wrapper);
    expect(await answerOf(fetch(api))).toBe('first');
    expect(await answerOf(fetch('https://other.example.com/'))).toBe('first');
    expect(wrapper.mock.calls.length).toBeLessThanOrEqual(3);
  });

  test('a mock that calls manager.fetch, which it replaced, does not make it call itself', async () => {
    vi.stubGlobal('fetch', tellingApart('first'));
    const manager = new TokenManager({ clientId: 'app', authorizationServer: as, protectedResources: [api] });
    vi.stubGlobal('fetch', manager.fetch);
    await manager.setTokens({ access_token: 'access-0', refresh_token: 'refresh-0', expires_in: 3600 });
    const { fetch: passThrough } = globalThis;
    let depth = 0;
    vi.stubGlobal('fetch', async (...call: Parameters<typeof fetch>) => {
      await undefined;
      depth += 1;
      return depth > 5 ? new Response('loop') : await passThrough(...call);
    });
    expect(await answerOf(fetch(api))).toBe('first');
  });
});
