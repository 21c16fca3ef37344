/** Cookies in place of tokens: the same evidence, flight, lock and replay, and nothing in the page that could be stolen. */
import {
  ConfigurationError,
  memoryStorage,
  TokenManager,
  type TokenManagerOptions,
  type TokenStorage,
} from 'tokenkeep';
import { type TokenHandlerOptions, tokenHandler } from 'tokenkeep/browser';
import { clientCredentials, clientSecretPost } from 'tokenkeep/client-authentication';
import { authorizationServer, faults, testClock } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { explained } from '../../support/explained.ts';
import { rejection, times } from '../../support/promises.ts';
import { fakeBrowser, fakeTokenHandler, handlerClient } from '../../support/token-handler.ts';
import { withoutChance } from '../../support/without-chance.ts';

const url = 'https://app.test/oauth-agent';
const orders = 'https://app.test/api/orders';
const refreshes = 'POST /oauth-agent/refresh';

interface Tell {
  readonly dialect?: 'curity' | 'node';
  readonly handler?: Partial<TokenHandlerOptions>;
  readonly signedIn?: boolean;
}

async function open({ dialect, handler: how, signedIn = true }: Tell = {}) {
  withoutChance();
  const clock = testClock();
  const server = authorizationServer({ clock, clients: [handlerClient] });
  const handler = fakeTokenHandler(server, dialect && { dialect });
  const browser = fakeBrowser(handler);
  const storage = sharedByTabs();
  const openTab = (more: Partial<TokenManagerOptions> = {}) =>
    new TokenManager({
      clientId: 'app',
      authorizationServer: tokenHandler({ url, ...how }),
      protectedResources: ['https://app.test/api/'],
      storage,
      clock,
      fetch: browser.fetch,
      ...more,
    });
  /** The page logs in through the handler, and gets what it answers. */
  const logIn = async (): Promise<object> => {
    const init: RequestInit = {
      method: 'POST',
      credentials: 'include',
      headers: { 'token-handler-version': '1' },
    };
    const answer = await browser.fetch(`${url}/login/end`, init);
    return answer.status === 204 ? {} : await answer.json();
  };
  if (signedIn) await logIn();
  handler.requests.length = 0;
  const record = async () =>
    (await storage.read('app/default'))?.record as Record<string, unknown> | undefined;
  const posts = () => handler.requests.filter((request) => request === refreshes).length;
  const tab = openTab();
  return {
    clock,
    server,
    handler,
    browser,
    storage,
    openTab,
    tab,
    events: eventsOf(tab),
    logIn,
    record,
    posts,
  };
}

/** State that all tabs of a browser share. */
function sharedByTabs(): TokenStorage {
  const { lock, ...storage } = memoryStorage();
  if (lock === undefined) throw new Error('memoryStorage() has a lock.');
  return { ...storage, reach: 'machine', lock: { ...lock, reach: 'machine' } };
}

describe('a call', () => {
  test('carries cookies and the header, and no token', async () => {
    const { tab, browser, posts } = await open();
    const seen: Request[] = [];
    browser.onTheWay = (request) => {
      seen.push(request);
      return 'arrives';
    };
    const init = { method: 'PUT', body: 'three', headers: { 'x-mine': '1' } };
    expect((await tab.fetch(orders, init)).status).toBe(200);
    const [request] = seen;
    expect(Object.fromEntries(request?.headers ?? [])).toMatchObject({
      'token-handler-version': '1',
      'x-mine': '1',
    });
    expect(request?.headers.has('authorization')).toBe(false);
    expect(request?.credentials).toBe('include');
    expect(await request?.text()).toBe('three');
    expect(posts()).toBe(0);
  });

  test('K1a: returns the 401 if another user has logged in since, as the cookies are that user’s', async () => {
    const { tab, logIn, server, posts } = await open({ signedIn: false });
    await tab.setTokens((await logIn()) as never, { subject: 'alice' });
    server.expire();
    const held = server.hold({ on: 'api', commits: true, times: 1 });
    const call = tab.fetch(orders, { method: 'POST', body: 'one' });
    await held.arrived();
    await tab.setTokens((await logIn()) as never, { subject: 'bob' });
    held();
    expect((await call).status).toBe(401);
    expect(server.counts.apiCalls).toBe(1);
    expect(posts()).toBe(0);
    expect((await tab.fetch(orders, { method: 'POST', body: 'one' })).status).toBe(200);
  });

  test('of elsewhere carries neither', async () => {
    const { openTab } = await open();
    const seen: RequestInit[] = [];
    const fetch: typeof globalThis.fetch = async (_, init) => {
      seen.push(init ?? {});
      return new Response();
    };
    await openTab({ fetch }).fetch('https://elsewhere.test/', { method: 'POST' });
    expect(seen).toEqual([{ method: 'POST' }]);
  });

  test('of a Request keeps what it is', async () => {
    const { tab, server } = await open();
    const request = new Request(orders, {
      method: 'POST',
      body: 'one',
      headers: { 'x-mine': '1' },
      credentials: 'omit',
    });
    server.expire();
    expect((await tab.fetch(request)).status).toBe(200);
    const bodies = server.requests.map(({ body }) => new TextDecoder().decode(body));
    expect(bodies).toEqual(['one', 'one']);
  });
});

