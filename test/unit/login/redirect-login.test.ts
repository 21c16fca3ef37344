/** A login by redirect as one object: it redirects once, finishes once, and is never left half done. */
import { inspect, memoryStorage, TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { dpop } from 'tokenkeep/dpop';
import { type RedirectLoginOptions, redirectLogin, startLogin } from 'tokenkeep/login';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';
import { Page } from '../../support/page.ts';
import { rejection } from '../../support/promises.ts';
import type { Place } from '../../support/wire.ts';
import { answered, as, granting, idToken, scene } from './support/server.ts';

const home = 'https://app.test/orders?page=2';
const callback = 'https://app.test/callback';
const server = { ...as, revocationEndpoint: 'https://as.test/revoke' };
const claims = { iss: as.issuer, sub: 'ada', aud: 'app', exp: 2_000_000_000 };

/** The token endpoint gives an ID token with the nonce of the login that asks. */
const identified =
  (pending: Map<string, string>, change: object = {}): Place =>
  (request, count) => {
    const nonce = /"nonce":"([^"]+)"/.exec([...seen, ...pending.values()].join())?.[1];
    return granting({ id_token: idToken({ ...claims, nonce, ...change }) })(request, count);
  };
let seen: string[] = [];
beforeEach(() => {
  seen = [];
});

interface Given {
  readonly login?: Partial<RedirectLoginOptions>;
  readonly manager?: Partial<TokenManagerOptions>;
  readonly claims?: object;
  readonly places?: Readonly<Record<string, Place>>;
  readonly at?: string;
}

function site({ login = {}, manager: more = {}, claims: change, places = {}, at = home }: Given = {}) {
  const pending = new Map<string, string>();
  const { client, clock, net } = scene({
    [as.tokenEndpoint]: identified(pending, change),
    [server.revocationEndpoint]: () => new Response(null),
    ...places,
  });
  const page = new Page(at);
  const manager = new TokenManager({
    ...client,
    authorizationServer: server,
    protectedResources: ['https://api.test/'],
    ...more,
  });
  const events: string[] = [];
  manager.on('*', ({ type }) => void events.push(type));
  const options = {
    manager,
    page,
    redirectUri: '/callback',
    scope: ['openid'],
    pending: () => pending,
    ...login,
  };
  const redirect = redirectLogin(options);
  /** Sends the user to the server and back. The page is then a new one. */
  const visit = async (begin: Parameters<typeof redirect.begin>[0] = {}, change = {}): Promise<Page> => {
    const sent = page.sent.length;
    redirect.begin(begin).catch(() => undefined);
    await vi.waitUntil(() => page.sent.length > sent);
    page.leave();
    page.show(); // pending calls of begin() settle: the next login is a new one
    seen = [...pending.values()];
    page.location.href = answered(page.sent.at(-1) ?? '', change).href;
    return page;
  };
  const sentTo = (url: string) => net.sent.filter((one) => one.url === url);
  return { client, clock, net, pending, page, manager, events, options, redirect, visit, sentTo };
}

