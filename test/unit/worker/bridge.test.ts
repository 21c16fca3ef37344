import { getEventListeners } from 'node:events';
import {
  ConfigurationError,
  isTokenKeepError,
  LockTimeoutError,
  LoginFailedError,
  LoginRequiredError,
  RefreshFailedError,
  StorageError,
  TokenManager,
} from 'tokenkeep';
import { completeLogin, startLogin } from 'tokenkeep/login';
import { authorizationServer } from 'tokenkeep/testing';
import { connectTokenManager, serveTokenManager } from 'tokenkeep/worker';
import { describe, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';
import { optionsFor } from '../../support/open-manager.ts';
import { BareManager, site } from './support/site.ts';
import { kinds, WorkerDouble } from './support/workers-double.ts';

const url = 'https://api.test/orders';
const token = /(access|refresh)-[\w-]{20}/;

function signedOut() {
  const server = authorizationServer();
  const manager = new TokenManager({
    ...optionsFor(server),
  });
  return { server, manager };
}

const rejection = (promise: Promise<unknown> | undefined): Promise<Error & Record<string, unknown>> =>
  (promise ?? Promise.resolve()).then(
    () => Promise.reject(new Error('It resolved.')),
    (error) => error,
  );

describe.each(kinds)('pages and a %s worker', (kind) => {
  test('BBA-06: tokens go into the worker, and none comes back: not by calls, refreshes, events, errors, sign-out', async () => {
    const { server, manager } = signedOut();
    const here = site(() => manager, {}, kind);
    const pages = [here.open(), here.open()];
    const seen: string[] = [];
    for (const page of pages) page.on('*', ({ type }) => seen.push(type));
    const login = server.signIn();
    expect(login.access_token).toMatch(token);
    await pages[0]?.setTokens(login);
    server.expire();
    const calls = pages.flatMap((page) => Array.from({ length: 10 }, () => page.fetch(url)));
    for (const response of await Promise.all(calls)) expect(response.status).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
    expect(await rejection(pages[0]?.getAccessToken())).toMatchObject({ name: 'NotAllowedError' });
    server.expire();
    server.revokeFamily();
    expect(await rejection(pages[1]?.fetch(url))).toMatchObject({
      code: 'ERR_LOGIN_REQUIRED',
      reason: 'invalid_grant',
    });
    await pages[0]?.setTokens(server.signIn());
    expect(await pages[1]?.signOut()).toEqual({ revoked: true });
    expect(await rejection(pages[0]?.fetch(url))).toMatchObject({ reason: 'signed_out' });
    expect([...new Set(seen)].sort()).toEqual([
      ...['refreshFinished', 'refreshed', 'replayed'],
      ...['sessionEnded', 'signedIn', 'signedOut'],
    ]);
    expect(seen.filter((type) => type === 'refreshed')).toHaveLength(2); // each page once
    expect(here.worker.crossed.length).toBeGreaterThan(20);
    expect(here.worker.crossed.filter((text) => token.test(text))).toEqual([]);
  });

  test('a login can be made by the worker, so that no page ever has a token', async () => {
    const { server, manager } = signedOut();
    const asked: unknown[] = [];
    const login = async (request: unknown) => {
      asked.push(request);
      return server.signIn();
    };
    const here = site(() => manager, { login }, kind);
    const page = here.open();
    await page.login({ callback: 'https://app.test/callback?code=1' });
    expect(asked).toEqual([{ callback: 'https://app.test/callback?code=1' }]);
    expect((await page.fetch(url)).status).toBe(200);
    expect(here.worker.crossed.filter((text) => token.test(text))).toEqual([]);
  });

  test('the page receives the user of a login of tokenkeep/login; a login with an invalid ID token is signed out', async () => {
    const { server, manager } = signedOut();
    const client = {
      clientId: 'test-client',
      authorizationServer: server.metadata,
      fetch: server.fetch,
    };
    const come = async (issuer: string) => {
      const pending = new Map<string, string>();
      const redirectUri = 'https://app.test/callback';
      const asked = { ...client, redirectUri, scope: ['openid', 'read'], pending, returnTo: '/orders' };
      const { headers } = await server.fetch((await startLogin(asked)).url, { redirect: 'manual' });
      return { issuer, pending, callback: headers.get('location') ?? '' };
    };
    const login = async (request: unknown) => {
      const { issuer, pending, callback } = request as Awaited<ReturnType<typeof come>>;
      const got = await completeLogin({ ...client, pending }, callback);
      if (issuer === 'right') return got;
      const idTokenClaims = () => {
        throw new LoginFailedError('The ID token is from another issuer.', { reason: 'id_token' });
      };
      return { ...got, idTokenClaims };
    };
    const subjects: (string | undefined)[] = [];
    manager.on('signedIn', ({ subject }) => void subjects.push(subject));
    const here = site(() => manager, { login }, kind);
    const page = here.open();
    const { returnTo, claims } = await page.login(await come('right'));
    expect([returnTo, claims?.sub]).toEqual(['/orders', expect.any(String)]);
    expect((await page.fetch(url)).status).toBe(200);
    const error = await rejection(page.login(await come('wrong')));
    expect(error).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'id_token' });
    expect(await rejection(page.fetch(url))).toMatchObject({ reason: 'signed_out' });
    expect(subjects).toEqual([claims?.sub, undefined]); // an invalid ID token names no user
    expect(server.counts.revocations).toBeGreaterThan(0);
    expect(here.worker.crossed.filter((text) => token.test(text))).toEqual([]);
  });

  test('method, headers and bytes arrive as they are; the answer is a Response', async () => {
    const body = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251);
    let received: Uint8Array | undefined;
    const main = new BareManager(async (request) => {
      received = new Uint8Array(await request.arrayBuffer());
      const response = new Response('made', { status: 201, statusText: 'Created', headers: { 'x-id': '7' } });
      return Object.defineProperty(response, 'url', { value: `${url}?seen` });
    });
    const page = site(() => main, {}, kind).open();
    const request = new Request(url, { method: 'PUT', body, headers: { 'x-trace': 'a, b' } });
    const response = await page.fetch(request, { redirect: 'manual', cache: 'no-store' });
    expect(received).toEqual(body);
    expect(main.requests[0]).toMatchObject({ method: 'PUT', url, redirect: 'manual', cache: 'no-store' });
    expect(main.requests[0]?.headers.get('x-trace')).toBe('a, b');
    expect(response).toMatchObject({ status: 201, statusText: 'Created', url: `${url}?seen` });
    expect(response.headers.get('x-id')).toBe('7');
    expect(await response.text()).toBe('made');
  });

  test('after the worker has died, what may be asked again is asked again, of the next one', async () => {
    const managers: BareManager[] = [];
    const never = new Promise<Response>(() => undefined);
    const next = (): BareManager => {
      const isFirst = managers.length === 0;
      const manager = new BareManager(() => (isFirst ? never : new Response('second')));
      managers.push(manager);
      return manager;
    };
    const here = site(next, {}, kind);
    const page = here.open();
    const reading = page.fetch(url);
    const writing = rejection(page.fetch(url, { method: 'POST', body: 'one' }));
    await vi.waitUntil(() => managers[0]?.requests.length === 2);
    here.kill();
    expect(await (await reading).text()).toBe('second');
    const error = await writing;
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain('may have been processed');
    expect(managers.map(({ requests }) => requests.map(({ method }) => method))).toEqual([
      ['GET', 'POST'],
      ['GET'],
    ]);
    // It died while nothing was in progress, which nobody notices: what is asked next has reached nobody before.
    here.kill();
    expect((await page.fetch(url, { method: 'POST', body: 'two' })).status).toBe(200);
    expect(managers[2]?.requests).toHaveLength(1);
  });

  test('a page that is gone takes its calls with it', async () => {
    const main = new BareManager(() => new Response(new ReadableStream()));
    const here = site(() => main, {}, kind);
    await here.open().fetch(url);
    const { signal } = main.requests[0] as Request;
    expect(here.locks.held.filter((name) => name.startsWith('tokenkeep.page:'))).toHaveLength(1);
    expect(signal.aborted).toBe(false);
    here.locks.kill('tokenkeep.page:');
    await vi.waitUntil(() => signal.aborted);
  });

  test('serving ends, and with it what is in progress and the listening', async () => {
    const main = new BareManager(() => new Response(new ReadableStream()));
    const here = site(() => main, {}, kind);
    await here.open().fetch(url);
    expect(main.listeners).toBeGreaterThan(5);
    here.stop();
    expect(main.listeners).toBe(0);
    expect(main.requests[0]?.signal.aborted).toBe(true);
    expect(here.worker.scope.listeners).toBe(0);
  });
});

