/**
 * Bugs that users of other token managers reported: sessions lost to rotation, to answers that never came, to servers
 * that were down, to clocks and storages. Each test names its report.
 */
import { describe, expect, test } from 'vitest';
import { StorageError } from '../../src/core/errors.ts';
import { memoryStorage } from '../../src/memory/memory-storage.ts';
import { faults } from '../../src/testing/index.ts';
import { api, openManager } from '../support/open-manager.ts';
import { rejection, times } from '../support/promises.ts';

/** A memory storage whose writes can be refused. */
function refusing() {
  const storage = memoryStorage();
  const state = { refuses: false, writes: 0 };
  const write: typeof storage.write = async (...parameters) => {
    if (state.refuses && JSON.stringify(parameters[1]).includes('"pendingRefresh"') === false) {
      throw new StorageError('The quota is used up.', { operation: 'write' });
    }
    state.writes += 1;
    return await storage.write(...parameters);
  };
  return { state, storage: { ...storage, write } };
}

describe('rotation', () => {
  test('N13 golang/oauth2#84: a manager that starts right after a successful call continues with the successor', async () => {
    const { server, call, open } = await openManager();
    server.expire();
    await call();
    server.expire();
    expect((await open().fetch(api)).status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 2, reuses: 0 });
  });

  test('N11 google-auth-library-nodejs#1379, B49 AxaFrance#847: what an answer leaves out is kept', async () => {
    const { server, call, manager } = await openManager({ server: { profile: 'noRotation' } });
    const before = await manager.getTokens();
    server.fail(faults.without('refresh_token', 'scope', 'id_token'));
    server.expire();
    await call();
    const after = await manager.getTokens();
    expect(after?.refreshToken).toBe(before?.refreshToken);
    expect(after?.scope).toEqual(before?.scope);
    server.expire();
    expect(await call()).toBe(200);
  });

  test('N15 atproto#3637: a storage that does not replace is found out, and its old refresh token is not sent again', async () => {
    const storage = memoryStorage();
    let stuck = false;
    const write: typeof storage.write = async (key, record, version) =>
      stuck && !JSON.stringify(record).includes('"pendingRefresh"')
        ? ((await storage.read(key))?.version ?? 0).toString().concat('-next')
        : await storage.write(key, record, version);
    const { server, call, events } = await openManager({ manager: { storage: { ...storage, write } } });
    stuck = true;
    server.expire();
    expect(await call()).toBe(200);
    expect(events.map(({ type }) => type)).toContain('storeFailed');
    server.expire();
    await rejection(call());
    expect(server.counts).toMatchObject({ refreshTokensResent: 0, reuses: 0 });
  });

  test('N17 claude-code#84440, N19 oh-my-pi#5072: 5 managers on one storage send one request and all succeed', async () => {
    const { server, clock, open } = await openManager();
    await clock.advance(400_000);
    const statuses = await Promise.all(times(5, async () => (await open().fetch(api)).status));
    expect(statuses).toEqual(times(5, () => 200));
    expect(server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
  });

  test('N19, N31 MentraOS#3449: a real invalid_grant does not clear what another one has stored meanwhile', async () => {
    const { server, clock, storage, manager, open } = await openManager({
      server: { scope: ['openid', 'read'] },
    });
    await clock.advance(400_000);
    const hold = server.hold();
    const call = manager.getAccessToken();
    await hold.arrived();
    server.revokeFamily();
    await open().setTokens(server.signIn()); // the same user logs in, while the old refresh token is on its way
    hold();
    expect(await call).toBe(server.currentAccessToken());
    expect(await storage.read('test-client/default')).toBeDefined();
  });

  test('N25 npmx#905: parallel calls that carry one refresh token are served by one request', async () => {
    const { server, clock, manager } = await openManager();
    await clock.advance(400_000);
    const variants = times(6, () => manager.forSession('default').fetch(api));
    expect((await Promise.all(variants)).map(({ status }) => status)).toEqual(times(6, () => 200));
    expect(server.counts.tokenRequests).toBe(1);
  });
});

