/** ky over a manager, against the strict server: what ky promises stays true, and there is one refresh beneath it. */
import ky, { HTTPError, type KyInstance, type Options, TimeoutError } from 'ky';
import { ConfigurationError, isTokenKeepError, type TokenManager } from 'tokenkeep';
import { authorizedKy } from 'tokenkeep/ky';
import { describe, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';
import { type OpenedManager, openManager } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';

interface Echo {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly length: number; readonly base64?: string };
}

const prefix = 'https://api.test/v1';
const at = { prefix, retry: { delay: () => 0 } } satisfies Options;
const unavailable = { response: { status: 503, body: '' } };

/** A signed-in user, whose ky retries at once. */
async function signedIn(options: Options = {}): Promise<OpenedManager & { readonly api: KyInstance }> {
  const set = await openManager();
  return { ...set, api: authorizedKy(set.manager).extend(at).extend(options) };
}

const sent = ({ base64 = '' }: Echo['body']) => atob(base64);

describe('calls', () => {
  test('50 at once when the token has expired: one refresh, and all succeed', async () => {
    const { server, api } = await signedIn();
    server.expire();
    const echoes = await Promise.all(times(50, (index) => api.get<Echo>(`orders/${index}`).json()));
    expect(echoes.map(({ path }) => path)).toEqual(times(50, (index) => `/v1/orders/${index}`));
    expect(new Set(echoes.map(({ token }) => token)).size).toBe(1);
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0, apiCalls: 100 });
  });

  test('prefix and baseUrl lead where they lead in ky', async () => {
    const { manager } = await openManager();
    const plain = authorizedKy(manager);
    const paths = await Promise.all([
      plain.get<Echo>('/orders', { prefix }).json(),
      plain.get<Echo>('orders', { baseUrl: 'https://api.test/v1/' }).json(),
      plain.get<Echo>('/orders', { baseUrl: 'https://api.test/v1/' }).json(),
      plain.get<Echo>(new URL('https://api.test/x'), { searchParams: { page: 2 } }).json(),
    ]);
    expect(paths.map(({ path }) => path)).toEqual(['/v1/orders', '/v1/orders', '/orders', '/x?page=2']);
  });

  test('elsewhere no token goes along', async () => {
    const fetch = vi.fn<typeof globalThis.fetch>(async () => new Response('public'));
    const { manager } = await openManager({ manager: { fetch } });
    expect(await authorizedKy(manager).get('https://cdn.test/logo').text()).toBe('public');
    expect(
      fetch.mock.calls.map(([input]) => new Headers((input as Request).headers).get('authorization')),
    ).toEqual([null]);
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s is replayed with the same bytes', async (method) => {
    const { server, api } = await signedIn();
    server.expire();
    const echo = await api<Echo>('orders', { method, json: { amount: 12 } }).json();
    expect(echo.method).toBe(method);
    expect(sent(echo.body)).toBe('{"amount":12}');
    expect(server.requests.map(({ body }) => new TextDecoder().decode(body))).toEqual(
      times(2, () => '{"amount":12}'),
    );
  });

  test('a form is replayed with the boundary that its header names', async () => {
    const { server, api } = await signedIn();
    server.expire();
    const body = new FormData();
    body.set('file', new Blob(['bytes']), 'a.txt');
    const echo = await api.post<Echo>('files', { body }).json();
    const boundary = echo.headers['content-type']?.replace(/.*boundary=/, '');
    expect(sent(echo.body)).toContain(boundary);
    expect(server.requests[0]?.body).toEqual(server.requests[1]?.body);
  });

  test('an instance of the application keeps its options, and so does what is extended from it', async () => {
    const { manager, server } = await openManager();
    const own = ky.create({ ...at, headers: { 'x-app': 'shop' }, hooks: { beforeRequest: [addTrace] } });
    const api = authorizedKy(manager, own).extend({ headers: { 'x-page': 'cart' } });
    server.expire();
    const { headers } = await api.get<Echo>('orders').json();
    expect(headers).toMatchObject({ 'x-app': 'shop', 'x-page': 'cart', 'x-trace': 'one' });
    await expect(own.get('orders', { fetch: server.fetch }).json()).rejects.toThrow(HTTPError);
  });

  test('a redirect is followed, and takes the token no further than to what was named', async () => {
    const { server, api } = await signedIn();
    server.fail({ response: { status: 302, headers: { location: '/v1/new' } } }, { on: 'api' });
    const response = await api.get<Echo>('old');
    expect(response.redirected).toBe(true);
    expect((await response.json()).path).toBe('/v1/new');
    server.fail({ response: { status: 302, headers: { location: 'https://evil.test/' } } }, { on: 'api' });
    await expect(api.get('old', { retry: 0 })).rejects.toThrow();
    expect(server.counts).toMatchObject({ strayRequests: 1, accessTokensLeaked: 0 });
  });
});

