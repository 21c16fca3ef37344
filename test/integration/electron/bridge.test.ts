import {
  ConfigurationError,
  isTokenKeepError,
  LockTimeoutError,
  LoginRequiredError,
  RefreshFailedError,
  StorageError,
  TokenManager,
} from 'tokenkeep';
import { connectTokenManager, exposeTokenManager, type TokenManagerBridge } from 'tokenkeep/electron';
import { authorizationServer } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { optionsFor } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';
import { application, BareManager } from './support/application.ts';

const url = 'https://api.test/orders';

async function signedIn() {
  const server = authorizationServer();
  const manager = new TokenManager({
    ...optionsFor(server),
  });
  await manager.setTokens(server.signIn());
  return { server, manager, ...application(manager) };
}

describe('law one-login', () => {
  const post = { method: 'POST', body: 'one' };

  test('K1a: does not send a POST if another user signs in before it reaches the main process', async () => {
    const { server, manager, open } = await signedIn();
    const page = open().manager;
    expect((await page.fetch(url)).status).toBe(200);
    const call = rejection(page.fetch(url, post));
    await manager.setTokens(server.signIn({ subject: 'bob' }));
    expect(await call).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'login_changed' });
    expect(server.requests).toHaveLength(1);
    expect((await page.fetch(url, post)).status).toBe(200);
  });

  test('K1b: pages receive the replaced login; K1c: a new login of the same user interrupts no call', async () => {
    const { server, manager, open } = await signedIn();
    await manager.setTokens(server.signIn(), { subject: 'user' });
    const page = open().manager;
    const told: unknown[] = [];
    page.on('signedIn', ({ subject, replaced }) => told.push([subject, replaced?.subject]));
    expect((await page.fetch(url)).status).toBe(200);
    const call = page.fetch(url, post);
    await manager.setTokens(server.signIn(), { subject: 'user' });
    expect((await call).status).toBe(200);
    expect(told).toEqual([['user', 'user']]);
  });
});

describe('pages call the API', () => {
  test('with tokens that they never hold: none crosses to them, whatever happens', async () => {
    const { server, manager, electron, open } = await signedIn();
    const windows = [open(), open()];
    const seen = eventsOf((windows[0] as (typeof windows)[number]).manager);
    server.expire();
    const calls = windows.flatMap(({ manager }) => Array.from({ length: 10 }, () => manager.fetch(url)));
    for (const response of await Promise.all(calls)) expect(response.status).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
    server.expire();
    server.revokeFamily();
    const refused = await rejection(windows[0]?.manager.fetch(url) as Promise<Response>);
    expect(refused).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
    expect(seen.map(({ type }) => type)).toEqual(['refreshed', 'sessionEnded']);
    await manager.signOut();
    expect(electron.crossed.length).toBeGreaterThan(20);
    expect(electron.crossed.filter((text) => /(access|refresh)-[\w-]{20}/.test(text))).toEqual([]);
  });

  test('with method, headers and bytes as they are; the answer is a Response', async () => {
    const body = Uint8Array.from({ length: 70_000 }, (_, index) => index % 251);
    let received: Uint8Array | undefined;
    const main = new BareManager(async (request) => {
      received = new Uint8Array(await request.arrayBuffer());
      const response = new Response('made', { status: 201, statusText: 'Created', headers: { 'x-id': '7' } });
      return Object.defineProperty(response, 'url', { value: `${url}?seen` });
    });
    const { manager } = application(main).open();
    const request = new Request(url, { method: 'PUT', body, headers: { 'x-trace': 'a, b' } });
    const response = await manager.fetch(request, { redirect: 'manual' });
    expect(received).toEqual(body);
    expect(main.requests[0]).toMatchObject({ method: 'PUT', url, redirect: 'manual' });
    expect(main.requests[0]?.headers.get('x-trace')).toBe('a, b');
    expect(response).toMatchObject({
      status: 201,
      statusText: 'Created',
      url: `${url}?seen`,
      redirected: false,
    });
    expect(response.headers.get('x-id')).toBe('7');
    expect(await response.text()).toBe('made');
  });

  test.each([
    ['no body', new Response(null, { status: 204 }), ''],
    ['a small body', new Response('small', { headers: { 'content-length': '5' } }), 'small'],
    [
      'a small body that was packed',
      new Response('x', { headers: { 'content-length': '1', 'content-encoding': 'br' } }),
      'x',
    ],
  ])('an answer with %s', async (_, answer, text) => {
    const response = await application(new BareManager(() => answer))
      .open()
      .manager.fetch(url);
    expect(response.status).toBe(answer.status);
    expect(await response.text()).toBe(text);
  });

  test('without what only the browser or the manager may set, and they see no cookie', async () => {
    const main = new BareManager(() => {
      const headers = new Headers({ 'x-id': '7' });
      headers.append('set-cookie', 'a=1');
      return new Response(null, { headers });
    });
    const { page } = application(main).open();
    const names = [
      'Authorization',
      'DPoP',
      'Cookie',
      'Host',
      'Origin',
      'Proxy-Authorization',
      'Sec-Fetch-Site',
    ];
    const headers = [...names.map((name) => [name, 'mine']), ['x-mine', 'yes']];
    const message = {
      type: 'fetch',
      id: '1',
      url,
      method: 'GET',
      headers,
      body: undefined,
      redirect: 'follow',
    };
    const reply = (await page.bridge.call(message as never)) as { value: { headers: string[][] } };
    expect([...(main.requests[0]?.headers ?? [])]).toEqual([['x-mine', 'yes']]);
    expect(reply.value.headers).toEqual([['x-id', '7']]);
  });
});