describe('answers that do not come', () => {
  test('B33 okta-auth-js#1575: after a lost response a strict server is not sent the token again while there is one to live on', async () => {
    const { server, clock, call, events } = await openManager();
    await clock.advance(280_000);
    server.fail(faults.lostResponse);
    expect(await call()).toBe(200);
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
    expect(events.map(({ type }) => type)).toEqual(['refreshFailed']);
    await clock.advance(30_000);
    expect(await rejection(call())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'response_lost' });
    expect(server.counts).toMatchObject({ tokenRequests: 2, reuses: 1 });
    expect(events.map(({ type }) => type)).toEqual(['refreshFailed', 'sessionEnded']);
  });

  test('B33: a request that was lost before the server saw it costs nothing', async () => {
    const { server, clock, call } = await openManager();
    await clock.advance(280_000);
    server.fail(faults.lostRequest);
    expect(await call()).toBe(200);
    await clock.advance(30_000);
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('B33: inside a declared reuse window the answer is fetched again at once', async () => {
    const profile = { kind: 'leeway', ms: 30_000 } as const;
    const { server, clock, open, manager } = await openManager({ server: { profile } });
    const patient = open({
      authorizationServer: { ...server.metadata, profile: { reuseWindow: 30_000 } },
    });
    await manager.close();
    await clock.advance(400_000);
    server.fail(faults.lostResponse);
    expect((await patient.fetch(api)).status).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 2, reuses: 0 });
  });

  test('N27 atproto#5411: a manager that finds the marker of one that died is as careful as that one would have been', async () => {
    const { server, clock, manager, open } = await openManager();
    await clock.advance(280_000);
    server.hold(); // never released: the process "dies" between POST and commit
    void manager.getAccessToken();
    await clock.advance(0);
    const lock = {
      reach: 'process' as const,
      request: (_: string, __: object, run: () => Promise<never>) => run(),
    };
    const successor = open({ lock });
    expect((await successor.fetch(api)).status).toBe(200);
    expect(server.counts.tokenRequests).toBe(1);
  });

  test('N21 nango#1005, B37 keycloak-js#25: a refresh that never settles ends at its deadline, and the next call continues', async () => {
    const { server, clock, manager, call } = await openManager();
    await clock.advance(400_000);
    const hold = server.hold({ times: 1 });
    const waiting = rejection(manager.fetch(api));
    await hold.arrived();
    await clock.advance(30_000);
    expect(await waiting).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
    expect(await call()).toBe(200);
  });

  test('N23 nac#43: when the lock is not to be had, what is stored is looked at once more', async () => {
    const { server, clock, open, storage } = await openManager();
    await clock.advance(400_000);
    const stuck = {
      reach: 'process' as const,
      request: (_name: string, { signal }: { signal?: AbortSignal | undefined }) =>
        new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    };
    const waiting = open({ lock: stuck });
    const lucky = waiting.getAccessToken();
    await clock.advance(0);
    const token = await open().getAccessToken(); // the holder has just finished
    await clock.advance(70_000);
    expect(await lucky).toBe(token);
    server.expire();
    const unlucky = rejection(open({ lock: stuck, storage }).getAccessToken({ rejectedToken: token }));
    await clock.advance(70_000);
    expect(await unlucky).toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
  });

  test('B25 auth0-spa-js#706: a response after 8 s is a response, also for waiters of the lock', async () => {
    const { server, clock, manager, open } = await openManager();
    await clock.advance(400_000);
    const hold = server.hold({ times: 1 });
    const calls = [manager.fetch(api), open().fetch(api)];
    await hold.arrived();
    await clock.advance(8_000);
    hold();
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200]);
    expect(server.counts.tokenRequests).toBe(1);
  });
});

describe('servers that are down', () => {
  test('N29 huskarl#198: a 503 with invalid_grant in its body does not end the session', async () => {
    const { server, clock, call, events } = await openManager();
    await clock.advance(400_000);
    server.fail(faults.serverError);
    const error = await rejection(call());
    expect(error).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
    expect(events.map(({ type }) => type)).toEqual(['refreshFailed']);
    await clock.advance(60_000);
    expect(await call()).toBe(200);
  });

  test('B31 supabase-js#2145: a refresh ahead of time that fails leaves the token in use to its end', async () => {
    const { server, clock, call } = await openManager();
    await clock.advance(280_000);
    server.fail(faults.serverError, { times: 5 });
    expect(await call()).toBe(200);
    await clock.advance(15_000);
    expect(await call()).toBe(200);
    await clock.advance(6_000);
    expect(await rejection(call())).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
  });

  test.each([
    ['a captive portal', faults.captivePortal],
    ['a firewall', faults.html],
    ['a rate limit', faults.rateLimited(7)],
    ['a wrong secret', faults.oauthError('invalid_client', 401)],
    ['a redirect', faults.redirect('https://evil.test/token')],
  ])('B31, AxaFrance 429: %s does not end the session', async (_, fault) => {
    const { server, clock, call, manager } = await openManager();
    await clock.advance(400_000);
    server.fail(fault);
    expect(await rejection(call())).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
    expect(await manager.getTokens()).toMatchObject({ refreshToken: server.currentRefreshToken() });
    expect(server.counts).toMatchObject({ strayRequests: 0, reuses: 0 });
    await clock.advance(60_000);
    expect(await call()).toBe(200);
  });

  test('B35 AxaFrance#924, B41 #1282, B43 #1653: an hour of failures is a bounded number of requests, and no call waits', async () => {
    const { server, clock, call } = await openManager();
    await clock.advance(400_000);
    server.fail(faults.serverError, { times: 10_000 });
    for (let second = 0; second < 3_600; second += 5) {
      expect(await rejection(call())).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
      await clock.advance(5_000);
    }
    expect(server.counts.tokenRequests).toBeLessThan(140);
  });

  test('B61 react-oauth2-pkce#31: the end of a session is reported once, and every call gets the same error', async () => {
    const { server, clock, manager, events } = await openManager();
    await clock.advance(400_000);
    server.revokeFamily();
    const errors = await Promise.all(times(20, () => rejection(manager.fetch(api))));
    expect(new Set(errors).size).toBe(1);
    expect(errors[0]).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
    expect(events.map(({ type }) => type)).toEqual(['sessionEnded']);
    await rejection(manager.fetch(api));
    expect(server.counts.tokenRequests).toBe(1);
  });
});