describe('begin()', () => {
  test('redirects the user, and is pending until the page unloads', async () => {
    const { redirect, page, pending, clock } = site();
    let isOver = false;
    const begun = redirect.begin().finally(() => {
      isOver = true;
    });
    await vi.waitUntil(() => page.sent.length > 0);
    expect(Object.fromEntries(new URL(page.sent[0] ?? '').searchParams)).toMatchObject({
      client_id: 'app',
      redirect_uri: callback,
      scope: 'openid',
    });
    page.leave();
    await clock.advance(600_000);
    expect([isOver, pending.size]).toEqual([false, 1]);
    // "Back": the page is shown again as it was.
    page.show(false);
    expect(isOver).toBe(false);
    page.show();
    await begun;
    expect([page.listening, clock.timers]).toEqual([0, 0]);
  });

  test('K8a: a guard that calls it in a loop makes one authorization request and one pending login', async () => {
    const { redirect, page, pending, options } = site();
    const calls = Array.from({ length: 239 }, (_, index) =>
      (index % 2 ? redirect : redirectLogin(options)).begin(),
    );
    await vi.waitUntil(() => page.sent.length > 0);
    calls.push(redirect.begin());
    page.leave();
    page.show();
    await Promise.all(calls);
    expect([page.sent.length, pending.size]).toEqual([1, 1]);
    // Afterwards it is another login.
    void redirect.begin();
    await vi.waitUntil(() => page.sent.length > 1);
    expect(pending.size).toBe(2);
  });

  test('times out if the page does not unload, and the next call begins a new login', async () => {
    const { redirect, page, clock } = site();
    const failing = rejection(redirect.begin());
    await vi.waitUntil(() => page.sent.length > 0);
    await clock.advance(30_000);
    expect(await failing).toMatchObject({ code: 'ERR_LOGIN_FAILED', reason: 'timed_out' });
    void redirect.begin();
    await vi.waitUntil(() => page.sent.length > 1);
  });

  test('a caller that aborts does not affect the others; when all have aborted, the page stays', async () => {
    const found = Promise.withResolvers<typeof server>();
    const find = vi.fn(() => found.promise);
    const { redirect, page, pending } = site({ manager: { authorizationServer: find } });
    const begin = () => {
      const giving = new AbortController();
      return { giving, begun: redirect.begin({ signal: giving.signal }) };
    };
    const [one, two] = [begin(), begin()];
    const both = [one, two].map(({ begun }) => rejection(begun));
    await vi.waitUntil(() => find.mock.calls.length > 0);
    one.giving.abort(new Error('enough'));
    two.giving.abort(new Error('me too'));
    expect((await Promise.all(both)).map(({ message }) => message)).toEqual(['enough', 'me too']);
    // The next call begins another login, and its only caller aborts.
    const third = begin();
    void redirect.begin();
    await Promise.resolve();
    const leaving = rejection(third.begun);
    third.giving.abort(new Error('not me'));
    expect((await leaving).message).toBe('not me');
    found.resolve(server);
    await vi.waitUntil(() => page.sent.length > 0);
    expect([page.sent.length, pending.size]).toEqual([1, 1]);
  });

  test('requests the step-up of an API, the usual parameters, and those of this login', async () => {
    const { redirect, page } = site({
      login: { scope: undefined, parameters: { prompt: 'login' } },
      manager: { scope: ['openid', 'read'] },
    });
    void redirect.begin({
      stepUp: { scope: ['pay'], acrValues: ['gold'] },
      parameters: { login_hint: 'ada' },
    });
    await vi.waitUntil(() => page.sent.length > 0);
    expect(Object.fromEntries(new URL(page.sent[0] ?? '').searchParams)).toMatchObject({
      scope: 'openid read pay',
      acr_values: 'gold',
      prompt: 'login',
      login_hint: 'ada',
    });
  });

  test('called before finish() with a response in the URL, finishes that login first', async () => {
    const { redirect, visit, page, manager, sentTo, clock } = site();
    await visit();
    const guard = redirect.begin();
    expect(await redirect.finish()).toMatchObject({ outcome: 'signed-in' });
    await guard;
    expect([page.sent.length, sentTo(as.tokenEndpoint).length]).toEqual([1, 1]);
    expect(await manager.getAccessToken()).toBe('access-1');
    // … and a login that the server has refused does not begin again by itself.
    await clock.advance(1_000);
    await visit({}, { code: '', error: 'access_denied' });
    expect(await rejection(redirect.begin())).toMatchObject({ reason: 'refused', error: 'access_denied' });
    expect(page.sent.length).toBe(2);
  });

  test('called by a guard just after finish() has signed the user in, leaves only when it is asked for more', async () => {
    const { redirect, visit, page, manager, clock, pending } = site();
    const leaves = async (options?: Parameters<typeof redirect.begin>[0]) => {
      const sent = page.sent.length;
      let isOver = false;
      redirect.begin(options).finally(() => {
        isOver = true;
      });
      await vi.waitUntil(() => isOver || page.sent.length > sent);
      page.leave();
      page.show();
      await vi.waitUntil(() => isOver);
      return page.sent.length > sent;
    };
    await visit();
    expect(await redirect.finish()).toMatchObject({ outcome: 'signed-in' });
    expect(await leaves()).toBe(false);
    expect(await leaves({ parameters: { prompt: 'login' } })).toBe(true);
    await clock.advance(999);
    expect(await leaves()).toBe(false);
    await clock.advance(1);
    expect(await leaves()).toBe(true);
    pending.clear();
    await visit();
    await redirect.finish();
    await manager.signOut();
    expect(await leaves()).toBe(true);
  });

  test.each([
    ['another origin', 'https://evil.test/orders'],
    ['another host without a scheme', '//evil.test/'],
    ['a backslash that browsers take for a slash', '/\\evil.test/'],
    ['a path that is another host as a relative URL', 'https://app.test//evil.test/'],
    ['dots before such a path', '/.//evil.test/'],
    ['a program', 'javascript:alert(1)'],
    ['data', 'data:text/html,hello'],
    ['another scheme of the same host', 'http://app.test/orders'],
    ['another port', 'https://app.test:8443/'],
    ['no text', 7 as never],
    ['what cannot be read', 'https://'],
  ])('refuses %s as returnTo', async (_, returnTo) => {
    const { redirect, page, pending } = site();
    const error = await rejection(redirect.begin({ returnTo }));
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(error.message).toMatch(explained('returnTo'));
    expect([page.sent.length, pending.size]).toEqual([0, 0]);
  });

  test('on a server rejects with the reason; the object can be created, and finish() returns none', async () => {
    const { manager } = site();
    const pending = () => {
      throw new ReferenceError('sessionStorage is not defined');
    };
    const redirect = redirectLogin({ manager, redirectUri: '/callback', pending });
    expect(await redirect.finish()).toEqual({ outcome: 'none' });
    const error = await rejection(redirect.begin());
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(error.message).toMatch(explained('page'));
  });

  test('rejects keys that do not survive the page before it redirects', async () => {
    const { redirect, page } = site({ manager: { dpop: dpop() } });
    const error = await rejection(redirect.begin());
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(error.message).toMatch(explained('indexedDbKeys()'));
    expect(page.sent).toEqual([]);
  });

  test('throws a typed error if the browser blocks site data', async () => {
    const blocked = () => {
      throw new DOMException('denied', 'SecurityError');
    };
    const full = { getItem: () => null, setItem: blocked, removeItem: () => undefined };
    for (const pending of [blocked, full]) {
      const { redirect, page } = site({ login: { pending } });
      expect(await rejection(redirect.begin())).toMatchObject({
        code: 'ERR_STORAGE',
        cause: { name: 'SecurityError' },
      });
      expect(page.sent).toEqual([]);
    }
  });
});