const addTrace = ({ request }: { request: Request }) => request.headers.set('x-trace', 'one');

describe('hooks', () => {
  test('see one request and one response, whatever was replayed beneath them', async () => {
    const beforeRequest = vi.fn();
    const beforeRetry = vi.fn();
    const afterResponse = vi.fn(({ response }: { response: Response }) => void response.status);
    const hooks = {
      beforeRequest: [beforeRequest],
      beforeRetry: [beforeRetry],
      afterResponse: [afterResponse],
    };
    const { server, api } = await signedIn({ hooks });
    server.expire();
    expect((await api.get('orders')).status).toBe(200);
    expect(server.counts.apiCalls).toBe(2);
    expect([beforeRequest, beforeRetry, afterResponse].map(({ mock }) => mock.calls.length)).toEqual([
      1, 0, 1,
    ]);
    expect(afterResponse.mock.calls[0]?.[0].response.status).toBe(200);
  });

  test('an Authorization that one of them sets is left alone', async () => {
    const mine = ({ request }: { request: Request }) => request.headers.set('authorization', 'Bearer mine');
    const { server, api } = await signedIn({ hooks: { beforeRequest: [mine] } });
    const error = await rejection(api.get('orders').json());
    expect(error).toBeInstanceOf(HTTPError);
    expect(server.counts).toMatchObject({ apiCalls: 1, refreshes: 0 });
    expect(server.requests[0]?.token).toBeUndefined();
  });

  test('never see a token', async () => {
    const seen: (string | null)[] = [];
    const look = ({ request }: { request: Request }) => void seen.push(request.headers.get('authorization'));
    const hooks = { beforeRequest: [look], beforeRetry: [look], afterResponse: [look] };
    const { server, api } = await signedIn({ hooks });
    server.fail(unavailable, { on: 'api', times: 3 });
    await expect(api.get('orders').json()).rejects.toThrow(HTTPError);
    expect(seen).toEqual(times(seen.length, () => null));
    expect(seen.length).toBeGreaterThan(5);
  });
});