describe('a body that comes in pieces', () => {
  /** A body that reports how far it was read, and whether it was cancelled. */
  function pieces(count: number, headers: Record<string, string> = {}) {
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
    return { state, main: new BareManager(() => new Response(stream, { headers })) };
  }

  test('is read at the pace of the page', async () => {
    const { state, main } = pieces(3);
    const response = await application(main).open().manager.fetch(url);
    expect(state.pulled).toBe(0);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (const piece of [1, 2, 3]) {
      expect(await reader.read()).toEqual({ done: false, value: Uint8Array.of(piece) });
      expect(state.pulled).toBe(piece);
    }
    expect((await reader.read()).done).toBe(true);
  });

  test('is not read ahead where it may be larger than it says: packed', async () => {
    const { state, main } = pieces(3, { 'content-length': '3', 'content-encoding': 'br' });
    const response = await application(main).open().manager.fetch(url);
    expect(state.pulled).toBe(0);
    expect((await response.arrayBuffer()).byteLength).toBe(3);
  });

  test('is aborted in the main process when the page aborts it', async () => {
    const { state, main } = pieces(3);
    const response = await application(main).open().manager.fetch(url);
    await response.body?.cancel();
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.cancelled).toBe(true);
    expect(main.requests[0]?.signal.aborted).toBe(true);
  });

  test('fails in the page when it fails in the main process', async () => {
    const main = new BareManager(
      () => new Response(new ReadableStream({ pull: (controller) => controller.error(new Error('secret')) })),
    );
    const response = await application(main).open().manager.fetch(url);
    const error = await rejection(response.text());
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe('fetch failed');
  });

  test('an abort ends it, with the reason of the page', async () => {
    const { state, main } = pieces(3);
    const controller = new AbortController();
    const response = await application(main).open().manager.fetch(url, { signal: controller.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await rejection(reader.read())).toBe(reason);
    expect(state.cancelled).toBe(true);
  });
});