describe('a refresh', () => {
  test.each(['curity', 'node'] as const)(
    '50 calls at one expiry (%s): one POST, each call answered once',
    async (dialect) => {
      const { tab, server, posts } = await open({ dialect });
      await tab.fetch(orders);
      server.expire();
      const answers = await Promise.all(times(50, () => tab.fetch(orders)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(posts()).toBe(1);
      expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0, apiRejected: 50, familiesRevoked: 0 });
    },
  );

  test('four tabs at one expiry: one POST', async () => {
    const { openTab, server, posts } = await open();
    const tabs = times(4, () => openTab());
    for (const tab of tabs) await tab.fetch(orders);
    server.expire();
    const answers = await Promise.all(tabs.flatMap((tab) => times(5, () => tab.fetch(orders))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(posts()).toBe(1);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0, familiesRevoked: 0 });
  });

  test('a late 401 adopts what another tab got meanwhile: no second POST', async () => {
    const { openTab, server, posts, browser } = await open();
    const [one, other] = [openTab(), openTab()];
    for (const tab of [one, other, one]) {
      server.expire(); // their knowledge is that of a refresh, and so are their placeholders
      await tab.fetch(orders);
    }
    await other.fetch(orders);
    const before = posts();
    server.expire();
    const { promise, resolve } = Promise.withResolvers<void>();
    let late = true;
    browser.onTheWay = async ({ url: to }): Promise<'arrives'> => {
      if (late && to === orders) {
        late = false;
        await promise; // its 401 is in progress for long
      }
      return 'arrives';
    };
    const straggler = one.fetch(orders);
    await other.fetch(orders);
    expect(posts() - before).toBe(1);
    resolve();
    expect((await straggler).status).toBe(200);
    expect(posts() - before).toBe(1);
  });

  test('comes ahead of time where the handler says when: no 401', async () => {
    const { tab, logIn, clock, server, posts } = await open({ signedIn: false });
    await tab.setTokens((await logIn()) as never);
    expect((await tab.getTokens())?.expiresAt).toBe(clock.now() + 300_000);
    clock.set(clock.now() + 280_000);
    expect((await tab.fetch(orders)).status).toBe(200);
    clock.set(clock.now() + 280_000); // the answer of that refresh says when as well
    expect((await tab.fetch(orders)).status).toBe(200);
    expect(posts()).toBe(2);
    expect(server.counts).toMatchObject({ refreshes: 2, apiRejected: 0, reuses: 0 });
  });

  test.each([
    ['in another member', { expiresIn: 'ttl' }, { ttl: '300' }],
    ['as a time', {}, { expiresAt: testClock().now() + 300_000 }],
    ['once for all', { lifetime: 300_000 }, {}],
  ])('its end %s', async (_, how, said) => {
    const { tab, clock } = await open({ handler: how });
    await tab.setTokens(said as never);
    expect((await tab.getTokens())?.expiresAt).toBe(clock.now() + 300_000);
  });

  test('the header may change, and the replay carries the new one', async () => {
    let csrf = 1;
    const { tab, server, browser } = await open({
      handler: { headers: () => ({ 'token-handler-version': '1', 'x-csrf': String(csrf) }) },
    });
    const seen: (string | null)[] = [];
    browser.onTheWay = ({ headers, url: to }) => {
      seen.push(headers.get('x-csrf'));
      if (to.endsWith('/refresh')) csrf = 2;
      return 'arrives';
    };
    server.expire();
    await tab.fetch(orders);
    expect(seen).toEqual(['1', '1', '2']);
  });

  test('the function that makes the headers is called once for each request', async () => {
    let asked = 0;
    const headers = () => ({ 'token-handler-version': '1', 'x-csrf': String(++asked) });
    const { tab, server, browser } = await open({ handler: { headers } });
    const seen: (string | null)[] = [];
    browser.onTheWay = ({ headers }) => {
      seen.push(headers.get('x-csrf'));
      return 'arrives';
    };
    server.expire();
    await tab.fetch(orders);
    expect(seen).toEqual(['1', '2', '3']);
  });

  test('a page in place of an answer refreshes nothing, and is no reason to send it again at once', async () => {
    const { tab, openTab, server, browser, posts } = await open();
    await tab.fetch(orders);
    server.expire();
    const page: typeof globalThis.fetch = async (input, init) =>
      String(input).endsWith('/refresh')
        ? new Response('<!doctype html><div id="app">')
        : browser.fetch(input, init);
    expect(await rejection(openTab({ fetch: page }).fetch(orders))).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      sent: true,
    });
    expect(posts()).toBe(0);
  });
});