describe('time', () => {
  test.each([
    ['two months', 5_215_742],
    ['ten years', 315_360_000],
  ])(
    'N37 directus#4054: a token that lives %s is not refreshed ahead of time, and overflows no timer',
    async (_, seconds) => {
      const { server, clock, manager, call } = await openManager();
      await manager.setTokens({ ...server.signIn(), expires_in: seconds });
      for (const step of times(3, () => 3_600_000)) {
        await clock.advance(step);
        server.counts.refreshes; // no timer of ours
      }
      expect(clock.timers).toBe(0);
      await call();
      expect(server.counts.refreshes).toBeLessThanOrEqual(1);
    },
  );

  test('N37: a token that says it lives 0 s is used, not refreshed in a loop', async () => {
    const { server, manager, call } = await openManager();
    await manager.setTokens({ ...server.signIn(), expires_in: 0 });
    expect(await Promise.all(times(20, () => call()))).toEqual(times(20, () => 200));
    expect(server.counts.refreshes).toBeLessThanOrEqual(1);
  });

  test('N35 google-auth-library-nodejs#62: 30 s before its expiry a token is no longer returned', async () => {
    const { server, clock, call } = await openManager();
    await clock.advance(269_000);
    await call();
    expect(server.counts.refreshes).toBe(0);
    await clock.advance(1_001);
    await call();
    expect(server.counts.refreshes).toBe(1);
  });

  test.each([
    ['a day ahead', 86_400_000],
    ['an hour behind', -3_600_000],
    ['a day behind', -86_400_000],
  ])('B45 okta-oidc-js#894: a server whose clock is %s of ours causes no loop', async (_, clockOffset) => {
    const { server, clock, call } = await openManager({ server: { clockOffset, tokenFormat: 'jwt-like' } });
    for (const _step of times(10, Number)) {
      expect(await call()).toBe(200);
      await clock.advance(60_000);
    }
    expect(server.counts.refreshes).toBeLessThanOrEqual(3);
  });

  test.each([86_400_000, -86_400_000])(
    'B45: a clock that is set by %d ms costs one refresh at most',
    async (jump) => {
      const { server, clock, call } = await openManager();
      clock.set(clock.now() + jump);
      for (const _step of times(5, Number)) expect(await call()).toBe(200);
      expect(server.counts.refreshes).toBeLessThanOrEqual(1);
    },
  );

  test('B39 okta-auth-js#1445: after a night asleep the first call refreshes once', async () => {
    const { server, clock, call } = await openManager();
    clock.set(clock.now() + 8 * 3_600_000);
    expect(await Promise.all(times(4, () => call()))).toEqual(times(4, () => 200));
    expect(server.counts.refreshes).toBe(1);
  });

  test('B45b auth0-spa-js#292: offline, what is stored is there at once', async () => {
    const { clock, open } = await openManager();
    await clock.advance(400_000);
    const offline = open({ fetch: () => Promise.reject(new TypeError('fetch failed')) });
    expect(await offline.getTokens()).toBeDefined();
  });
});