describe('retries', () => {
  test('a replay uses up none of them', async () => {
    const retried: number[] = [];
    const count = ({ retryCount }: { retryCount: number }) => void retried.push(retryCount);
    const { server, api } = await signedIn({ hooks: { beforeRetry: [count] } });
    server.expire();
    // 401, replay: 503; again: 503; again: 200. Two retries are ky's default.
    server.fail(unavailable, { on: 'api', times: 2, when: ({ token }) => token !== 'at1' });
    expect((await api.get('orders')).status).toBe(200);
    expect(retried).toEqual([1, 2]);
    expect(server.counts).toMatchObject({ apiCalls: 4, refreshes: 1 });
  });

  test('with none at all a call is replayed anyway', async () => {
    const { server, api } = await signedIn({ retry: 0 });
    server.expire();
    expect((await api.post('orders', { json: {} })).status).toBe(200);
    expect(server.counts).toMatchObject({ apiCalls: 2, refreshes: 1 });
  });

  test('a token that expires between two of them is refreshed', async () => {
    const { server, api } = await signedIn({ hooks: { beforeRetry: [() => server.expire()] } });
    server.fail(unavailable, { on: 'api' });
    expect((await api.get('orders')).status).toBe(200);
    expect(server.counts).toMatchObject({ apiCalls: 3, refreshes: 1 });
  });

  test('a network that fails is tried again by ky, as it is without tokenkeep', async () => {
    const { server, api } = await signedIn();
    server.fail({ drop: true }, { on: 'api', times: 2 });
    expect((await api.get('orders')).status).toBe(200);
    expect(server.counts).toMatchObject({ faults: 2, refreshes: 0 });
  });

  test.each<[string, (scene: OpenedManager) => unknown, object]>([
    [
      'LoginRequiredError',
      ({ server }) => server.revokeFamily(),
      { code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' },
    ],
    [
      'RefreshFailedError',
      ({ server }) =>
        server.fail({ response: { status: 503, headers: { 'retry-after': '60' } } }, { times: 9 }),
      { code: 'ERR_REFRESH_FAILED', retryAfter: 60_000 },
    ],
    [
      'RefreshFailedError of a network that fails',
      ({ server }) => server.fail({ drop: true }, { times: 9 }),
      { code: 'ERR_REFRESH_FAILED', sent: true },
    ],
  ])('%s arrives as it is, at once', async (_name, spoil, expected) => {
    const beforeRetry = vi.fn();
    const set = await signedIn({
      hooks: { beforeRetry: [beforeRetry] },
      retry: { limit: 5, methods: ['get'] },
    });
    set.server.expire();
    spoil(set);
    expect(await rejection(set.api.get('orders').json())).toMatchObject(expected);
    expect(beforeRetry).not.toHaveBeenCalled();
    expect(set.server.counts.tokenRequests).toBe(1);
  });

  test('unless shouldRetry decides otherwise: a failed refresh is retried after its pause', async () => {
    const set = await signedIn();
    const shouldRetry = vi.fn(async ({ error }: { error: Error }) => {
      if (!isTokenKeepError(error) || error.code !== 'ERR_REFRESH_FAILED') return undefined;
      await set.clock.advance(error.retryAfter ?? 0);
      return true;
    });
    set.server.expire();
    set.server.fail({ response: { status: 503, headers: { 'retry-after': '5' } } });
    expect((await set.api.get('orders', { retry: { shouldRetry } })).status).toBe(200);
    expect(shouldRetry).toHaveBeenCalledOnce();
    expect(set.server.counts).toMatchObject({ tokenRequests: 2, refreshes: 1 });
  });
});

describe('answers', () => {
  test('a second 401 is the HTTPError that users of ky know, with its response and what it says', async () => {
    const { server, api } = await signedIn();
    const answer = { status: 401, headers: { 'content-type': 'application/json' }, body: '{"error":"no"}' };
    server.fail({ response: answer }, { on: 'api', times: 2 });
    const error = await rejection(api.get('orders').json());
    expect(error).toBeInstanceOf(HTTPError);
    const { response, request, data } = error as unknown as HTTPError;
    expect([response.status, request.url, data]).toEqual([401, `${prefix}/orders`, { error: 'no' }]);
    expect(server.counts).toMatchObject({ apiCalls: 2, refreshes: 1 });
  });

  test.each([403, 404, 500])('so is %i', async (status) => {
    const { server, api } = await signedIn({ retry: 0 });
    server.fail({ response: { status, body: 'no' } }, { on: 'api' });
    const error = await rejection(api.get('orders').json());
    expect(error).toBeInstanceOf(HTTPError);
    expect(error['response']).toMatchObject({ status });
    expect(await api.get('orders', { throwHttpErrors: false }).then(({ ok }) => ok)).toBe(true);
  });

  test('progress of downloads and uploads is reported once', async () => {
    const { server, api } = await signedIn();
    server.expire();
    const up: number[] = [];
    const down: number[] = [];
    const body = new Uint8Array(64_000);
    await api
      .post<Echo>('files', {
        body,
        onUploadProgress: ({ transferredBytes }) => up.push(transferredBytes),
        onDownloadProgress: ({ percent }) => down.push(percent),
      })
      .json();
    expect(server.counts.apiCalls).toBe(2);
    expect(up.at(-1)).toBe(64_000);
    expect(up).toEqual(up.toSorted((a, b) => a - b));
    expect(down.at(-1)).toBe(1);
  });
});

describe('streams', () => {
  const stream = (...chunks: string[]) =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = chunks.shift();
        if (chunk === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(chunk));
      },
    });

  test('are sent again as ky itself would: from the copy that it keeps', async () => {
    const { server, api } = await signedIn();
    server.expire();
    const { body } = await api.post<Echo>('files', { body: stream('a', 'b') }).json();
    expect(sent(body)).toBe('ab');
    expect(server.counts).toMatchObject({ apiCalls: 2, refreshes: 1 });
  });

  test.each([0, { limit: 0 }])('with retry %o go out once: the 401 is the answer', async (retry) => {
    const { server, api } = await signedIn({ retry });
    server.expire();
    const error = await rejection(api.post('files', { body: stream('a', 'b') }).json());
    expect(error).toBeInstanceOf(HTTPError);
    expect(server.counts.apiCalls).toBe(1);
    // The next one finds a token that works.
    expect(sent((await api.post<Echo>('files', { body: stream('c') }).json()).body)).toBe('c');
    expect(server.counts).toMatchObject({ apiCalls: 2, refreshes: 1 });
  });

  test('with retry 0 are not kept: the request is not cloned, also where its progress is reported', async () => {
    const clone = vi.spyOn(Request.prototype, 'clone');
    const tee = vi.spyOn(ReadableStream.prototype, 'tee');
    const { api } = await signedIn({ retry: 0 });
    const onUploadProgress = vi.fn();
    const { body } = await api.post<Echo>('files', { body: stream('a', 'b'), onUploadProgress }).json();
    expect(sent(body)).toBe('ab');
    expect(onUploadProgress).toHaveBeenCalled();
    expect([clone, tee].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  });

  test('with retry 0 what is no stream is replayed', async () => {
    const { server, api } = await signedIn({ retry: 0 });
    server.expire();
    expect(sent((await api.post<Echo>('files', { body: 'text' }).json()).body)).toBe('text');
    expect(server.counts.apiCalls).toBe(2);
  });

  test('come as they come', async () => {
    const { server, api } = await signedIn();
    server.expire();
    const { body } = await api.get('orders');
    let length = 0;
    for await (const chunk of body ?? []) length += chunk.length;
    expect(length).toBeGreaterThan(0);
  });
});