describe('a body that comes in pieces', () => {
  function pieces(count: number) {
    const state = { pulled: 0, cancelled: false };
    const stream = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (state.pulled === count) return controller.close();
          state.pulled += 1;
          controller.enqueue(Uint8Array.of(state.pulled));
        },
        cancel() {
          state.cancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    return { state, stream };
  }

  test('is read at the pace of the page, and the page is present as long as it is in progress', async () => {
    const { state, stream } = pieces(3);
    const here = site(() => new BareManager(() => new Response(stream)));
    const page = here.open();
    const present = () => here.locks.held.some((name) => name.startsWith('tokenkeep.page:'));
    const response = await page.fetch(url);
    expect(state.pulled).toBe(0);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (const piece of [1, 2, 3]) {
      expect(await reader.read()).toEqual({ done: false, value: Uint8Array.of(piece) });
      expect(state.pulled).toBe(piece);
      expect(present()).toBe(true);
    }
    expect((await reader.read()).done).toBe(true);
    await vi.waitUntil(() => !present());
  });

  test('keeps a service worker until it has ended', async () => {
    const { stream } = pieces(1);
    const here = site(() => new BareManager(() => new Response(stream)), {}, 'service');
    const response = await here.open().fetch(url);
    await new Promise((resolve) => setImmediate(resolve));
    expect(here.worker.staying.size).toBe(1);
    await response.text();
    await vi.waitUntil(() => here.worker.staying.size === 0);
  });

  test('is aborted in the worker when the page aborts it', async () => {
    const { state, stream } = pieces(3);
    const main = new BareManager(() => new Response(stream));
    const here = site(() => main);
    const response = await here.open().fetch(url);
    await response.body?.cancel();
    await vi.waitUntil(() => state.cancelled);
    expect(main.requests[0]?.signal.aborted).toBe(true);
  });

  test('fails when the worker dies, and is not started again', async () => {
    const main = new BareManager(() => new Response(new ReadableStream()));
    const here = site(() => main);
    const response = await here.open().fetch(url);
    const failing = rejection(response.text());
    here.kill();
    expect((await failing).message).toContain('The worker was stopped');
    expect(main.requests).toHaveLength(1);
  });

  test('goes up at the pace at which it is read', async () => {
    const { state, stream } = pieces(3);
    const received: number[] = [];
    const main = new BareManager(async (request) => {
      const reader = (request.body as ReadableStream<Uint8Array>).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return new Response('read');
        received.push(...value);
        // One is here, one on its way, and one that was made meanwhile.
        expect(state.pulled).toBeLessThanOrEqual(received.length + 2);
      }
    });
    const body = { method: 'POST', body: stream, duplex: 'half' } as RequestInit;
    const response = await site(() => main)
      .open()
      .fetch(url, body);
    expect(await response.text()).toBe('read');
    expect(received).toEqual([1, 2, 3]);
  });

  test('goes up to nobody who does not read it', async () => {
    const { state, stream } = pieces(1000);
    const main = new BareManager(() => new Promise<Response>(() => undefined));
    const stopping = new AbortController();
    const init = { method: 'POST', body: stream, duplex: 'half', signal: stopping.signal } as RequestInit;
    const call = site(() => main)
      .open()
      .fetch(url, init);
    await vi.waitUntil(() => state.pulled > 0);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(state.pulled).toBeLessThanOrEqual(3);
    const reason = new Error('enough');
    stopping.abort(reason);
    expect(await rejection(call)).toBe(reason);
    await vi.waitUntil(() => state.cancelled);
    expect(main.requests[0]?.signal.aborted).toBe(true);
  });

  test('goes up whole where the engine would make a text of a stream', async () => {
    const PlatformRequest = Request;
    class FirefoxRequest extends PlatformRequest {
      constructor(input: RequestInfo | URL, init?: RequestInit) {
        super(input, init?.body instanceof ReadableStream ? { ...init, body: '[object]' } : init);
      }
      override get body(): never {
        return undefined as never;
      }
    }
    const received: string[] = [];
    const main = new BareManager(async (request) => {
      received.push(`${request.method} ${await request.text()}`);
      return new Response();
    });
    const page = site(() => main).open();
    vi.stubGlobal('Request', FirefoxRequest);
    const stream = new Blob(['in ', 'pieces']).stream();
    await page.fetch(url, { method: 'POST', body: stream });
    await page.fetch(url);
    await page.fetch(url, { method: 'POST', body: 'text' });
    expect(received).toEqual(['POST in pieces', 'GET ', 'POST text']);
  });
});

