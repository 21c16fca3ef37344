/**
 * Bugs that users of other token managers reported, where one process is enough: calls at once, late answers, replays.
 * Each test names its report.
 */
import { describe, expect, test } from 'vitest';
import { faults, refusals } from '../../src/testing/index.ts';
import { api, openManager } from '../support/open-manager.ts';
import { rejection, times } from '../support/promises.ts';

describe('calls at once', () => {
  test('N1 Flyrell/axios-auth-refresh#307: 10 calls with an expired token refresh once and all succeed', async () => {
    const { server, clock, call } = await openManager();
    await clock.advance(400_000);
    expect(await Promise.all(times(10, () => call()))).toEqual(times(10, () => 200));
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('B1 oidc-client-ts#1618: 50 calls for a token share one refresh and its token', async () => {
    const { server, clock, manager } = await openManager();
    await clock.advance(400_000);
    const tokens = await Promise.all(times(50, () => manager.getAccessToken()));
    expect(new Set(tokens).size).toBe(1);
    expect(server.counts.tokenRequests).toBe(1);
  });

  test('N7 google-auth-library-nodejs#338: 1000 first calls send one token request', async () => {
    const { server, clock, call } = await openManager();
    await clock.advance(400_000);
    const statuses = await Promise.all(times(1_000, () => call()));
    expect(statuses.every((status) => status === 200)).toBe(true);
    expect(server.counts.tokenRequests).toBe(1);
  });

  test('N5 badgateway/oauth2-client#80: of 8 calls in flight that all get a 401 one refreshes, the others are sent again', async () => {
    const { server, call } = await openManager();
    server.expire();
    const hold = server.hold({ on: 'api', times: 8 });
    const calls = times(8, () => call());
    await hold.arrived(8);
    hold();
    expect(await Promise.all(calls)).toEqual(times(8, () => 200));
    expect(server.counts).toMatchObject({ refreshes: 1, apiCalls: 16 });
  });

  test('N5: a 401 that comes after the refresh of another call refreshes nothing', async () => {
    const { server, call } = await openManager();
    server.expire();
    const hold = server.hold({ on: 'api', times: 1 });
    const late = call();
    await hold.arrived();
    expect(await call()).toBe(200);
    hold();
    expect(await late).toBe(200);
    expect(server.requests.map(({ status }) => status)).toEqual([401, 401, 200, 200]);
    expect(server.counts.refreshes).toBe(1);
  });

  test('N3 axios-auth-refresh#120: a token endpoint among the protected resources does not wait for itself', async () => {
    const { server, clock, manager } = await openManager({
      manager: {
        protectedResources: ['https://api.test/', 'https://as.test/'],
      },
    });
    await clock.advance(400_000);
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.counts.refreshes).toBe(1);
  });

  test('N9 badgateway/oauth2-client#110: a call right after the constructor waits for what is stored', async () => {
    const { open } = await openManager();
    expect((await open().fetch(api)).status).toBe(200);
  });

  test('B7 keycloak-ts#5: after a refresh that failed the next call tries again', async () => {
    const { server, clock, call, manager } = await openManager();
    await clock.advance(400_000);
    server.fail(faults.serverError);
    const error = await rejection(manager.fetch(api));
    expect(error).toMatchObject({ code: 'ERR_REFRESH_FAILED', status: 503 });
    await clock.advance(Number(error['retryAfter']));
    expect(await call()).toBe(200);
  });

  test('B19 supabase-js#2344: constructor, subscription and call in one tick do not hang on an expired session', async () => {
    const { clock, open } = await openManager();
    await clock.advance(299_000);
    const manager = open();
    const inside: Promise<string>[] = [];
    manager.on('refreshed', () => inside.push(manager.getAccessToken()));
    const token = await manager.getAccessToken();
    expect(await Promise.all(inside)).toEqual([token]);
  });

  test('N33 DuendeSoftware/foss#360, B3 auth0-spa-js#1684: two variants at once refresh one after the other, each gets its own', async () => {
    const { server, manager } = await openManager();
    const [read, write] = await Promise.all([
      manager.getAccessToken({ scope: ['read'] }),
      manager.getAccessToken({ scope: ['write'] }),
    ]);
    expect(read).not.toBe(write);
    expect(server.counts).toMatchObject({ refreshes: 2, reuses: 0, peakConcurrentRefreshes: 1 });
  });

  test('B5 AzureAD msal#3705: what is stored can be had without the network, expired or not', async () => {
    const { server, clock, manager } = await openManager();
    await clock.advance(400_000);
    expect(await manager.getTokens()).toMatchObject({ accessToken: server.currentAccessToken() });
    expect(server.counts.tokenRequests).toBe(0);
  });

  test('B27 auth0-spa-js#552: a fresh token costs neither lock nor storage', async () => {
    const { open, storage } = await openManager();
    let touched = 0;
    const counted = {
      ...storage,
      read: (key: string) => {
        touched += 1;
        return storage.read(key);
      },
    };
    const manager = open({ storage: counted });
    await manager.getAccessToken();
    const before = touched;
    await Promise.all(times(20, () => manager.getAccessToken()));
    expect(touched).toBe(before);
  });

  test('#wretch dedupe: two sessions never share an answer', async () => {
    const { server, clock, manager } = await openManager();
    const users = times(5, (index) => manager.forSession(`user-${index}`));
    await Promise.all(
      users.map((user, index) => user.setTokens(server.signIn({ subject: `user-${index}` }))),
    );
    await clock.advance(400_000);
    const tokens = await Promise.all(users.flatMap((user) => times(4, () => user.getAccessToken())));
    expect(new Set(tokens).size).toBe(5);
    expect(server.counts).toMatchObject({ refreshes: 5, reuses: 0 });
  });
});

describe('replaying', () => {
  test('N39 emdash#2556, B67 a2a-js#735: a POST with a JSON body arrives a second time byte for byte', async () => {
    const { server, call } = await openManager();
    server.expire();
    const body = JSON.stringify({ amount: 12, note: 'ünïcödé' });
    expect(await call(api, { method: 'POST', body, headers: { 'content-type': 'application/json' } })).toBe(
      200,
    );
    const [first, second] = server.requests;
    expect(first?.body).toEqual(second?.body);
    expect(new TextDecoder().decode(second?.body)).toBe(body);
    expect([first?.status, second?.status]).toEqual([401, 200]);
  });

  test('N41 OpenMeet#414: an endpoint that always answers 401 costs one refresh, keeps the session and does not loop', async () => {
    const { server, call, events } = await openManager();
    server.fail(
      { response: { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } } },
      { on: 'api', times: 9 },
    );
    expect(await call()).toBe(401);
    expect(await call()).toBe(401);
    expect(await call()).toBe(401);
    expect(server.counts).toMatchObject({ refreshes: 1, apiCalls: 4 });
    expect(events.map(({ type }) => type)).toEqual(['refreshed', 'newTokenRejected']);
  });

  test('N41: a straggler that finds the new token ended does not keep the next call from refreshing', async () => {
    const { server, call } = await openManager();
    server.expire();
    const firstSends = server.hold({ on: 'api', times: 2 });
    const calls = [call(), call()];
    await firstSends.arrived(2);
    // Of the two replays the first is accepted; before the second arrives the new token has ended.
    server.fail({ response: refusals.rfc6750 }, { on: 'api', when: () => server.requests.length === 4 });
    firstSends();
    expect((await Promise.all(calls)).sort()).toEqual([200, 401]);
    server.expire();
    expect(await call()).toBe(200);
    expect(server.counts.refreshes).toBe(2);
  });

  test('N43 Windup#207: a POST whose connection dies is not sent again', async () => {
    const { server, manager } = await openManager();
    server.fail({ drop: true }, { on: 'api' });
    await expect(manager.fetch(api, { method: 'POST', body: 'x' })).rejects.toThrow(TypeError);
    expect(server.counts).toMatchObject({ apiCalls: 1, refreshes: 0 });
  });

  test('N43: a 503 of the API is the caller’s', async () => {
    const { server, call } = await openManager();
    server.fail({ response: { status: 503 } }, { on: 'api' });
    expect(await call(api, { method: 'POST', body: 'x' })).toBe(503);
    expect(server.counts).toMatchObject({ apiCalls: 1, refreshes: 0 });
  });

  test('B47 keycloak#10360: a token that ends on its way is healed by one refresh', async () => {
    const { server, call } = await openManager();
    server.expire();
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, apiCalls: 2 });
  });
});
