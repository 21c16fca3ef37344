/** The place on this machine, over real HTTP: who may come back, and that nothing is left of it. */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { type LoopbackLoginOptions, loopbackLogin, openSystemBrowser } from 'tokenkeep/login';
import { describe, expect, test, vi } from 'vitest';
import { rejection } from '../../support/promises.ts';
import { answered, scene } from './support/server.ts';

/** A login whose browser is the test. */
async function begin(options: Partial<LoopbackLoginOptions> = {}) {
  const { client, clock, net } = scene();
  const opened = Promise.withResolvers<string>();
  const login = loopbackLogin({ ...client, scope: ['read'], open: opened.resolve, ...options });
  login.catch(opened.reject);
  const url = await opened.promise;
  const redirectUri = new URL(url).searchParams.get('redirect_uri') ?? '';
  return { login, clock, net, url, redirectUri };
}

/** A request with any Host header, any method and any target. */
function ask(target: string, { host = new URL(target).host, method = 'GET', path = '' } = {}) {
  const { hostname, port, pathname, search } = new URL(target);
  return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
    const options = {
      host: hostname.replace(/[[\]]/g, ''),
      port,
      method,
      path: path || pathname + search,
      headers: { host },
    };
    const sent = httpRequest(options, async (response) => {
      const chunks = await Array.fromAsync(response);
      resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() });
    });
    sent.on('error', reject).end();
  });
}

/** `true` when nothing listens. */
const isFree = (url: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('connect', () => resolve(socket.destroy() === undefined));
    socket.on('error', () => resolve(true));
  });

test('comes back to 127.0.0.1 on any port, shows a page, and listens no more (8252-02)', async () => {
  const { login, net, url, redirectUri } = await begin();
  expect(redirectUri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
  const response = await fetch(answered(url));
  const page = await response.text();
  expect(response.status).toBe(200);
  expect(page).toContain('You can close this page');
  expect(page).not.toMatch(/the-code|<script|src=|href=|https?:/);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
  });
  expect((await login).tokens).toMatchObject({ accessToken: 'access-1', refreshToken: 'refresh-1' });
  expect(net.sent[0]?.form.get('redirect_uri')).toBe(redirectUri);
  expect(net.sent[0]?.form.get('code_verifier')?.length).toBeGreaterThanOrEqual(43);
  expect(await isFree(redirectUri)).toBe(true);
});

test('takes the path that is registered', async () => {
  const { login, url, redirectUri } = await begin({ path: '/oauth/done' });
  expect(new URL(redirectUri).pathname).toBe('/oauth/done');
  await fetch(answered(url));
  expect((await login).tokens.accessToken).toBe('access-1');
});

describe('answers 404 and continues waiting', () => {
  type Attack = [string, (answer: URL) => Parameters<typeof ask>];
  const attacks: Attack[] = [
    ['another path', (answer) => [new URL(answer.href.replace('/callback', '/other')).href]],
    ['another state', (answer) => [answer.href.replace(/state=[^&]+/, 'state=guessed')]],
    ['no state', (answer) => [answer.href.replace(/state=[^&]+/, '')]],
    ['two states', (answer) => [`${answer.href}&state=x`]],
    ['another method', (answer) => [answer.href, { method: 'POST' }]],
    [
      'a name that was bound to this address anew',
      (answer) => [answer.href, { host: `evil.test:${answer.port}` }],
    ],
    ['the right address without its port', (answer) => [answer.href, { host: '127.0.0.1' }]],
    ['localhost', (answer) => [answer.href, { host: `localhost:${answer.port}` }]],
    ['a target of another host', (answer) => [answer.href, { path: `//evil.test/callback${answer.search}` }]],
    [
      'a whole URL of another host',
      (answer) => [answer.href, { path: `http://evil.test/callback${answer.search}` }],
    ],
  ];

  test.each(attacks)('to %s', async (_name, attack) => {
    const { login, net, url } = await begin();
    const answer = answered(url, {}, 'attack');
    expect(await ask(...attack(answer))).toEqual({ status: 404, body: '' });
    expect(net.sent).toEqual([]);
    await fetch(answered(url));
    await login;
    expect(net.sent.map(({ form }) => form.get('code'))).toEqual(['the-code']);
  });

  test('to the second answer of two', async () => {
    const { login, net, url } = await begin();
    const statuses = await Promise.allSettled([
      ask(answered(url).href),
      ask(answered(url, {}, 'second').href),
    ]);
    await login;
    const good = statuses.filter((one) => one.status === 'fulfilled' && one.value.status === 200);
    expect(good.length).toBe(1);
    expect(net.sent.length).toBe(1);
  });
});