describe('the stored record', () => {
  test('has the expiry and no token; nor have the events', async () => {
    const { tab, server, browser, record, events } = await open();
    server.expire();
    await tab.fetch(orders);
    const told = JSON.stringify([await record(), await tab.getTokens(), events]);
    for (const token of [...browser.cookies.values(), server.currentRefreshToken() as string]) {
      expect(token.length).toBeGreaterThan(8);
      expect(told).not.toContain(token);
    }
    expect((await tab.getTokens())?.tokenType).toBe('Cookie');
  });

  test('getAccessToken() says why there is none', async () => {
    const { tab } = await open();
    await tab.fetch(orders);
    for (const asked of [undefined, {}, { scope: ['read'] }]) {
      const error = await rejection(tab.getAccessToken(asked));
      expect(error).toBeInstanceOf(ConfigurationError);
      expect((error as Error).message).toMatch(explained('manager.fetch'));
    }
  });

  test('tokens are not taken', async () => {
    const { tab, server, record } = await open();
    for (const tokens of [
      server.signIn({ clientId: 'handler' }),
      { accessToken: 'x' },
      { refresh_token: 'x' },
    ]) {
      expect(await rejection(tab.setTokens(tokens as never))).toBeInstanceOf(ConfigurationError);
    }
    expect(await record()).toBeUndefined();
  });
});

describe('a session', () => {
  test('is found out by the first call: no login event, and no login is required', async () => {
    const { tab, posts, events } = await open();
    expect((await tab.fetch(orders)).status).toBe(200);
    expect(posts()).toBe(0);
    expect(events).toEqual([]);
  });

  test.each(['curity', 'node'] as const)(
    'that nobody has begun asks for a login, once found out (%s)',
    async (dialect) => {
      const { tab, posts, logIn } = await open({ dialect, signedIn: false });
      const answers = await Promise.all(times(5, () => rejection(tab.fetch(orders))));
      for (const error of answers)
        expect(error).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', error: 'unauthorized_request' });
      expect(posts()).toBe(1);
      await tab.setTokens((await logIn()) as never);
      expect((await tab.fetch(orders)).status).toBe(200);
      expect(posts()).toBe(1);
    },
  );

  test.each(['curity', 'node'] as const)('that the handler calls expired has ended (%s)', async (dialect) => {
    const { tab, server, events, record, posts } = await open({ dialect });
    await tab.fetch(orders);
    server.revokeFamily();
    const errors = await Promise.all(times(5, () => rejection(tab.fetch(orders))));
    for (const error of errors) {
      expect(error).toMatchObject({
        code: 'ERR_LOGIN_REQUIRED',
        reason: 'invalid_grant',
        error: 'session_expired',
      });
    }
    expect(events.map(({ type }) => type)).toEqual(['sessionEnded']);
    expect(await record()).toBeUndefined();
    expect(posts()).toBe(1);
  });

  test.each([
    ['an empty 401', new Response(null, { status: 401 })],
    ['a 401 that says something else', Response.json({ title: 'Unauthorized' }, { status: 401 })],
    ['a 403 that says so', Response.json({ code: 'session_expired' }, { status: 403 })],
  ])('has ended after %s', async (_, answer) => {
    const { openTab, server, browser } = await open();
    const tab = openTab({
      fetch: async (input, init) =>
        String(input).endsWith('/refresh') ? answer.clone() : browser.fetch(input, init),
    });
    server.expire();
    expect(await rejection(tab.fetch(orders))).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
  });

  test.each([
    ['a 502 with an error', Response.json({ error: 'server_error' }, { status: 502 })],
    ['a 500', Response.json({ code: 'server_error' }, { status: 500 })],
    ['a 503 that says it is over', Response.json({ code: 'session_expired' }, { status: 503 })],
    ['a 429', Response.json({}, { status: 429 })],
    ['a 400', Response.json({ error_code: 'authorization_error' }, { status: 400 })],
    ['a 403 of a firewall', new Response('<h1>Forbidden</h1>', { status: 403 })],
    ['a 401 of a portal', new Response('<h1>Sign in to the network</h1>', { status: 401 })],
    ['a redirect', new Response(null, { status: 302, headers: { location: 'https://elsewhere.test/' } })],
  ])('lives on after %s', async (_, answer) => {
    const { openTab, server, browser, record, clock } = await open();
    let isIll = true;
    const tab = openTab({
      fetch: async (input, init) =>
        isIll && String(input).endsWith('/refresh') ? answer.clone() : browser.fetch(input, init),
    });
    server.expire();
    expect(await rejection(tab.fetch(orders))).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
    expect(await record()).toBeDefined();
    isIll = false;
    clock.set(clock.now() + 30_000);
    expect((await tab.fetch(orders)).status).toBe(200);
  });

  test('is kept when the server behind the handler fails: the state of the refresh token is unknown', async () => {
    const { tab, server, posts, clock } = await open();
    server.expire();
    server.fail(faults.serverError);
    expect(await rejection(tab.fetch(orders))).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      sent: true,
      status: 502,
    });
    expect(posts()).toBe(1);
    clock.set(clock.now() + 60_000);
    expect((await tab.fetch(orders)).status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, familiesRevoked: 0 });
  });

  test('with a lost response is tried once more with care, and the server’s answer ends it', async () => {
    const { tab, server, browser, posts, clock } = await open();
    await tab.fetch(orders);
    server.expire();
    browser.onTheWay = ({ url: to }) => (to.endsWith('/refresh') ? 'lost' : 'arrives');
    expect(await rejection(tab.fetch(orders))).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
    expect(posts()).toBe(1);
    browser.onTheWay = () => 'arrives';
    clock.set(clock.now() + 60_000);
    expect(await rejection(tab.fetch(orders))).toMatchObject({
      code: 'ERR_LOGIN_REQUIRED',
      reason: 'response_lost',
    });
    expect(server.counts.reuses).toBe(1);
  });
});