describe('finish()', () => {
  test('cleans the URL at once, stores the tokens, validates the ID token and returns returnTo', async () => {
    const { visit, redirect, page, manager, events, pending, sentTo } = site();
    await visit({ returnTo: home });
    const finishing = redirect.finish();
    expect(page.location.href).toBe(callback);
    expect(page.history.state).toEqual({ of: 'a router' });
    expect(await finishing).toEqual({
      outcome: 'signed-in',
      claims: expect.objectContaining({ sub: 'ada' }),
      returnTo: '/orders?page=2',
    });
    expect(await manager.getAccessToken()).toBe('access-1');
    expect(sentTo(as.tokenEndpoint)).toHaveLength(1);
    expect([events, pending.size]).toEqual([['signedIn'], 0]);
    // A reload of the callback page, and every other page: nothing to do.
    expect(await redirect.finish()).toEqual({ outcome: 'none' });
  });

  test('shares one exchange among effects that run twice, also if each creates a new object', async () => {
    const { visit, redirect, options, sentTo } = site();
    await visit();
    const results = await Promise.all([
      redirect.finish(),
      redirect.finish(),
      redirectLogin(options).finish(),
    ]);
    expect(results.map(({ outcome }) => outcome)).toEqual(['signed-in', 'signed-in', 'signed-in']);
    expect(new Set(results).size).toBe(1);
    expect(sentTo(as.tokenEndpoint)).toHaveLength(1);
  });

  test('two tabs with the same answer and copies of the same storage exchange it once', async () => {
    vi.stubGlobal('document', {});
    const storage = memoryStorage();
    const { visit, redirect, page, options, client, pending, sentTo } = site({ manager: { storage } });
    await visit();
    const copy = { page: new Page(page.location.href), pending: new Map(pending) };
    const there = new TokenManager({
      ...client,
      authorizationServer: server,
      protectedResources: ['https://api.test/'],
      storage,
    });
    const duplicate = redirectLogin({ ...options, ...copy, manager: there });
    const results = await Promise.all([redirect.finish(), duplicate.finish()]);
    expect(results.map(({ outcome }) => outcome)).toEqual(['signed-in', 'none']);
    expect(sentTo(as.tokenEndpoint)).toHaveLength(1);
    expect(await there.getAccessToken()).toBe('access-1');
    expect([copy.page.location.href, copy.pending.size]).toEqual([callback, 0]);
  });

  test.each<[string, () => Promise<never>]>([
    ['fail', () => Promise.reject(new DOMException('opaque origin', 'SecurityError'))],
    ['never answer', () => new Promise(() => undefined)],
  ])('Web Locks that %s keep nobody from signing in', async (_, request) => {
    vi.stubGlobal('document', {});
    vi.stubGlobal('navigator', { locks: { request } });
    const { visit, redirect, clock, sentTo } = site();
    await visit();
    let isOver = false;
    const finished = redirect.finish().finally(() => {
      isOver = true;
    });
    while (!isOver) await clock.advance(500);
    expect(await finished).toMatchObject({ outcome: 'signed-in' });
    expect(sentTo(as.tokenEndpoint)).toHaveLength(1);
  });

  test.each([
    ['a page of its own', 'https://app.test/orders?code=a&state=b'],
    ['another origin', 'https://other.test/callback?code=a&state=b'],
    ['another path', 'https://app.test/callback/?code=a&state=b'],
    ['the callback page without an answer', callback],
    ['a code that no login asked for', `${callback}?code=SUMMER`],
    ['a state of the application', `${callback}?state=CA`],
  ])('%s is no answer, and its URL is left alone', async (_, at) => {
    const { redirect, page, net } = site({ at, login: { redirectUri: callback } });
    expect(await redirect.finish()).toEqual({ outcome: 'none' });
    expect([page.location.href, page.history.replaced, net.sent]).toEqual([at, [], []]);
  });

  test('an error with a known state is typed and contains the server’s text; the URL is clean', async () => {
    const { visit, redirect, page, pending, manager } = site();
    await visit({}, { code: '', error: 'access_denied', error_description: 'No,\nthank you.' });
    expect(await rejection(redirect.finish())).toMatchObject({
      code: 'ERR_LOGIN_FAILED',
      reason: 'refused',
      error: 'access_denied',
      description: 'No, thank you.',
    });
    expect([page.location.href, pending.size]).toEqual([callback, 0]);
    expect(await manager.getTokens()).toBeUndefined();
    expect(await redirect.finish()).toEqual({ outcome: 'none' });
  });

  test('an error without a state is typed; only its code is shown, as an attacker may have written it', async () => {
    const { redirect, page, pending } = site();
    void redirect.begin();
    await vi.waitUntil(() => page.sent.length > 0);
    page.location.href = `${callback}?error=unauthorized_client&error_description=Call%20us%20at%20555`;
    expect(await rejection(redirect.finish())).toMatchObject({
      code: 'ERR_LOGIN_FAILED',
      reason: 'refused',
      error: 'unauthorized_client',
      description: undefined,
    });
    expect([page.location.href, pending.size]).toEqual([callback, 1]);
  });

  test.each([
    ['a state of nobody', { state: 'x' }],
    ['another issuer', { iss: 'https://evil.test' }],
  ])('%s: nothing is sent, and the URL is clean', async (_, change) => {
    const { visit, redirect, page, net } = site();
    await visit({}, change);
    expect(await rejection(redirect.finish())).toMatchObject({ reason: 'invalid_response' });
    expect([page.location.href, net.sent]).toEqual([callback, []]);
  });

  test.each([
    ['nonce', { nonce: 'of another login' }],
    ['audience', { aud: 'another client' }],
    ['issuer', { iss: 'https://evil.test' }],
  ])('an ID token with a wrong %s signs its user out again, at the server too', async (_, change) => {
    const { visit, redirect, manager, sentTo, page } = site({ claims: change });
    await visit();
    expect(await rejection(redirect.finish())).toMatchObject({ reason: 'id_token' });
    expect(await manager.getTokens()).toBeUndefined();
    expect(sentTo(server.revocationEndpoint).map(({ form }) => form.get('token'))).toEqual(['refresh-1']);
    expect(page.location.href).toBe(callback);
  });

  test('law one-login: a call of the previous user never continues with tokens of an invalid ID token', async () => {
    for (const [change, seen] of [
      [{ aud: 'another client' }, []],
      [{}, ['Bearer access-1']], // the same user, as after a step-up
    ] as const) {
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<Response>();
      const authorizations: (string | null)[] = [];
      const written = Promise.withResolvers<void>();
      const memory = memoryStorage();
      let isHeld = false;
      const storage: typeof memory = {
        ...memory,
        async write(...parameters) {
          if (isHeld) await written.promise;
          return await memory.write(...parameters);
        },
      };
      const { visit, redirect, manager } = site({
        claims: change,
        manager: { storage },
        places: {
          'https://api.test/orders': async ({ headers }) => {
            authorizations.push(headers.get('authorization'));
            asked.resolve();
            return authorizations.length === 1 ? await answer.promise : Response.json({});
          },
        },
      });
      const ofAda = { ...claims, nonce: 'another' };
      await manager.setTokens({ access_token: 'of-ada', expires_in: 300, id_token: idToken(ofAda) });
      await visit();
      const call = manager.fetch('https://api.test/orders').catch((error: unknown) => error);
      await asked.promise;
      isHeld = true;
      const finished = redirect.finish().catch((error: unknown) => error);
      await vi.waitUntil(async () => (await inspect(manager)).stored !== undefined);
      answer.resolve(
        new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }),
      );
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
      written.resolve();
      await Promise.all([call, finished]);
      expect(authorizations).toEqual(['Bearer of-ada', ...seen]);
    }
  });

  test('tokens that the manager refuses are revoked', async () => {
    const { visit, redirect, manager, sentTo } = site({
      places: { [as.tokenEndpoint]: granting({ token_type: 'mac' }) },
    });
    await visit();
    expect(await rejection(redirect.finish())).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect(await manager.getTokens()).toBeUndefined();
    expect(sentTo(server.revocationEndpoint).map(({ form }) => form.get('token'))).toEqual(['refresh-1']);
  });

  test('tokens that cannot be stored are used, and reported; those with a wrong ID token are not', async () => {
    for (const [change, code] of [
      [{}, 'ERR_STORAGE'],
      [{ aud: 'another client' }, 'ERR_LOGIN_FAILED'],
    ] as const) {
      const storage = { ...memoryStorage(), write: () => Promise.reject(new Error('full')) };
      const { visit, redirect, manager, clock } = site({ manager: { storage }, claims: change });
      await visit();
      let isOver = false;
      const failing = rejection(redirect.finish()).finally(() => {
        isOver = true;
      });
      while (!isOver) await clock.advance(1_000);
      expect(await failing).toMatchObject({ code });
      const token = await manager.getAccessToken().catch(() => undefined);
      expect(token).toBe(code === 'ERR_STORAGE' ? 'access-1' : undefined);
    }
  });

  test('can be repeated if it fails before the code is sent, although the URL is clean', async () => {
    let isOnline = true;
    const find = () => (isOnline ? Promise.resolve(server) : Promise.reject(new Error('offline')));
    const begun = site();
    await begun.visit();
    // The page has been reloaded, and has no network.
    isOnline = false;
    const manager = new TokenManager({
      ...begun.client,
      authorizationServer: find,
      protectedResources: ['https://api.test/'],
    });
    const redirect = redirectLogin({ ...begun.options, manager });
    expect(await rejection(redirect.finish())).toMatchObject({ reason: 'no_response' });
    expect(begun.page.location.href).toBe(callback);
    isOnline = true;
    expect(await redirect.finish()).toMatchObject({ outcome: 'signed-in' });
    expect(begun.sentTo(as.tokenEndpoint)).toHaveLength(1);
  });

  test('a user who signs in over the session of another user gets none of its tokens', async () => {
    const { visit, redirect, manager } = site({ claims: { sub: 'bob' } });
    await manager.setTokens({ access_token: 'of-ada', refresh_token: 'r-of-ada', expires_in: 300 });
    await visit();
    expect(await redirect.finish()).toMatchObject({ outcome: 'signed-in', claims: { sub: 'bob' } });
    expect(await manager.getTokens()).toMatchObject({ accessToken: 'access-1', refreshToken: 'refresh-1' });
  });

  test('checks returnTo again when the login ends', async () => {
    const { redirect, page, pending, options, client, clock } = site();
    const kept = {
      ...client,
      authorizationServer: server,
      redirectUri: callback,
      pending,
      scope: ['openid'],
    };
    const { url } = await startLogin({ ...kept, returnTo: 'https://evil.test/' });
    seen = [...pending.values()];
    page.location.href = answered(url).href;
    expect(await redirect.finish()).toMatchObject({ outcome: 'signed-in', returnTo: undefined });
    // allowReturnTo accepts its own targets. If it throws, every target is rejected.
    const broken = redirectLogin({
      ...options,
      allowReturnTo() {
        throw new Error('no list');
      },
    });
    const asked = rejection(broken.begin({ returnTo: 'https://shop.test/cart' }));
    expect(await asked).toMatchObject({ code: 'ERR_CONFIGURATION' });
    const allowReturnTo = ({ origin }: URL) => origin === 'https://shop.test';
    const allowing = redirectLogin({ ...options, allowReturnTo });
    pending.clear();
    await clock.advance(1_000);
    void allowing.begin({ returnTo: 'https://shop.test/cart' });
    await vi.waitUntil(() => page.sent.length > 0);
    seen = [...pending.values()];
    page.location.href = answered(page.sent[0] ?? '').href;
    expect(await allowing.finish()).toMatchObject({ returnTo: 'https://shop.test/cart' });
  });
});

