import {
  type ClientAuthentication,
  type LoginRequiredError,
  memoryStorage,
  StorageError,
  TokenManager,
  type TokenManagerOptions,
} from 'tokenkeep';
import { clientSecretBasic, clientSecretPost } from 'tokenkeep/client-authentication';
import { authorizationServer, faults, testClock } from 'tokenkeep/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';
import { optionsFor } from '../../support/open-manager.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => vi.useRealTimers());

interface Revocation {
  readonly text: string;
  readonly body: URLSearchParams;
  readonly headers: Headers;
  readonly url: string;
  readonly redirect: string;
  readonly method: string;
}

type Answer = (revocation: Revocation, count: number) => Response | Promise<Response>;

/** A manager whose revocation endpoint answers as configured. */
async function signedIn(answer: Answer, options: Partial<TokenManagerOptions> = {}, tokens = {}) {
  const revocations: Revocation[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { url, headers, redirect, method, signal } = request;
    const text = await request.text();
    revocations.push({ url, headers, redirect, method, text, body: new URLSearchParams(text) });
    signal.throwIfAborted();
    const aborted = new Promise<never>((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    );
    return await Promise.race([answer(revocations.at(-1) as Revocation, revocations.length), aborted]);
  };
  const manager = new TokenManager({
    clientId: 'app',
    authorizationServer: {
      tokenEndpoint: 'https://as.example.com/token',
      revocationEndpoint: 'https://as.example.com/revoke?tenant=1',
    },
    protectedResources: ['https://api.example.com/'],
    fetch,
    ...options,
  });
  await manager.setTokens({ access_token: 'access', refresh_token: 'refresh', expires_in: 3600, ...tokens });
  return { manager, revocations };
}

const endless = () => new ReadableStream({ pull: (sink) => sink.enqueue(new Uint8Array(65_536)) });
const status =
  (code: number, headers: HeadersInit = {}) =>
  () =>
    new Response(null, { status: code, headers });
const unsupported = () => Response.json({ error: 'unsupported_token_type' }, { status: 400 });
const asked = (revocations: readonly Revocation[]) =>
  revocations.map(({ body }) => [body.get('token_type_hint'), body.get('token')]);

/** Runs timers while something is waited for. */
async function passing<T>(promise: Promise<T>): Promise<T> {
  let over = false;
  const done = promise.finally(() => {
    over = true;
  });
  done.catch(() => undefined);
  while (!over) {
    await vi.advanceTimersByTimeAsync(100);
    await new Promise(setImmediate);
  }
  return await done;
}

async function expectGone(manager: TokenManager) {
  expect(await manager.getTokens()).toBeUndefined();
  await expect(manager.getAccessToken()).rejects.toMatchObject({ reason: 'signed_out' });
  await expect(manager.fetch('https://api.example.com/')).rejects.toMatchObject({ reason: 'signed_out' });
}

describe('the requests to the server (7009-01, 7009-02, 7009-03)', () => {
  test('a POST with the refresh token as a form, nothing in the URL, no redirect followed', async () => {
    const { manager, revocations } = await signedIn(status(200));
    expect(await manager.signOut()).toEqual({ revoked: true });
    const [one, ...more] = revocations;
    expect(more).toEqual([]);
    expect(one).toMatchObject({
      method: 'POST',
      url: 'https://as.example.com/revoke?tenant=1',
      redirect: 'manual',
    });
    expect(one?.headers.get('content-type')).toMatch(/^application\/x-www-form-urlencoded/);
    expect(Object.fromEntries(one?.body ?? [])).toEqual({
      token: 'refresh',
      token_type_hint: 'refresh_token',
      client_id: 'app',
    });
    await expectGone(manager);
  });

  test('the access token where there is no refresh token', async () => {
    const { manager, revocations } = await signedIn(status(200), {}, { refresh_token: undefined });
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(asked(revocations)).toEqual([['access_token', 'access']]);
  });

  test.each<[string, ClientAuthentication, string | null, object]>([
    ['Basic', clientSecretBasic('s3cret'), `Basic ${btoa('app:s3cret')}`, {}],
    ['in the body', clientSecretPost('s3cret'), null, { client_id: 'app', client_secret: 's3cret' }],
  ])('with the authentication of the client: %s', async (_name, clientAuthentication, header, members) => {
    const { manager, revocations } = await signedIn(status(200), { clientAuthentication });
    await manager.signOut();
    const [{ headers, body } = { headers: new Headers(), body: new URLSearchParams() }] = revocations;
    expect(headers.get('authorization')).toBe(header);
    expect(Object.fromEntries(body)).toEqual({
      token: 'refresh',
      token_type_hint: 'refresh_token',
      ...members,
    });
  });

  test('as JSON where the server takes no forms, with the headers of token requests', async () => {
    const { manager, revocations } = await signedIn(status(204), {
      authorizationServer: {
        tokenEndpoint: 'https://as.example.com/token',
        revocationEndpoint: 'https://as.example.com/revoke',
        profile: { requestEncoding: 'json' },
      },
      tokenRequest: { headers: { 'x-tenant': 'one' } },
    });
    expect(await manager.signOut()).toEqual({ revoked: true });
    const [sent] = revocations;
    expect(sent?.headers.get('content-type')).toBe('application/json');
    expect(sent?.headers.get('x-tenant')).toBe('one');
    expect(JSON.parse(sent?.text ?? '')).toEqual({
      token: 'refresh',
      token_type_hint: 'refresh_token',
      client_id: 'app',
    });
  });

  test('the newest refresh token, when a refresh is in progress', async () => {
    vi.useRealTimers();
    const server = authorizationServer();
    const manager = new TokenManager({
      ...optionsFor(server),
    });
    await manager.setTokens(server.signIn());
    const release = server.hold({ on: 'token', commits: true });
    const token = (await manager.getTokens())?.accessToken;
    const refresh = manager.getAccessToken({ rejectedToken: token ?? '' }).catch((error: unknown) => error);
    await release.arrived();
    const leaving = manager.signOut();
    release();
    expect(await leaving).toEqual({ revoked: true });
    expect(((await refresh) as LoginRequiredError).reason).toBe('signed_out');
    expect(server.counts).toMatchObject({ refreshes: 1, familiesRevoked: 1, reuses: 0 });
    expect(server.isActive(server.currentRefreshToken() ?? '')).toBe(false);
  });
});

describe('{ revoked } is true only after a confirmation, and signing out here does not depend on it', () => {
  test.each([200, 201, 202, 204])('%i is a confirmation, whatever its body (7009-04)', async (code) => {
    const body = code === 204 ? null : '{"error":"unsupported_token_type"}';
    const { manager, revocations } = await signedIn(() => new Response(body, { status: code }));
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(revocations).toHaveLength(1);
    await expectGone(manager);
  });

  test.each([
    ['400', 400, () => Response.json({ error: 'invalid_request' }, { status: 400 })],
    ['401 invalid_client', 401, () => Response.json({ error: 'invalid_client' }, { status: 401 })],
    ['404', 404, status(404)],
    ['302', 302, status(302, { location: 'https://elsewhere.example/' })],
    ['307', 307, status(307, { location: 'https://elsewhere.example/' })],
    ['500', 500, status(500)],
    ['HTML', 403, () => new Response('<h1>no', { status: 403 })],
    ['a page without an end', 403, () => new Response(endless(), { status: 403 })],
  ])('%s is a refusal, and is not asked again', async (_name, code, answer) => {
    const { manager, revocations } = await signedIn(answer);
    const refused = { revoked: false, reason: 'refused', status: code };
    expect(await passing(manager.signOut({ timeout: 60_000 }))).toEqual(refused);
    expect(revocations).toHaveLength(1);
    await expectGone(manager);
  });

  test.each([
    ['without Retry-After', {}],
    ['with Retry-After: 1', { 'retry-after': '1' }],
    ['with Retry-After as a date', { 'retry-after': new Date(Date.now() + 1_000).toUTCString() }],
  ])(
    '503 means that the token is still there: it is asked once more, %s (7009-06)',
    async (_name, headers) => {
      const { manager, revocations } = await signedIn((_revocation, count) =>
        count === 1 ? status(503, headers)() : status(200)(),
      );
      expect(await passing(manager.signOut())).toEqual({ revoked: true });
      expect(asked(revocations)).toEqual([
        ['refresh_token', 'refresh'],
        ['refresh_token', 'refresh'],
      ]);
    },
  );

  test('503 twice is no confirmation, and the session has ended here', async () => {
    const { manager, revocations } = await signedIn(status(503));
    expect(await passing(manager.signOut())).toEqual({ revoked: false, reason: 'refused', status: 503 });
    expect(revocations).toHaveLength(2);
    await expectGone(manager);
  });

  test.each(['retry-after', 'x-retry-after'])('a long %s is not waited for', async (header) => {
    const { manager, revocations } = await signedIn(status(503, { [header]: '3600' }));
    const before = Date.now();
    expect(await passing(manager.signOut())).toMatchObject({ revoked: false, reason: 'refused' });
    expect(Date.now() - before).toBeLessThan(60_000);
    expect(revocations).toHaveLength(1);
  });

  test('unsupported_token_type: the access token then (7009-05)', async () => {
    const { manager, revocations } = await signedIn(({ body }) =>
      body.get('token_type_hint') === 'refresh_token' ? unsupported() : status(200)(),
    );
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(asked(revocations)).toEqual([
      ['refresh_token', 'refresh'],
      ['access_token', 'access'],
    ]);
  });

  test('unsupported_token_type for both is no confirmation', async () => {
    const { manager, revocations } = await signedIn(unsupported);
    expect(await manager.signOut()).toEqual({ revoked: false, reason: 'unsupported', status: 400 });
    expect(revocations).toHaveLength(2);
    await expectGone(manager);
  });

  test.each([
    ['unreachable', true],
    ['offline', false],
  ])('a network that fails is asked twice: %s', async (reason, onLine) => {
    vi.stubGlobal('navigator', { onLine });
    const { manager, revocations } = await signedIn(() => Promise.reject(new TypeError('fetch failed')));
    const result = await passing(manager.signOut());
    expect(result).toMatchObject({ revoked: false, reason, cause: { message: 'fetch failed' } });
    expect(revocations).toHaveLength(2);
    await expectGone(manager);
  });

  test('a network that fails once is no reason', async () => {
    const { manager } = await signedIn((_revocation, count) =>
      count === 1 ? Promise.reject(new TypeError('fetch failed')) : status(200)(),
    );
    expect(await passing(manager.signOut())).toEqual({ revoked: true });
  });

  test('a response from another URL confirms nothing (K5a)', async () => {
    const { manager, revocations } = await signedIn(() =>
      Object.defineProperty(new Response(), 'redirected', { value: true }),
    );
    const result = await passing(manager.signOut());
    expect(result).toMatchObject({
      revoked: false,
      reason: 'redirected',
      cause: { name: 'RedirectFollowedError' },
    });
    expect(revocations).toHaveLength(1);
  });

  test('client authentication that fails: nothing is sent, and the cause says why', async () => {
    const authenticate = () => Promise.reject(new Error('no key for refresh'));
    const clientAuthentication = { method: 'own', authenticate };
    const { manager, revocations } = await signedIn(status(200), { clientAuthentication });
    const result = await passing(manager.signOut());
    expect(result).toMatchObject({ reason: 'not_sent', cause: { message: 'no key for [redacted]' } });
    expect(revocations).toEqual([]);
  });

  test('a slow response: the reason is timed_out after 2 s, and an event reports the result (K8b)', async () => {
    const answer = Promise.withResolvers<Response>();
    const { manager } = await signedIn(() => answer.promise);
    const events: unknown[] = [];
    manager.on('revocationFinished', (event) => events.push(event));
    const leaving = manager.signOut();
    await expectGone(manager);
    await vi.advanceTimersByTimeAsync(1_999);
    let result: unknown;
    void leaving.then((value) => {
      result = value;
    });
    await new Promise(setImmediate);
    expect(result).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await leaving).toEqual({ revoked: false, reason: 'timed_out' });
    expect(events).toEqual([]);
    answer.resolve(new Response());
    await vi.waitUntil(() => events.length === 1);
    expect(events).toEqual([
      { type: 'revocationFinished', session: 'default', login: expect.any(String), revoked: true },
    ]);
  });

  test('no response at all: the manager emits the event after its timeout', async () => {
    const { manager } = await signedIn(() => new Promise<never>(() => undefined), { timeout: 5_000 });
    const events: unknown[] = [];
    manager.on('revocationFinished', (event) => events.push(event));
    expect(await passing(manager.signOut({ timeout: 0 }))).toEqual({ revoked: false, reason: 'timed_out' });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(events).toMatchObject([
      { revoked: false, reason: 'timed_out', cause: { message: 'No response within 5000 ms.' } },
    ]);
  });

  test('a sign-out that waits for the result emits no revocationFinished', async () => {
    const { manager } = await signedIn(status(200));
    const events: unknown[] = [];
    manager.on('revocationFinished', (event) => events.push(event));
    await manager.signOut();
    await new Promise(setImmediate);
    expect(events).toEqual([]);
  });

  test.each([-1, Number.NaN, 2 ** 31, '2s', null])('signOut({ timeout: %s }) is refused', async (timeout) => {
    const { manager, revocations } = await signedIn(status(200));
    await expect(manager.signOut({ timeout: timeout as never })).rejects.toThrow(
      explained(/timeout must be a number of mil/),
    );
    expect(await manager.getTokens()).toBeDefined();
    expect(revocations).toEqual([]);
  });

  test('signOut({ revoke }) is refused where it is no boolean', async () => {
    const { manager } = await signedIn(status(200));
    await expect(manager.signOut({ revoke: 'no' as never })).rejects.toThrow(
      explained(/revoke must be true or false/),
    );
  });

  test('a confirmation whose body has no end is one', async () => {
    const cancelled = vi.fn();
    const body = () => new ReadableStream({ cancel: cancelled });
    const { manager } = await signedIn(() => new Response(body(), { status: 200 }));
    expect(await passing(manager.signOut())).toEqual({ revoked: true });
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  test('without a revocation endpoint nothing is confirmed', async () => {
    const { manager, revocations } = await signedIn(status(200), {
      authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
    });
    expect(await manager.signOut()).toEqual({ revoked: false, reason: 'no_endpoint' });
    expect(revocations).toEqual([]);
    await expectGone(manager);
  });

  test('an authorization server that cannot be found out is not asked', async () => {
    const { manager, revocations } = await signedIn(status(200), {
      authorizationServer: () => Promise.reject(new Error('offline')),
    });
    const result = await manager.signOut();
    expect(result).toMatchObject({ revoked: false, reason: 'not_sent', cause: { message: 'offline' } });
    expect(revocations).toEqual([]);
    await expectGone(manager);
  });

  test('revoke: false asks nobody', async () => {
    const { manager, revocations } = await signedIn(status(200));
    expect(await manager.signOut({ revoke: false })).toEqual({ revoked: false, reason: 'not_requested' });
    expect(revocations).toEqual([]);
    await expectGone(manager);
  });

  test('signing out twice asks once, and the second time has nothing to confirm', async () => {
    const { manager, revocations } = await signedIn(status(200));
    const both = await Promise.all([manager.signOut(), manager.signOut()]);
    expect(both.map(({ revoked }) => revoked).sort()).toEqual([false, true]);
    expect(await manager.signOut()).toEqual({ revoked: false, reason: 'no_tokens' });
    expect(revocations).toHaveLength(1);
  });
});

describe('a signal ends the wait for the server only', () => {
  test.each(['before', 'during'])('aborted %s', async (when) => {
    const { manager } = await signedIn(() => new Promise<never>(() => undefined));
    const controller = new AbortController();
    if (when === 'before') controller.abort();
    const leaving = manager.signOut({ signal: controller.signal });
    await new Promise(setImmediate);
    controller.abort();
    expect(await leaving).toEqual({ revoked: false, reason: 'aborted' });
    await expectGone(manager);
  });

  test('the request continues, and an event reports its result', async () => {
    const answer = Promise.withResolvers<Response>();
    const { manager } = await signedIn(() => answer.promise);
    const events: unknown[] = [];
    manager.on('revocationFinished', (event) => events.push(event));
    expect(await manager.signOut({ signal: AbortSignal.abort() })).toEqual({
      revoked: false,
      reason: 'aborted',
    });
    answer.resolve(new Response());
    await vi.waitUntil(() => events.length === 1);
    expect(events).toEqual([
      { type: 'revocationFinished', session: 'default', login: expect.any(String), revoked: true },
    ]);
  });
});

describe('no API call is made with a token that is being revoked (7009-07, 7009-08)', () => {
  test('from the moment that signOut is called', async () => {
    const { manager, revocations } = await signedIn(() => new Promise<never>(() => undefined));
    const controller = new AbortController();
    const leaving = manager.signOut({ signal: controller.signal });
    await expect(manager.fetch('https://api.example.com/')).rejects.toMatchObject({ reason: 'signed_out' });
    controller.abort();
    await leaving;
    expect(revocations.every(({ url }) => url.includes('/revoke'))).toBe(true);
  });
});

describe('a storage that does not delete', () => {
  test('is an error; the server was asked, and nothing is used here any more', async () => {
    const storage = memoryStorage();
    const { manager, revocations } = await signedIn(status(200), { storage });
    vi.spyOn(storage, 'delete').mockRejectedValue(new Error('disk full'));
    const error = await manager.signOut().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ operation: 'delete' });
    expect(asked(revocations)).toEqual([['refresh_token', 'refresh']]);
    await expectGone(manager);
  });
});