describe('signing out', () => {
  test('is a POST to the handler: cookies and record are gone, in all tabs, and the application receives the next address', async () => {
    const heard: unknown[] = [];
    const { openTab, handler, browser, record, server } = await open({
      handler: { onLogout: (said) => heard.push(said) },
    });
    const [one, other] = [openTab(), openTab()];
    await one.fetch(orders);
    await other.fetch(orders);
    expect(await one.signOut()).toEqual({ revoked: true });
    expect(heard).toEqual([{ logout_url: 'https://as.test/logout' }]);
    expect(handler.requests.at(-1)).toBe('POST /oauth-agent/logout');
    expect([...browser.cookies]).toEqual([]);
    expect(await record()).toBeUndefined();
    expect(server.counts.familiesRevoked).toBe(1);
    const count = handler.requests.length;
    for (const tab of [one, other]) {
      expect(await rejection(tab.fetch(orders))).toMatchObject({
        code: 'ERR_LOGIN_REQUIRED',
        reason: 'signed_out',
      });
    }
    expect(handler.requests.length).toBe(count);
  });

  test('wins over a refresh that is in progress in another tab: its cookies do not stay', async () => {
    const { openTab, server, browser, record } = await open();
    const [one, other] = [openTab(), openTab()];
    await one.fetch(orders);
    await other.fetch(orders);
    server.expire();
    const held = server.hold({ commits: true });
    const call = rejection(other.fetch(orders));
    const discarded = new Promise<unknown>((resolve) => other.on('lateTokensDiscarded', resolve));
    await held.arrived();
    await one.signOut();
    await held();
    expect(await call).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
    expect(await discarded).toMatchObject({ revoked: true });
    expect([...browser.cookies]).toEqual([]);
    expect(await record()).toBeUndefined();
  });

  test('also over a tab that has just been opened, while the handler still knows the cookies', async () => {
    const { openTab, server, browser, handler, record } = await open();
    const [one, other] = [openTab(), openTab()];
    await one.fetch(orders);
    await other.fetch(orders);
    server.expire();
    const refreshing = server.hold({ commits: true });
    const call = rejection(other.fetch(orders));
    const discarded = new Promise<unknown>((resolve) => other.on('lateTokensDiscarded', resolve));
    await refreshing.arrived();
    // Signed out of what is stored, and the POST to the handler is still to come.
    await one.signOut({ revoke: false });
    const late = rejection(openTab().fetch(orders));
    await refreshing();
    expect(await call).toMatchObject({ reason: 'signed_out' });
    expect(await discarded).toMatchObject({ revoked: true });
    expect(await late).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
    expect([...browser.cookies]).toEqual([]);
    expect(await record()).toBeUndefined();
    expect(handler.requests).toContain('POST /oauth-agent/logout');
  });

  test('and in the same tab the POST waits for the refresh: what it sets is cleared', async () => {
    const { tab, server, browser, handler } = await open();
    await tab.fetch(orders);
    server.expire();
    const held = server.hold({ commits: true });
    const call = rejection(tab.fetch(orders));
    await held.arrived();
    const signedOut = tab.signOut();
    await held();
    expect(await call).toMatchObject({ reason: 'signed_out' });
    await signedOut;
    expect([...browser.cookies]).toEqual([]);
    expect(handler.requests.at(-1)).toBe('POST /oauth-agent/logout');
  });

  test('without a request to the handler, where the application sends its own', async () => {
    const { tab, handler } = await open();
    await tab.fetch(orders);
    expect(await tab.signOut({ revoke: false })).toEqual({ revoked: false, reason: 'not_requested' });
    expect(handler.requests).not.toContain('POST /oauth-agent/logout');
  });
});