describe('an abort', () => {
  test('before the call sends nothing', async () => {
    const main = new BareManager(() => new Response());
    const { manager } = application(main).open();
    const reason = new Error('enough');
    expect(await rejection(manager.fetch(url, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(main.requests).toEqual([]);
  });

  test('while the main process waits for the answer ends the request there', async () => {
    const main = new BareManager(({ signal }) => {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    const { manager } = application(main).open();
    const controller = new AbortController();
    const call = manager.fetch(url, { signal: controller.signal });
    while (main.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await rejection(call)).toBe(reason);
    expect(main.requests[0]?.signal.aborted).toBe(true);
  });
});

describe('callers', () => {
  const main = () => new BareManager(() => new Response('secret'));

  test.each([
    ['https://evil.example/', 'https://evil.example'],
    ['app://other/index.html', 'app://other'],
    ['app://main.evil/index.html', 'app://main.evil'],
    ['file:///etc/passwd', 'file://'],
    ['about:blank', 'null'],
    ['data:text/html,hi', 'null'],
    ['blob:app://main/1', 'app://main'],
    ['blob:https://app.example.com/1', 'https://app.example.com'],
    ['nonsense', 'null'],
    // A sandboxed frame: the URL is allowed, what it shows is not.
    ['app://main/index.html', 'null'],
  ])('BBA-03: a page of %s with the origin %s may not', async (pageUrl, origin) => {
    const manager = main();
    const allowedOrigins = ['app://main', 'https://app.example.com'];
    const opened = application(manager, { allowedOrigins }).open(pageUrl, origin);
    const error = await rejection(opened.manager.fetch(url));
    expect(error).toMatchObject({
      name: 'NotAllowedError',
      message: 'This page may not use the token manager.',
    });
    expect(manager.requests).toEqual([]);
  });

  test.each([
    ['https://app.example.com/a?b#c', 'https://app.example.com', 'https://app.example.com'],
    ['http://localhost:5173/', 'http://localhost:5173', 'http://localhost:5173'],
    ['app://main/deep/page.html', 'app://main', 'app://main'],
    ['file:///opt/app/index.html', 'file://', 'file://'],
    ['app://main/', undefined, 'app://main'],
  ])('a page of %s with the origin %s may where %s is allowed', async (pageUrl, origin, allowed) => {
    const { open, electron } = application(main(), { allowedOrigins: [allowed] });
    const { page, manager } = open(pageUrl, origin);
    if (origin === undefined) delete page.frame.origin;
    expect(await (await manager.fetch(url)).text()).toBe('secret');
    expect(electron.crossed.length).toBeGreaterThan(0);
  });

  test('a frame that is gone, destroyed or has navigated may not', async () => {
    const manager = main();
    const app = application(manager);
    const gone = app.open();
    gone.page.hasFrame = false;
    const destroyed = app.open();
    destroyed.page.isDestroyed = true;
    const elsewhere = app.open();
    elsewhere.page.frame.url = 'https://evil.example/';
    for (const { manager: page } of [gone, destroyed, elsewhere]) {
      expect((await rejection(page.fetch(url))).name).toBe('NotAllowedError');
    }
    expect(manager.requests).toEqual([]);
  });

  test.each([
    [[]],
    [['*']],
    [['https://*.example.com']],
    [['app://*']],
    [['https://app.example.com/']],
    [['app.example.com']],
    [['null']],
    [[7]],
    [undefined],
  ])('allowedOrigins %j are refused', (allowedOrigins) => {
    const serve = () => application(main(), { allowedOrigins: allowedOrigins as never });
    expect(serve).toThrow(ConfigurationError);
    expect(serve).toThrow('allowedOrigins');
  });
});

describe('allowed calls', () => {
  test.each([
    'https://elsewhere.test/',
    'http://localhost:8080/',
    'file:///etc/passwd',
    'https://api.test.evil/',
  ])('not %s, which is no protected resource that was named', async (elsewhere) => {
    const main = new BareManager(() => new Response('secret'));
    const error = await rejection(application(main).open().manager.fetch(elsewhere));
    expect(error).toMatchObject({ name: 'NotAllowedError' });
    expect(error.message).toContain('protectedResources');
    expect(main.requests).toEqual([]);
  });

  test('less than the manager, if less is named', async () => {
    const main = new BareManager(() => new Response('fine'));
    const app = application(main, { protectedResources: ['https://api.test/orders'] });
    expect((await app.open().manager.fetch('https://api.test/orders/7')).status).toBe(200);
    expect((await rejection(app.open().manager.fetch('https://api.test/admin'))).name).toBe(
      'NotAllowedError',
    );
  });

  test('the target of a redirect elsewhere is not returned', async () => {
    const state = { cancelled: false };
    const main = new BareManager(() => {
      const cancel = () => {
        state.cancelled = true;
      };
      const body = new ReadableStream({ cancel });
      return Object.defineProperty(new Response(body), 'url', { value: 'http://localhost:8080/internal' });
    });
    const error = await rejection(application(main).open().manager.fetch(url));
    expect(error.name).toBe('NotAllowedError');
    expect(state.cancelled).toBe(true);
  });

  test('nothing but fetch, events and sign-out: no token, and no login unless there is one', async () => {
    const main = new BareManager(() => new Response());
    const { page } = application(main).open();
    expect(Object.keys(page.world)).toEqual(['tokenkeep']);
    expect(Object.keys(page.bridge).sort()).toEqual(['call', 'listen']);
    for (const type of ['getAccessToken', 'getTokens', 'setTokens', 'login', 'constructor', '__proto__']) {
      const reply = await page.bridge.call({ type, id: '1', tokens: { access_token: 'mine' } } as never);
      expect(reply).toMatchObject({ error: { code: 'REFUSED' } });
    }
    expect(main.asked).toEqual([]);
  });

  const good = {
    type: 'fetch',
    id: '1',
    url,
    method: 'GET',
    headers: [],
    body: undefined,
    redirect: 'follow',
  };
  test.each([
    undefined,
    null,
    'fetch',
    {},
    { ...good, id: 7 },
    { ...good, url: { href: url } },
    { ...good, method: undefined },
    { ...good, headers: { accept: '*/*' } },
    { ...good, headers: [['one']] },
    { ...good, headers: [['one', 2]] },
    { ...good, body: 'text' },
    { ...good, body: new Uint8Array(101) },
    { ...good, redirect: 'elsewhere' },
    { type: 'read' },
    { type: 'cancel', id: null },
  ])('a message that no page of ours sends is refused: %j', async (message) => {
    const main = new BareManager(() => new Response());
    const { page } = application(main, { maxBody: 100 }).open();
    expect(await page.bridge.call(message as never)).toMatchObject({ error: { code: 'REFUSED' } });
    expect(main.requests).toEqual([]);
    expect(await page.bridge.call(good as never)).toMatchObject({ value: { status: 200 } });
  });

  test('not the calls of another page, and none twice', async () => {
    const main = new BareManager(() => new Response('secret'));
    const app = application(main);
    const [mine, other] = [app.open().page.bridge, app.open().page.bridge];
    const large = { ...good, type: 'fetch' } as never;
    const bodies = new BareManager(() => new Response(new ReadableStream()));
    const held = application(bodies).open().page.bridge;
    expect(await held.call(large)).toMatchObject({ value: { body: 'streamed' } });
    expect(await held.call(large)).toMatchObject({ error: { code: 'REFUSED' } });
    expect(await mine.call(large)).toMatchObject({ value: { body: 'streamed' } });
    expect(await other.call({ type: 'read', id: '1' })).toMatchObject({ error: { code: 'REFUSED' } });
    await other.call({ type: 'cancel', id: '1' });
    expect(await mine.call({ type: 'read', id: '1' })).toMatchObject({ value: expect.any(Uint8Array) });
  });
});

describe('pages sign in and out', () => {
  const tokens = { access_token: 'secret at', refresh_token: 'secret rt', expires_in: 300 };

  test('where the main process has a login: the tokens of it stay there', async () => {
    const main = new BareManager(() => new Response());
    const asked: unknown[] = [];
    const login = async (request: unknown) => {
      asked.push(request);
      return tokens;
    };
    const { electron, open } = application(main, { login });
    const { manager } = open();
    expect(await manager.login({ hint: 'ada' })).toBeUndefined();
    expect(asked).toEqual([{ hint: 'ada' }]);
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(await manager.signOut({ revoke: false })).toEqual({ revoked: true });
    expect(main.asked).toEqual([
      ['setTokens', tokens],
      ['signOut', {}],
      ['signOut', { revoke: false }],
    ]);
    expect(electron.crossed.join()).not.toContain('secret');
  });

  test('a page of elsewhere cannot', async () => {
    const main = new BareManager(() => new Response());
    const { manager } = application(main, { login: async () => tokens }).open(
      'https://evil.example/',
      'https://evil.example',
    );
    expect((await rejection(manager.login())).name).toBe('NotAllowedError');
    expect((await rejection(manager.signOut())).name).toBe('NotAllowedError');
    expect(main.asked).toEqual([]);
  });

  test('the latest login counts: one that its user has abandoned ends when the next begins, or when no manager is served', async () => {
    const main = new BareManager(() => new Response());
    const signals: AbortSignal[] = [];
    const { open, stop } = application(main, {
      login: (_, signal) =>
        new Promise((_, reject) => {
          signals.push(signal);
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
    });
    const [first, second] = [rejection(open().manager.login()), rejection(open().manager.login())];
    expect(await first).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'cancelled' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    stop();
    expect(await second).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'cancelled' });
    expect(main.asked).toEqual([]);
  });

  test('of a login that fails for a reason of its own no more is said than that', async () => {
    const login = () => Promise.reject(new Error('secret'));
    const { electron, open } = application(new BareManager(() => new Response()), { login });
    expect((await rejection(open().manager.login())).message).toBe('The login failed.');
    expect(electron.crossed.join()).not.toContain('secret');
  });

  test("'*' receives all", async () => {
    const { manager, open } = await signedIn();
    const page = open();
    const heard: string[] = [];
    page.manager.on('*', ({ type }) => heard.push(type));
    await page.manager.fetch(url);
    await page.manager.signOut();
    expect(heard).toEqual(['signedOut']);
    expect(await manager.getTokens()).toBeUndefined();
  });
});

describe('errors', () => {
  test.each([
    new LoginRequiredError('Sign in.', { reason: 'signed_out', error: 'invalid_grant' }),
    new RefreshFailedError('Later.', { sent: true, retryAfter: 5000, error: 'slow_down', status: 429 }),
    new StorageError('Full.', { operation: 'write', conflict: true }),
    new LockTimeoutError('Held.'),
    new ConfigurationError('Wrong.'),
  ])('of the class $name arrive as what they are', async (thrown) => {
    const { manager } = application(new BareManager(() => Promise.reject(thrown))).open();
    const error = await rejection(manager.fetch(url));
    expect(error).toBeInstanceOf(thrown.constructor);
    expect(isTokenKeepError(error)).toBe(true);
    expect({ ...error, message: error.message }).toEqual({ ...thrown, message: thrown.message });
  });

  test('of the network say no more than fetch does in a page', async () => {
    const thrown = new TypeError('secret', { cause: new Error('secret') });
    const app = application(new BareManager(() => Promise.reject(thrown)));
    const error = await rejection(app.open().manager.fetch(url));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe('fetch failed');
    expect(app.electron.crossed.join()).not.toContain('secret');
  });

  test('of a main process that serves nothing', async () => {
    const app = application(new BareManager(() => new Response()));
    const { manager } = app.open();
    app.stop();
    expect(app.electron.isServing).toBe(false);
    const error = await rejection(manager.fetch(url));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain('does not serve');
  });
});

describe('events', () => {
  const ended = new LoginRequiredError('Sign in.', { reason: 'invalid_grant', cause: new Error('secret') });

  test('arrive in every page that may call, with errors that are errors, and nothing that is not plain', () => {
    const main = new BareManager(() => new Response());
    const app = application(main);
    const heard: unknown[] = [];
    for (const { manager } of [app.open(), app.open()]) {
      manager.on('sessionEnded', (event) => heard.push(event));
      manager.on('refreshed', (event) => heard.push(event));
    }
    main.tell({ type: 'sessionEnded', session: 'default', error: ended, inner: { token: 'secret' } });
    main.tell({ type: 'refreshed', session: 'default', expiresAt: 7, scope: ['read'], rotated: true });
    main.tell({ type: 'listenerFailed', session: 'default', of: 'refreshed', error: new Error('secret') });
    expect(heard).toHaveLength(4);
    for (const event of heard.slice(0, 2) as { error: LoginRequiredError }[]) {
      expect(event).toMatchObject({ type: 'sessionEnded', session: 'default' });
      expect(event.error).toBeInstanceOf(LoginRequiredError);
      expect(event.error.reason).toBe('invalid_grant');
    }
    const refreshed = { type: 'refreshed', session: 'default', expiresAt: 7, scope: ['read'], rotated: true };
    expect(heard.slice(2)).toEqual([refreshed, refreshed]);
    expect(app.electron.crossed.join()).not.toContain('secret');
  });

  test('do not arrive in pages that may not call, nor where a page was', () => {
    const main = new BareManager(() => new Response());
    const app = application(main);
    const foreign = app.open('https://evil.example/', 'https://evil.example');
    const left = app.open();
    const heard: unknown[] = [];
    for (const { manager } of [foreign, left]) manager.on('signedOut', (event) => heard.push(event));
    Object.assign(left.page.frame, { url: 'https://evil.example/', origin: 'https://evil.example' });
    main.tell({ type: 'signedOut', session: 'default', where: 'here' });
    expect(heard).toEqual([]);
  });

  test('a listener that stopped receives nothing, and a page whose frame fails affects no other', () => {
    const main = new BareManager(() => new Response());
    const app = application(main);
    const [broken, good] = [app.open(), app.open()];
    broken.page.frame.send = () => {
      throw new Error('Render frame was disposed before WebFrameMain could be accessed');
    };
    let told = 0;
    const stop = good.manager.on('signedIn', () => told++);
    good.manager.on('signedIn', () => told++);
    main.tell({ type: 'signedIn', session: 'default' });
    expect(told).toBe(2);
    stop();
    main.tell({ type: 'signedIn', session: 'default' });
    expect(told).toBe(3);
  });

  test('the page does not see what Electron hands to listeners', () => {
    const main = new BareManager(() => new Response());
    const { page } = application(main).open();
    const seen: unknown[][] = [];
    page.bridge.listen((...parameters: unknown[]) => seen.push(parameters));
    main.tell({ type: 'signedIn', session: 'default' });
    expect(seen).toEqual([[{ type: 'signedIn', session: 'default' }]]);
  });
});

describe('open work of a page ends', () => {
  async function openBody() {
    const main = new BareManager(() => new Response(new ReadableStream()));
    const app = application(main);
    const { page, manager } = app.open();
    await manager.fetch(url);
    expect(main.requests[0]?.signal.aborted).toBe(false);
    return { main, app, page, isAborted: () => main.requests[0]?.signal.aborted };
  }

  test('when the next document begins in its frame, whichever it is', async () => {
    const { page, isAborted } = await openBody();
    page.navigate('https://evil.example/', 'https://evil.example');
    await page.ipcRenderer.invoke('tokenkeep', { type: 'begin' });
    expect(isAborted()).toBe(true);
  });

  test('when its window is destroyed', async () => {
    const { page, isAborted } = await openBody();
    page.destroy();
    expect(isAborted()).toBe(true);
  });

  test('when its window is destroyed, whose end is waited for once, however many documents it has shown', async () => {
    const { main, page } = await openBody();
    for (let visit = 0; visit < 20; visit++) await page.ipcRenderer.invoke('tokenkeep', { type: 'begin' });
    await connectTokenManager(page.bridge).fetch(url);
    expect(page.mourners).toBe(1);
    expect(main.requests[1]?.signal.aborted).toBe(false);
    page.destroy();
    expect(main.requests[1]?.signal.aborted).toBe(true);
  });

  test('when the main process stops serving, which also stops listening to the manager', async () => {
    const { main, app, isAborted } = await openBody();
    expect(main.listeners).toBeGreaterThan(5);
    app.stop();
    expect(isAborted()).toBe(true);
    expect(main.listeners).toBe(0);
  });

  test('and not when another window goes', async () => {
    const { app, isAborted } = await openBody();
    app.open().page.destroy();
    expect(isAborted()).toBe(false);
  });
});

test('without a main process that serves, the preload script does no harm', async () => {
  const { electron, open, stop } = application(new BareManager(() => new Response()));
  stop();
  const { manager } = open();
  await expect(manager.fetch(url)).rejects.toThrow('does not serve');
  expect(electron.crossed).toEqual([]);
});

test('several managers, each on its channel and under its name', async () => {
  const { electron } = application(new BareManager(() => new Response('one')), { channel: 'one' });
  const page = electron.window();
  exposeTokenManager({ ...page, channel: 'one', name: 'first' });
  expect(Object.keys(page.world)).toEqual(['first']);
  const { fetch } = connectTokenManager(page.world['first'] as TokenManagerBridge);
  expect(await (await fetch(url)).text()).toBe('one');
});

test.each([
  { ipcMain: undefined },
  { manager: undefined },
  { protectedResources: [] },
  { protectedResources: ['*'] },
])('a wrong option is refused: %j', (wrong) => {
  expect(() => application(new BareManager(() => new Response()), wrong as never)).toThrow(
    ConfigurationError,
  );
});