describe('an abort', () => {
  test('a timeout while others refresh: this call ends, the refresh continues, the next call uses its token', async () => {
    const { server, api, manager } = await signedIn();
    server.expire();
    const hold = server.hold();
    const other = manager.fetch(`${prefix}/other`);
    await hold.arrived();
    expect(await rejection(api.get('orders', { timeout: 20 }).json())).toBeInstanceOf(TimeoutError);
    await hold();
    expect((await other).status).toBe(200);
    expect((await api.get('orders')).status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0, reuses: 0 });
  });

  test('a timeout of the call that began the refresh does not stop it either', async () => {
    const { server, api, manager } = await signedIn();
    server.expire();
    const hold = server.hold();
    const call = rejection(api.get('orders', { timeout: 20 }).json());
    await hold.arrived();
    expect(await call).toBeInstanceOf(TimeoutError);
    await hold();
    expect((await api.get('orders')).status).toBe(200);
    expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0, reuses: 0 });
  });

  test('with retryOnTimeout the next attempt joins the same refresh', async () => {
    const { server, api } = await signedIn({ retry: { retryOnTimeout: true, limit: 9 } });
    server.expire();
    const hold = server.hold();
    const release = () => void hold();
    const call = api.get('orders', { timeout: 50, hooks: { beforeRetry: [release] } });
    await hold.arrived();
    expect((await call).status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0 });
  });

  test('an abort rejects with its reason, and harms nobody else', async () => {
    const { server, api } = await signedIn();
    server.expire();
    const hold = server.hold();
    const controller = new AbortController();
    const given = rejection(api.get('orders', { signal: controller.signal }).json());
    const other = api.get('orders');
    await hold.arrived();
    controller.abort(new Error('the user left'));
    expect((await given).message).toBe('the user left');
    await hold();
    expect((await other).status).toBe(200);
    expect(server.counts.refreshes).toBe(1);
  });
});

describe('the wrong things', () => {
  const fine = { fetch: globalThis.fetch };

  test.each<[string, unknown, unknown]>([
    ['no manager', undefined, undefined],
    ['a manager without fetch', {}, undefined],
    ['no ky', fine, {}],
    ['a fetch in place of ky', fine, globalThis.fetch],
    ['a ky with a fetch of its own', fine, ky.create({ fetch: globalThis.fetch })],
    ['a ky that is authorized already', fine, authorizedKy(fine)],
  ])('%s: a ConfigurationError', (_name, manager, own) => {
    const make = () => authorizedKy(manager as TokenManager, own as KyInstance);
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(explained(/^authorizedKy\(/));
  });
});