describe('at the door', () => {
  const options = {
    clientId: 'app',
    authorizationServer: tokenHandler({ url }),
    protectedResources: ['https://app.test/api/'],
  };
  test.each([
    ['a storage that the tabs do not share', {}, /indexedDbStorage\(\).*webLock\(\)/],
    [
      'client authentication',
      { storage: sharedByTabs(), clientAuthentication: clientSecretPost('s') },
      /clientAuthentication/,
    ],
    ['what token requests carry', { storage: sharedByTabs(), tokenRequest: {} }, /tokenRequest/],
    ['another grant', { storage: sharedByTabs(), grant: clientCredentials() }, /grant/],
    [
      'access tokens for a scope',
      { storage: sharedByTabs(), protectedResources: [{ url: 'https://app.test/api/', scope: ['a'] }] },
      /scope and resource/,
    ],
  ])('%s is refused', (_, more, complaint) => {
    expect(() => new TokenManager({ ...options, ...more })).toThrow(ConfigurationError);
    expect(() => new TokenManager({ ...options, ...more })).toThrow(explained(complaint));
  });

  test('a lock that the tabs share is enough: then each of them refreshes, one after the other', async () => {
    const { openTab, server, browser, posts } = await open();
    const { lock } = sharedByTabs();
    if (lock === undefined) throw new Error('There is a lock.');
    const tabs = times(2, () => openTab({ storage: memoryStorage(), lock }));
    for (const tab of tabs) await tab.fetch(orders);
    server.expire();
    const answers = await Promise.all(tabs.map((tab) => tab.fetch(orders)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(posts()).toBe(2);
    expect(server.counts).toMatchObject({ refreshes: 2, reuses: 0, peakConcurrentRefreshes: 1 });
    expect(browser.cookies.size).toBe(2);
  });

  test.each([
    '',
    'app.test',
    'http://app.test/',
    'https://user:pass@app.test/',
    'https://app.test/#x',
    'https://app.test/?x',
  ])('the url %j is refused', (bad) => {
    expect(() => tokenHandler({ url: bad })).toThrow(ConfigurationError);
  });

  test.each(['https://elsewhere.test/', '//elsewhere.test/', '../logout', '/'])(
    'the path %j leads elsewhere',
    (bad) => {
      expect(() => tokenHandler({ url, refreshPath: bad })).toThrow(explained(/refreshPath/));
      expect(() => tokenHandler({ url, logoutPath: bad })).toThrow(explained(/logoutPath/));
    },
  );

  test('however its url is written, the session is the same', () => {
    const written = [url, `${url}/`, 'https://APP.test:443/oauth-agent//'].map((one) =>
      tokenHandler({ url: one }),
    );
    expect(new Set(written.map(({ issuer }) => issuer))).toEqual(new Set([`${url}/`]));
    expect(new Set(written.map(({ tokenEndpoint }) => tokenEndpoint))).toEqual(new Set([`${url}/refresh`]));
  });

  test('paths of its own', async () => {
    const { tokenEndpoint, revocationEndpoint } = tokenHandler({
      url: `${url}/`,
      refreshPath: 'session/renew?x=1',
      logoutPath: 'end',
    });
    expect([tokenEndpoint, revocationEndpoint]).toEqual([`${url}/session/renew?x=1`, `${url}/end`]);
  });
});