describe('late tokens', () => {
  test('that come after a sign-out are revoked, and the event says whether', async () => {
    vi.useRealTimers();
    const clock = testClock();
    const server = authorizationServer({ clock });
    const options = {
      ...optionsFor(server),
      clock,
    };
    const manager = new TokenManager(options);
    const heard = vi.fn();
    manager.on('lateTokensDiscarded', heard);
    await manager.setTokens(server.signIn());
    server.fail(faults.oauthError('invalid_client', 401), { on: 'revocation' });
    const release = server.hold({ on: 'token', commits: true });
    const refresh = manager.getAccessToken({ rejectedToken: server.currentAccessToken() ?? '' });
    refresh.catch(() => undefined);
    await release.arrived();
    const leaving = manager.signOut({ revoke: false });
    release();
    await leaving;
    await vi.waitUntil(() => heard.mock.calls.length === 1);
    const refused = { revoked: false, reason: 'refused', status: 401 };
    expect(heard.mock.calls).toEqual([
      [{ type: 'lateTokensDiscarded', session: 'default', login: expect.any(String), ...refused }],
    ]);
  });

  test('decide what signOut() reports: the refresh token before them is spent', async () => {
    vi.useRealTimers();
    const server = authorizationServer();
    const options = {
      ...optionsFor(server),
    };
    const outcomes = await Promise.all(
      [0, 1].map(async (failing) => {
        const manager = new TokenManager({ ...options, session: `user-${failing}` });
        await manager.setTokens(server.signIn());
        return manager;
      }),
    );
    const leave = async (manager: TokenManager, afterwards: () => void) => {
      const { accessToken = '' } = (await manager.getTokens()) ?? {};
      const release = server.hold({ on: 'token', commits: true });
      const refresh = manager.getAccessToken({ rejectedToken: accessToken });
      refresh.catch(() => undefined);
      await release.arrived();
      const leaving = manager.signOut();
      afterwards();
      release();
      return await leaving;
    };
    const [one, other] = outcomes as [TokenManager, TokenManager];
    // The late tokens are revoked, so the refresh token that was spent for them does not matter.
    expect(await leave(one, () => undefined)).toEqual({ revoked: true });
    expect(server.counts.revocations).toBe(1);
    // The late tokens stay valid, whatever the server answers about the refresh token that was spent for them.
    const refusing = () => server.fail(faults.oauthError('invalid_client', 401), { on: 'revocation' });
    expect(await leave(other, refusing)).toEqual({ revoked: false, reason: 'refused', status: 401 });
  });
});