describe('storages', () => {
  test('N45 gumroad-mobile#252, B53 msal#5333: a storage that refuses the successor loses nothing', async () => {
    const { state, storage } = refusing();
    const { server, clock, call, events, manager } = await openManager({ manager: { storage } });
    state.refuses = true;
    server.expire();
    expect(await call()).toBe(200);
    expect(events.map(({ type }) => type)).toEqual(['storeFailed', 'refreshed']);
    expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
    state.refuses = false;
    await clock.advance(2_000);
    expect(events.at(-1)?.type).toBe('stored');
    server.expire();
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 2, reuses: 0 });
  });

  test('N45: a storage that cannot be read sends nothing, and the next call may succeed', async () => {
    const storage = memoryStorage();
    let locked = false;
    const read: typeof storage.read = async (key) => {
      if (locked) throw new Error('The keychain is locked.');
      return await storage.read(key);
    };
    const { server, clock, call } = await openManager({ manager: { storage: { ...storage, read } } });
    await clock.advance(400_000);
    locked = true;
    expect(await rejection(call())).toMatchObject({ code: 'ERR_STORAGE', operation: 'read' });
    expect(server.counts.tokenRequests).toBe(0);
    locked = false;
    expect(await call()).toBe(200);
  });

  test('B65 amplify-js#7106: a storage that takes no writes spends no refresh token', async () => {
    const storage = memoryStorage();
    let readOnly = false;
    const write: typeof storage.write = async (...parameters) => {
      if (readOnly) throw new Error('Read only.');
      return await storage.write(...parameters);
    };
    const { server, clock, call } = await openManager({ manager: { storage: { ...storage, write } } });
    await clock.advance(400_000);
    readOnly = true;
    expect(await rejection(call())).toMatchObject({ code: 'ERR_STORAGE', operation: 'write' });
    expect(server.counts.tokenRequests).toBe(0);
  });

  test.each([
    ['nothing at all', undefined],
    ['an empty text', ''],
    ['the word undefined', 'undefined'],
    ['a truncated record', '{"schema":1,"clientId":"test-cl'],
    ['an older schema', { schema: 0, token: 'x' }],
    ['a list', []],
    ['a record of another client', { schema: 1, clientId: 'other', refreshToken: 'rt', accessTokens: {} }],
  ])('B51 AxaFrance#871: %s in the storage is no session, and no exception', async (_, record) => {
    const storage = memoryStorage();
    const { server, open, manager } = await openManager({ manager: { storage } });
    const read: typeof storage.read = async () => ({ record, version: 1 });
    const poisoned = open({ storage: { ...storage, read } });
    const reasons: string[] = [];
    poisoned.on('recordRejected', ({ reason }) => reasons.push(reason));
    expect(await poisoned.getTokens()).toBeUndefined();
    expect(await rejection(poisoned.fetch(api))).toMatchObject({
      code: 'ERR_LOGIN_REQUIRED',
      reason: 'no_tokens',
    });
    expect(reasons).toHaveLength(1);
    expect(server.counts.tokenRequests).toBe(0);
    await manager.close();
  });

  test('B55 auth0-spa-js#819: tokens in the storage are all that a new manager needs', async () => {
    const { open } = await openManager();
    expect(await open().getAccessToken()).toBe((await open().getTokens())?.accessToken);
  });
});

describe('sign-out', () => {
  test('B59 supabase#2392: a refresh that ends after the sign-out brings nothing back, and its tokens are revoked', async () => {
    const { server, clock, manager, events, storage } = await openManager();
    await clock.advance(400_000);
    const hold = server.hold({ commits: true });
    const call = rejection(manager.fetch(api));
    await hold.arrived();
    const out = manager.signOut();
    await clock.advance(0);
    hold();
    expect(await out).toEqual({ revoked: true });
    expect(await call).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
    expect(await storage.read('test-client/default')).toBeUndefined();
    expect(server.isActive(server.currentRefreshToken() ?? '')).toBe(false);
    expect(events.map(({ type }) => type)).toEqual(['signedOut', 'lateTokensDiscarded']);
  });

  test('B59: a sign-out that the server does not confirm is a sign-out anyway', async () => {
    const { server, manager, storage } = await openManager();
    server.fail({ response: { status: 400 } }, { on: 'revocation', times: 5 });
    expect(await manager.signOut()).toEqual({ revoked: false, reason: 'refused', status: 400 });
    expect(await storage.read('test-client/default')).toBeUndefined();
  });

  test('B57 okta-angular#49: the sign-out of another manager arrives, and starts no refresh', async () => {
    const { server, clock, manager, open, events } = await openManager({
      manager: { storage: memoryStorage() },
    });
    const other = open();
    await other.getAccessToken();
    await manager.getAccessToken();
    await other.signOut();
    await clock.advance(0);
    expect(events.map((event) => [event.type, 'where' in event && event.where])).toEqual([
      ['signedOut', 'elsewhere'],
    ]);
    expect(await rejection(manager.fetch(api))).toMatchObject({ reason: 'signed_out' });
    expect(server.counts.tokenRequests).toBe(0);
  });

  test('B63 react-oauth2-pkce#84: without a refresh token one can sign out as well', async () => {
    const { server, manager } = await openManager();
    const { refresh_token: _, ...rest } = server.signIn();
    await manager.setTokens(rest as never);
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(await manager.getTokens()).toBeUndefined();
  });
});