describe('ends, and listens no more', () => {
  test('when the answer is from another server (9207-01)', async () => {
    const { login, net, url, redirectUri } = await begin();
    await fetch(answered(url, { iss: 'https://evil.test' }));
    expect(await rejection(login)).toMatchObject({ reason: 'invalid_response' });
    expect(net.sent).toEqual([]);
    expect(await isFree(redirectUri)).toBe(true);
  });

  test('when the user says no: nothing of what the server says is on the page', async () => {
    const { login, url, redirectUri } = await begin();
    const script = '<script>alert(1)</script>';
    const answer = answered(url, { code: '', error: 'access_denied', error_description: script });
    expect(await (await fetch(answer)).text()).not.toContain('alert');
    expect(await rejection(login)).toMatchObject({ reason: 'refused', error: 'access_denied' });
    expect(await isFree(redirectUri)).toBe(true);
  });

  test('when nobody comes back in time', async () => {
    const { login, clock, redirectUri } = await begin({ lifetime: 60_000 });
    await clock.advance(60_000);
    expect(await rejection(login)).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'timed_out' });
    expect([await isFree(redirectUri), clock.timers]).toEqual([true, 0]);
  });

  test('when the application aborts, also with a silent connection', async () => {
    const controller = new AbortController();
    const { login, clock, redirectUri } = await begin({ signal: controller.signal });
    const silent = connect(Number(new URL(redirectUri).port), '127.0.0.1');
    const closed = new Promise((resolve) => silent.on('close', resolve).on('error', () => undefined));
    await new Promise((resolve) => silent.on('connect', resolve));
    controller.abort(new Error('enough'));
    await expect(login).rejects.toThrow('enough');
    await closed;
    expect([await isFree(redirectUri), clock.timers]).toEqual([true, 0]);
  });

  test('when the browser cannot be opened', async () => {
    let redirectUri = '';
    const open = (url: string) => {
      redirectUri = new URL(url).searchParams.get('redirect_uri') ?? '';
      throw new Error('no display');
    };
    await expect(loopbackLogin({ ...scene().client, open })).rejects.toThrow('no display');
    expect(await isFree(redirectUri)).toBe(true);
  });
});

describe('the system’s browser', () => {
  /** The commands that would be started, with children of which those that `exist` do start. */
  function platform(name: string, exist: readonly string[], env = {}) {
    const started = Promise.withResolvers<unknown[]>();
    const tried: string[] = [];
    const http = process.getBuiltinModule('node:http');
    const spawn = (...parameters: [command: string, ...unknown[]]) => {
      const event = exist.includes(parameters[0]) ? 'spawn' : 'error';
      tried.push(parameters[0]);
      if (event === 'spawn') started.resolve(parameters);
      return {
        once: (type: string, listener: (error?: Error) => void) => {
          if (type === event) listener(new Error('spawn ENOENT the-url'));
        },
        unref: () => undefined,
      };
    };
    const getBuiltinModule = (wanted: string) => (wanted === 'child_process' ? { spawn } : http);
    vi.stubGlobal('process', { ...process, platform: name, env, getBuiltinModule });
    return { started: started.promise, tried };
  }

  test.each([
    ['linux', 'xdg-open', []],
    ['darwin', 'open', []],
    ['win32', 'rundll32', ['url.dll,FileProtocolHandler']],
  ])('of %s is opened without a shell', async (name, command, before) => {
    const { started } = platform(name, [command]);
    const { client } = scene();
    const controller = new AbortController();
    const login = loopbackLogin({ ...client, signal: controller.signal });
    login.catch(() => undefined);
    const [program, parameters, options] = (await started) as [string, string[], object];
    controller.abort(new Error('enough'));
    await expect(login).rejects.toThrow('enough');
    expect([program, parameters.slice(0, -1)]).toEqual([command, before]);
    expect(parameters.at(-1)).toMatch(/^https:\/\/as\.test\/authorize\?/);
    expect(options).toEqual({ detached: true, stdio: 'ignore' });
  });

  test('that is not there is an error that says what to do', async () => {
    platform('linux', []);
    const error = await rejection(loopbackLogin({ ...scene().client }));
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(error.message).toContain('Pass the option open');
  });

  test('is what BROWSER names; where that is no program, the system has its way of reading it', async () => {
    const url = 'https://as.test/authorize?state=s';
    const known = platform('linux', ['/opt/browser', 'xdg-open'], { BROWSER: '/opt/browser' });
    await openSystemBrowser(url);
    expect([known.tried, (await known.started)[1]]).toEqual([['/opt/browser'], [url]]);
    const list = platform('linux', ['xdg-open'], { BROWSER: 'one:two %s' });
    await openSystemBrowser(url);
    expect(list.tried).toEqual(['one:two %s', 'xdg-open']);
  });

  test.each(['file:///etc/passwd', '--help', 'calculator:', 'javascript:alert(1)', ''])(
    'is not asked to open %o',
    async (url) => {
      const { tried } = platform('linux', ['xdg-open']);
      expect(await rejection(openSystemBrowser(url))).toMatchObject({ code: 'ERR_CONFIGURATION' });
      expect(tried).toEqual([]);
    },
  );
});

test('elsewhere than in Node it says what to use', async () => {
  vi.stubGlobal('process', undefined);
  const error = await rejection(loopbackLogin({ ...scene().client, open: () => undefined }));
  expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
  expect(error.message).toContain('popupLogin()');
});

test.each([{ path: 'callback' }, { path: '/a?b' }, { path: '//x' }, { host: 'localhost' }, { lifetime: 0 }])(
  'refuses %o before anything listens',
  async (change) => {
    const open = vi.fn();
    const login = loopbackLogin({ ...scene().client, open, ...change } as LoopbackLoginOptions);
    expect(await rejection(login)).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(open).not.toHaveBeenCalled();
  },
);