describe('pending logins', () => {
  test('are limited in number: the oldest is deleted, with its key', async () => {
    const items: Record<string, string> = {};
    const area = {
      get length() {
        return Object.keys(items).length;
      },
      key: (index: number) => Object.keys(items)[index] ?? null,
      getItem: (name: string) => items[name] ?? null,
      setItem: (name: string, value: string) => {
        items[name] = value;
      },
      removeItem: (name: string) => {
        delete items[name];
      },
    };
    const { client, clock } = site();
    const states: string[] = [];
    for (let count = 0; count < 60; count++) {
      await clock.advance(1);
      states.push((await startLogin({ ...client, redirectUri: callback, pending: area })).state);
    }
    expect(Object.keys(items)).toEqual(states.slice(10).map((state) => `tokenkeep.login.${state}`));
  });
});

test.each<[string, object]>([
  ['manager', { manager: {} }],
  ['manager', { manager: undefined }],
  ['redirectUri', { redirectUri: 'callback' }],
  ['redirectUri', { redirectUri: '//evil.test/callback' }],
  ['redirectUri', { redirectUri: 'http://app.test/callback' }],
  ['redirectUri', { redirectUri: undefined }],
  ['pending', { pending: {} }],
  ['pending', { pending: undefined }],
  ['allowReturnTo', { allowReturnTo: ['https://shop.test'] }],
  ['page', { page: {} }],
  ['scope', { scope: 'openid' }],
  ['parameters', { parameters: { state: 'mine' } }],
  ['lifetime', { lifetime: 0 }],
  ['clientId', { clientId: 'app' }],
])('refuses a wrong %s: %o', (name, change) => {
  const { options } = site();
  const make = () => redirectLogin({ ...options, ...change } as never);
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_CONFIGURATION' }));
  expect(make).toThrow(explained(name));
});