describe('an abort', () => {
  test('before the call sends nothing', async () => {
    const main = new BareManager();
    const here = site(() => main);
    const reason = new Error('enough');
    expect(await rejection(here.open().fetch(url, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(main.requests).toEqual([]);
  });

  test('while the worker waits for the answer ends the request there', async () => {
    const main = new BareManager(() => new Promise(() => undefined));
    const controller = new AbortController();
    const call = site(() => main)
      .open()
      .fetch(url, { signal: controller.signal });
    await vi.waitUntil(() => main.requests.length === 1);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await rejection(call)).toBe(reason);
    await vi.waitUntil(() => main.requests[0]?.signal.aborted);
  });

  test('leaves a wait for a token, which continues in the worker', async () => {
    const main = new BareManager();
    main.getAccessToken = () => new Promise(() => undefined);
    const page = site(() => main, { allowAccessTokens: true }).open();
    const controller = new AbortController();
    const asked = page.getAccessToken({ signal: controller.signal });
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await rejection(asked)).toBe(reason);
    expect(await rejection(page.getAccessToken({ signal: controller.signal }))).toBe(reason);
  });

  test('a caller that waits for a login or a sign-out may leave; the worker continues with it', async () => {
    const { promise: never } = Promise.withResolvers<never>();
    const asked: unknown[] = [];
    const main = new BareManager();
    const login = (request: unknown) => {
      asked.push(request);
      return never;
    };
    main.signOut = (options) => {
      main.signOuts.push(options ?? {});
      return never;
    };
    using page = site(() => main, { login }).open();
    const leaving = () => {
      const controller = new AbortController();
      return { signal: controller.signal, leave: () => controller.abort(new Error('enough')) };
    };
    const first = leaving();
    const loggingIn = rejection(page.login('one', first));
    await vi.waitUntil(() => asked.length === 1);
    first.leave();
    expect((await loggingIn).message).toBe('enough');
    const second = leaving();
    const ending = page.signOut({ revoke: true, ...second });
    await vi.waitUntil(() => main.signOuts.length === 1);
    second.leave();
    expect(await ending).toEqual({ revoked: false, reason: 'aborted' });
    // Too late before it began: no login, but a sign-out.
    expect((await rejection(page.login('two', first))).message).toBe('enough');
    expect(await page.signOut(first)).toEqual({ revoked: false, reason: 'aborted' });
    await vi.waitUntil(() => main.signOuts.length === 2);
    expect(asked).toEqual(['one']);
    for (const { signal } of [first, second]) expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('the permissions of pages', () => {
  test('have access tokens where that was allowed, but no refresh token', async () => {
    const { server, manager } = signedOut();
    const here = site(() => manager, { allowAccessTokens: true });
    const page = here.open();
    await page.setTokens(server.signIn());
    const held = await page.getAccessToken();
    expect(held).toBe(server.currentAccessToken());
    expect(await page.getAccessToken({ rejectedToken: held })).toBe(server.currentAccessToken());
    expect(here.worker.crossed.filter((text) => /refresh-[\w-]{20}/.test(text))).toEqual([]);
  });

  test.each(['https://elsewhere.test/', 'http://localhost:8080/', 'https://api.test.evil/'])(
    'not call %s, which is no protected resource that was named',
    async (elsewhere) => {
      const main = new BareManager(() => new Response('secret'));
      const error = await rejection(
        site(() => main)
          .open()
          .fetch(elsewhere),
      );
      expect(error).toMatchObject({ name: 'NotAllowedError' });
      expect(main.requests).toEqual([]);
    },
  );

  test('not log in through a worker that knows no login', async () => {
    const error = await rejection(
      site(() => new BareManager())
        .open()
        .login({}),
    );
    expect(error).toMatchObject({ name: 'NotAllowedError' });
    expect(error.message).toContain('option login');
  });

  test('not set what only the manager may set', async () => {
    const main = new BareManager();
    const headers = { authorization: 'Bearer mine', dpop: 'mine', 'x-mine': 'yes' };
    await site(() => main)
      .open()
      .fetch(url, { headers });
    expect([...(main.requests[0]?.headers ?? [])]).toEqual([['x-mine', 'yes']]);
  });

  test.each([
    { type: 'getTokens' },
    { type: 'getTokens', id: '1' },
    { type: '__proto__', id: '1' },
    { type: 'fetch', id: '1', url, method: 'GET', headers: [['one', 2]], redirect: 'follow' },
    { type: 'fetch', id: '1', url, method: 'GET', headers: [], body: 'text', redirect: 'follow' },
    { type: 'read', id: 7 },
    { type: 'write', id: '1', chunk: 'text' },
  ])('not send a message that no page of ours sends: %j', async (message) => {
    const main = new BareManager();
    const here = site(() => main);
    await here.open().fetch(url); // somebody has met the worker
    const to = here.locks.held.find((name) => name.startsWith('tokenkeep.worker:'));
    const { port1, port2 } = new MessageChannel();
    const reply = new Promise<{ data: unknown }>((resolve) => {
      port1.onmessage = resolve;
    });
    here.worker.deliver(here.worker.scope, { tokenkeep: 'tokenkeep', to, from: '', message }, [port2], '');
    expect((await reply).data).toMatchObject({ error: { code: 'REFUSED' } });
    expect(main.requests).toHaveLength(1);
    port1.close();
  });
});

test('a request for the worker before is dropped: the page cannot know whether that one has processed it', async () => {
  const main = new BareManager();
  const here = site(() => main);
  const message = { type: 'fetch', id: '1', url, method: 'POST', headers: [], redirect: 'follow' };
  for (const to of ['tokenkeep.worker:tokenkeep:another', undefined]) {
    const { port1, port2 } = new MessageChannel();
    const reply = new Promise<{ data: unknown }>((resolve) => {
      port1.onmessage = resolve;
    });
    here.worker.deliver(here.worker.scope, { tokenkeep: 'tokenkeep', to, from: '', message }, [port2], '');
    expect((await reply).data).toEqual({ kind: 'wrong-worker' });
    port1.close();
  }
  expect(main.requests).toEqual([]);
  expect(main.tokens).toEqual([]);
});

describe('BBA-03: both origins are checked', () => {
  test('a message that names another origin than that of the worker is ignored', async () => {
    const main = new BareManager();
    const { worker } = site(() => main, {}, 'service');
    const heard: unknown[] = [];
    const ask = (sender: string) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => {
        heard.push(data);
        port1.close();
      };
      worker.deliver(worker.scope, { tokenkeep: 'tokenkeep', message: { type: 'hello' } }, [port2], sender);
    };
    for (const sender of ['https://evil.test', 'null', 'https://app.test.evil']) ask(sender);
    ask('https://app.test');
    await vi.waitUntil(() => heard.length > 0);
    expect(heard).toEqual([{ kind: 'value', value: expect.stringMatching(/^tokenkeep\.worker:/) }]);
    expect(worker.crossed).toHaveLength(1);
  });

  test('an event that names another origin than that of the page is ignored', () => {
    const main = new BareManager();
    const here = site(() => main, {}, 'service');
    const own = here.worker.forPage() as unknown as { fire(type: string, event: object): void };
    const heard: unknown[] = [];
    const manager = here.open({ worker: () => own as never });
    manager.on('*', (event) => heard.push(event));
    const data = { tokenkeep: 'tokenkeep', event: { type: 'signedIn', session: 'default' } };
    for (const origin of ['https://evil.test', 'null']) own.fire('message', { data, origin });
    expect(heard).toEqual([]);
    own.fire('message', { data, origin: 'https://app.test' });
    expect(heard).toEqual([{ type: 'signedIn', session: 'default' }]);
  });

  test('messages of the application, and of another channel, are nobody’s here', async () => {
    const main = new BareManager();
    const here = site(() => main, { channel: 'mine' });
    const page = here.open({ channel: 'mine' });
    const heard: unknown[] = [];
    page.on('*', (event) => heard.push(event));
    for (const data of [
      'hello',
      undefined,
      { tokenkeep: 'mine' },
      { tokenkeep: 'tokenkeep', message: { type: 'hello' } },
    ]) {
      const { port2 } = new MessageChannel();
      here.worker.deliver(here.worker.scope, { data }.data as object, [port2], '');
    }
    expect(here.worker.crossed).toEqual([]);
    expect((await page.fetch(url)).status).toBe(200);
    main.tell({ type: 'signedIn', session: 'default' });
    expect(heard).toHaveLength(1);
  });
});

describe('errors', () => {
  test.each([
    new LoginRequiredError('Sign in.', { reason: 'signed_out', error: 'invalid_grant' }),
    new LoginRequiredError('Sign in.', {
      ...{ reason: 'interaction_required', error: 'interaction_required', description: 'Once more.' },
      details: { claims: '{"id_token":{}}', error_codes: [50_076], error_details: [{ field: 'x' }] },
    }),
    new LoginFailedError('No.', { reason: 'refused', error: 'access_denied', description: 'Not today' }),
    new RefreshFailedError('Later.', { sent: true, retryAfter: 5000, error: 'slow_down', status: 429 }),
    new StorageError('Full.', { operation: 'write', conflict: true }),
    new LockTimeoutError('Held.'),
    new ConfigurationError('Wrong.'),
  ])('of the class $name arrive as what they are', async (thrown) => {
    const main = new BareManager(() => Promise.reject(thrown));
    main.setTokens = () => Promise.reject(thrown);
    const page = site(() => main).open();
    const failing = [page.fetch(url), page.setTokens({ access_token: 'a', token_type: 'Bearer' })];
    for (const error of await Promise.all(failing.map(rejection))) {
      expect(error).toBeInstanceOf(thrown.constructor);
      expect(isTokenKeepError(error)).toBe(true);
      expect({ ...error, message: error.message }).toEqual({ ...thrown, message: thrown.message });
    }
  });

  test('of the network say no more than fetch does in a page', async () => {
    const here = site(
      () => new BareManager(() => Promise.reject(new TypeError('secret', { cause: 'secret' }))),
    );
    const error = await rejection(here.open().fetch(url));
    expect(error).toBeInstanceOf(TypeError);
    expect(here.worker.crossed.join()).not.toContain('secret');
  });

  test('a script that does not start, or serves nothing, is said', async () => {
    vi.useFakeTimers();
    vi.stubGlobal('navigator', { locks: site(() => new BareManager()).locks });
    const deaf = new WorkerDouble('dedicated');
    const own = deaf.forPage() as unknown as { fire(type: string, event: object): void };
    const manager = connectTokenManager({ worker: () => own as never });
    const failing = rejection(manager.fetch(url));
    await vi.waitUntil(() => vi.getTimerCount() > 0);
    own.fire('error', {});
    expect((await failing).message).toContain('serveTokenManager()');
    const waiting = rejection(manager.fetch(url));
    await vi.waitUntil(() => vi.getTimerCount() > 0);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await waiting).toBeInstanceOf(TypeError);
    vi.useRealTimers();
  });
});

describe('where there is no such worker', () => {
  test.each([
    () => undefined,
    () => new (globalThis as never as { SharedWorkerX: new () => never }).SharedWorkerX(),
    () => {
      throw new ReferenceError('SharedWorker is not defined');
    },
  ])('the remedy is said, and nothing weaker is taken: %s', (worker) => {
    const here = site(() => new BareManager());
    expect(() => here.open({ worker })).toThrow(ConfigurationError);
    expect(() => here.open({ worker })).toThrow('fallback');
    expect(() => here.open({ worker, fallback: worker })).toThrow(ConfigurationError);
  });

  test('the fallback that was asked for takes its place', async () => {
    const here = site(() => new BareManager(() => new Response('fallen back')));
    const page = here.open({ worker: () => undefined, fallback: () => here.worker.forPage() });
    expect(await (await page.fetch(url)).text()).toBe('fallen back');
  });

  test('a worker that the browser refuses is no missing worker', () => {
    const here = site(() => new BareManager());
    const worker = () => {
      throw new DOMException('cross-origin', 'SecurityError');
    };
    const fallback = vi.fn();
    expect(() => here.open({ worker, fallback })).toThrow('refuses');
    expect(fallback).not.toHaveBeenCalled();
  });

  test('nor without Web Locks', () => {
    const here = site(() => new BareManager());
    vi.stubGlobal('navigator', {});
    expect(() => here.open()).toThrow(ConfigurationError);
    expect(() => here.open()).toThrow('Web Locks');
  });
});

test('serving is for workers', () => {
  const scope = Object.assign(new EventTarget(), { postMessage: () => undefined, document: {} });
  const manager = new BareManager();
  const serve = () => serveTokenManager({ manager, protectedResources: ['https://api.test/'], scope });
  expect(serve).toThrow(ConfigurationError);
  expect(serve).toThrow(explained('connectTokenManager'));
});

test.each([{ manager: undefined }, { protectedResources: [] }, { protectedResources: ['*'] }])(
  'a wrong option is refused: %j',
  (wrong) => {
    expect(() => site(() => new BareManager(), wrong as never)).toThrow(ConfigurationError);
  },
);

test('a wrong way to a worker is refused', () => {
  expect(() => connectTokenManager({ worker: new WorkerDouble('shared') as never })).toThrow(
    explained('must be a function'),
  );
});

describe('plain requests, in a service worker', () => {
  const plain = (init: object = {}) => ({
    url,
    method: 'GET',
    mode: 'no-cors',
    destination: 'image',
    cache: 'default',
    headers: new Headers(),
    ...init,
  });

  test('get a token', async () => {
    const { server, manager } = signedOut();
    const here = site(() => manager, {}, 'service');
    await here.open().setTokens(server.signIn());
    server.expire();
    const answers = Array.from({ length: 5 }, () => here.worker.request(new Request(url)));
    for (const answer of await Promise.all(answers)) expect(answer?.status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test.each([
    ['a navigation', { mode: 'navigate', destination: 'document' }],
    ['a frame', { mode: 'navigate', destination: 'iframe' }],
    ['another place', { url: 'https://elsewhere.test/' }],
    ['a call with an Authorization of its own', { headers: new Headers({ authorization: 'Bearer own' }) }],
    ['what is only looked for in the cache', { cache: 'only-if-cached' }],
    ['an element that writes', { method: 'POST' }],
  ])('%s does not', (_, init) => {
    const main = new BareManager();
    expect(site(() => main, {}, 'service').worker.request(plain(init))).toBe(undefined);
    expect(main.requests).toEqual([]);
  });

  test('fail like one without a network when there is no token', async () => {
    const { manager } = signedOut();
    const here = site(() => manager, {}, 'service');
    expect((await here.worker.request(new Request(url)))?.type).toBe('error');
  });

  test('are left alone if that is wanted, and by other workers', () => {
    const quiet = site(() => new BareManager(), { plainRequests: false }, 'service');
    expect(quiet.worker.request(plain())).toBe(undefined);
    expect(site(() => new BareManager(), {}, 'shared').worker.request(plain())).toBe(undefined);
  });
});
