/**
 * The providers' own documents about refresh tokens, step by step in their numbering, with the requests and responses
 * that they print.
 */
import {
  type AuthorizationServer,
  type ClientAuthentication,
  TokenManager,
  type TokenManagerOptions,
} from 'tokenkeep';
import { clientSecretBasic, clientSecretPost } from 'tokenkeep/client-authentication';
import { cloudentity, curity, reachfive } from 'tokenkeep/providers';
import { faults, testClock } from 'tokenkeep/testing';
import { dialects } from 'tokenkeep/testing/dialects';
import { describe, expect, test } from 'vitest';
import { api, openManager } from '../support/open-manager.ts';
import { asPrinted, asSent } from '../support/printed.ts';
import { rejection, times } from '../support/promises.ts';
import type { Place, Sent } from '../support/wire.ts';
import { wire } from '../support/wire.ts';

/** An answer as a document prints it. */
const printed =
  (body: string, status = 200): Place =>
  () =>
    new Response(body, { status, headers: { 'content-type': 'application/json' } });
const inOrder =
  (...places: readonly Place[]): Place =>
  (sent, count) =>
    places[count - 1]?.(sent, count) ?? new Response(null, { status: 500 });

describe('Curity: Refresh Tokens', () => {
  const server = curity({ domain: 'localhost' });
  const { tokenEndpoint } = server;
  const login = { access_token: 'an-opaque-token', refresh_token: 'THE_REFRESH_TOKEN', expires_in: 300 };
  const answer = `{
"access_token": "79ed4e85-954d-4044-9362-99ac9695d7e0",
"refresh_token": "ff8cfad8-9888-44c7-afb2-8c597cf96037",
"scope" : "",
"token_type": "bearer",
"expires_in": 300
}`;

  async function client(
    fetch: typeof globalThis.fetch,
    [clientId, clientAuthentication]: [string, ClientAuthentication],
    authorizationServer: AuthorizationServer,
    options: Partial<TokenManagerOptions> = {},
  ) {
    return new TokenManager({
      clientId,
      clientAuthentication,
      authorizationServer,
      protectedResources: ['https://api.test/'],
      fetch,
      clock: testClock(),
      ...options,
    });
  }

  test('1, 2: the refresh token goes with the credentials in the body, and what comes back is stored', async () => {
    const clock = testClock();
    const net = wire({ [tokenEndpoint]: printed(answer) });
    const manager = await client(net.fetch, ['www', clientSecretPost('THE_SECRET')], server, { clock });
    await manager.setTokens(login);
    const token = await manager.getAccessToken({ rejectedToken: login.access_token });
    expect(token).toBe('79ed4e85-954d-4044-9362-99ac9695d7e0');
    expect(net.sent.map(asSent)).toEqual([
      asPrinted(`
POST /oauth/v2/oauth-token HTTP/1.1
Host: localhost
Content-Type: application/x-www-form-urlencoded

grant_type=refresh_token&
client_id=www&
client_secret=THE_SECRET&
refresh_token=THE_REFRESH_TOKEN
`),
    ]);
    expect(await manager.getTokens()).toMatchObject({
      accessToken: '79ed4e85-954d-4044-9362-99ac9695d7e0',
      refreshToken: 'ff8cfad8-9888-44c7-afb2-8c597cf96037',
      tokenType: 'bearer',
      expiresAt: clock.now() + 300_000,
      scope: undefined, // it says nothing, so nothing is known
    });
    // "The client will have to store the refresh token from each response and use that in the next request."
    await manager.getAccessToken({ rejectedToken: token });
    expect(net.sent[1]?.form.get('refresh_token')).toBe('ff8cfad8-9888-44c7-afb2-8c597cf96037');
  });

  test('the same with cURL: the same parameters', async () => {
    const server = curity({ domain: 'https://localhost:8443' });
    const net = wire({ 'https://localhost:8443/oauth/v2/oauth-token': printed(answer) });
    const manager = await client(net.fetch, ['www', clientSecretPost('Secr3t!')], server);
    await manager.setTokens(login);
    await manager.getAccessToken({ rejectedToken: login.access_token });
    const data =
      'grant_type=refresh_token&client_id=www&client_secret=Secr3t!&refresh_token=THE_REFRESH_TOKEN';
    // Encoded as a form `!` is `%21`, which is the same to who reads a form.
    expect([...(net.sent[0]?.form ?? [])].sort()).toEqual([...new URLSearchParams(data)].sort());
  });

  test('an error is a JSON object as well, and ends the session when it is about the grant', async () => {
    const net = wire({ [tokenEndpoint]: printed('{"error":"invalid_grant"}', 400) });
    const manager = await client(net.fetch, ['www', clientSecretPost('THE_SECRET')], server);
    await manager.setTokens(login);
    const failure = await rejection(manager.getAccessToken({ rejectedToken: login.access_token }));
    expect(failure).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
  });

  test('tokens are opaque, and no new ID token comes: the one of the login stays', async () => {
    const net = wire({
      [tokenEndpoint]: printed(answer),
      'https://api.test/': ({ headers }) => Response.json({ sent: headers.get('authorization') }),
    });
    const manager = await client(net.fetch, ['www', clientSecretPost('THE_SECRET')], server);
    await manager.setTokens({
      ...login,
      access_token: 'eyJ.is-no-JWT.',
      id_token: 'the ID token of the login',
    });
    await manager.getAccessToken({ rejectedToken: 'eyJ.is-no-JWT.' });
    expect(await (await manager.fetch('https://api.test/')).json()).toEqual({
      sent: 'Bearer 79ed4e85-954d-4044-9362-99ac9695d7e0',
    });
    expect(await manager.getTokens()).toMatchObject({ idToken: 'the ID token of the login' });
  });

  /** With "Reuse Refresh Tokens" switched on. */
  const echo: Place = ({ form }, count) =>
    Response.json({
      access_token: `access-${count}`,
      refresh_token: form.get('refresh_token'),
      scope: '',
      token_type: 'bearer',
      expires_in: 300,
    });
  const reusing = curity({ domain: 'localhost', reuseRefreshTokens: true });

  test('Reusing refresh tokens: the one in the request is echoed, and serves again and again', async () => {
    const net = wire({ [tokenEndpoint]: echo });
    const manager = await client(net.fetch, ['www', clientSecretPost('THE_SECRET')], reusing);
    const rotated: boolean[] = [];
    manager.on('refreshed', (event) => rotated.push(event.rotated));
    await manager.setTokens(login);
    let token = login.access_token;
    for (const _ of times(3, Number)) token = await manager.getAccessToken({ rejectedToken: token });
    expect(token).toBe('access-3');
    expect(net.sent.map(({ form }) => form.get('refresh_token'))).toEqual(
      times(3, () => 'THE_REFRESH_TOKEN'),
    );
    expect(rotated).toEqual([false, false, false]);
    expect((await manager.getTokens())?.refreshToken).toBe('THE_REFRESH_TOKEN');
  });

  test('… and so a lost response is asked for again at once, which by default it is not', async () => {
    const cut: Place = () =>
      new Response(new ReadableStream({ start: (body) => body.error(new Error('cut')) }));
    for (const [authorizationServer, requests] of [
      [reusing, 2],
      [server, 1],
    ] as const) {
      const net = wire({ [tokenEndpoint]: (sent, count) => (count === 1 ? cut : echo)(sent, count) });
      const manager = await client(net.fetch, ['www', clientSecretPost('THE_SECRET')], authorizationServer);
      await manager.setTokens(login);
      const asked = manager.getAccessToken({ rejectedToken: login.access_token });
      if (requests === 2) expect(await asked).toBe('access-2');
      else expect(await rejection(asked)).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
      expect(net.sent).toHaveLength(requests);
    }
  });

  test('… and 50 calls at once still make one request', async () => {
    const { server, call } = await openManager({ server: { ...dialects.curity, profile: 'sameToken' } });
    for (const _ of times(3, Number)) {
      server.expire();
      expect(await Promise.all(times(50, () => call()))).toEqual(times(50, () => 200));
    }
    expect(server.counts).toMatchObject({ refreshes: 3, peakConcurrentRefreshes: 1 });
  });

  test('Disabling issuance: without a refresh token the session lasts as long as its access token', async () => {
    const { server, clock, manager, call } = await openManager();
    const { refresh_token: _, ...rest } = server.signIn();
    await manager.setTokens(rest as typeof login);
    expect(await call()).toBe(200);
    await clock.advance(300_000);
    const failure = await rejection(call());
    expect(failure).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'no_refresh_token' });
    expect(server.counts.tokenRequests).toBe(0);
  });

  describe('Changing Scope of Access Token on Refresh', () => {
    const server = curity({ domain: 'localhost:8443', prefix: '/' });
    const { tokenEndpoint } = server;
    // Where the listings have "…", what Curity always includes: token_type and expires_in.
    const grant = `{
"token_type": "bearer",
"expires_in": 300,
"access_token": "aebc4798-9a2c-4c4a-a39f-c31eeb6409e6",
"refresh_token": "4dc21b27-b1ef-4e68-98b4-055d215fa5e2",
"scope": "read openid profile"
}`;
    const narrower = `{
"token_type": "bearer",
"expires_in": 300,
"access_token": "2a44b422-f2c2-4fd8-bfcb-1ea6140cea87",
"refresh_token": "daa38700-ba96-4ef1-8b30-5cb3527aae19",
"scope": "read profile"
}`;
    const widened = `{
"token_type": "bearer",
"expires_in": 300,
"access_token": "widened",
"refresh_token": "after-widened",
"scope": "read openid profile"
}`;
    const aladdin = clientSecretBasic('open sesame', { encoding: 'plain' });

    test('the client asks for less, with its credentials in the header', async () => {
      const net = wire({ [tokenEndpoint]: printed(narrower) });
      const manager = await client(net.fetch, ['Aladdin', aladdin], server);
      await manager.setTokens(JSON.parse(grant));
      const token = await manager.getAccessToken({ scope: ['read', 'profile'] });
      expect(token).toBe('2a44b422-f2c2-4fd8-bfcb-1ea6140cea87');
      expect(net.sent.map(asSent)).toEqual([
        asPrinted(`
POST /token HTTP/1.1
Host: localhost:8443
Content-Type: application/x-www-form-urlencoded
Authorization: basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==

grant_type=refresh_token&
refresh_token=4dc21b27-b1ef-4e68-98b4-055d215fa5e2&
scope=read+profile
`),
      ]);
      // The token for the whole scope is as good as before, and is not mixed up with the other one.
      expect(await manager.getAccessToken()).toBe('aebc4798-9a2c-4c4a-a39f-c31eeb6409e6');
      expect(await manager.getTokens()).toMatchObject({
        refreshToken: 'daa38700-ba96-4ef1-8b30-5cb3527aae19',
        scope: ['read', 'openid', 'profile'],
      });
    });

    test('"reduced and increased back": the next whole token names the original scope, because Curity remembers the reduced one', async () => {
      const net = wire({ [tokenEndpoint]: inOrder(printed(narrower), printed(widened), printed(widened)) });
      const manager = await client(net.fetch, ['Aladdin', aladdin], server);
      await manager.setTokens(JSON.parse(grant));
      await manager.getAccessToken({ scope: ['read', 'profile'] });
      const whole = { rejectedToken: 'aebc4798-9a2c-4c4a-a39f-c31eeb6409e6' };
      expect(await manager.getAccessToken(whole)).toBe('widened');
      expect(asSent(net.sent[1])).toEqual(
        asPrinted(`
POST /token HTTP/1.1
Host: localhost:8443
Content-Type: application/x-www-form-urlencoded
Authorization: basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==

grant_type=refresh_token&
refresh_token=daa38700-ba96-4ef1-8b30-5cb3527aae19&
scope=read+openid+profile
`),
      );
      // "If excluded, the scope will not change."
      await manager.getAccessToken({ rejectedToken: 'widened' });
      expect([...(net.sent[2]?.form.keys() ?? [])].sort()).toEqual(['grant_type', 'refresh_token']);
    });

    test('"not add new scopes": more than was granted is refused, and costs the session nothing', async () => {
      const net = wire({
        [tokenEndpoint]: inOrder(printed('{"error":"invalid_scope"}', 400), printed(widened)),
      });
      const manager = await client(net.fetch, ['Aladdin', aladdin], server);
      await manager.setTokens(JSON.parse(grant));
      const failure = await rejection(manager.getAccessToken({ scope: ['read', 'email'] }));
      expect(failure).toMatchObject({ code: 'ERR_REFRESH_FAILED', error: 'invalid_scope', sent: false });
      const { accessToken = '' } = (await manager.getTokens()) ?? {};
      expect(await manager.getAccessToken({ rejectedToken: accessToken })).toBe('widened');
      expect(net.sent.map(({ form }) => form.get('refresh_token'))).toEqual(
        times(2, () => '4dc21b27-b1ef-4e68-98b4-055d215fa5e2'),
      );
    });
  });
});

describe('Cloudentity: Refresh Token Flow', () => {
  const place = { domain: 'acme.eu.authz.cloudentity.io', tenant: 'acme', workspace: 'default' };
  const authorizationServer = cloudentity(place);
  const granted = { ...dialects.cloudentity, scope: ['openid', 'offline_access', 'orders'] };

  test('How the Flow Works, 1 to 10', async () => {
    const { server, manager } = await openManager({ manager: { authorizationServer }, server: granted });
    server.reset();
    // 1 The client uses the authorization code grant with offline_access, and receives both tokens.
    const { access_token, refresh_token } = server.signIn();
    await manager.setTokens({ access_token, refresh_token: String(refresh_token) });
    // 2, 3 It requests protected resources with its access token, and gets them.
    const first = await manager.fetch(api);
    expect(first.status).toBe(200);
    // 4 The access token expires.
    server.expire();
    // 5 It requests protected resources: "Invalid token". 6, 7, 8 It sends its refresh token, and gets new tokens.
    // 9, 10 It requests protected resources with the new access token, and gets them.
    const second = await manager.fetch(api);
    expect(second.status).toBe(200);
    const story = server.log.map(({ type, token, issued }) => [type, token, ...(issued ?? [])]);
    const [oldAccess, oldRefresh] = [server.idOf(access_token), server.idOf(String(refresh_token))];
    const { accessToken = '', refreshToken = '' } = (await manager.getTokens()) ?? {};
    const [newAccess, newRefresh] = [server.idOf(accessToken), server.idOf(refreshToken)];
    expect(story).toEqual([
      ['signIn', undefined, oldAccess, oldRefresh],
      ['api', oldAccess],
      ['expired', undefined],
      ['apiRejected', oldAccess],
      ['refresh', oldRefresh, newAccess, newRefresh],
      ['api', newAccess],
    ]);
  });

  test('"every time a new refresh token is issued and the previous token is invalidated"', async () => {
    const { server, manager, call } = await openManager({
      manager: { authorizationServer },
      server: granted,
    });
    const spent: string[] = [];
    for (const _ of times(5, Number)) {
      spent.push((await manager.getTokens())?.refreshToken ?? '');
      server.expire();
      expect(await call()).toBe(200);
    }
    expect(new Set(spent).size).toBe(5);
    expect(spent.map((token) => server.isActive(token))).toEqual(times(5, () => false));
    expect(server.isActive((await manager.getTokens())?.refreshToken ?? '')).toBe(true);
    expect(server.counts).toMatchObject({ refreshes: 5, refreshTokensResent: 0, familiesRevoked: 0 });
  });

  test('"a new token can have an identical or narrower scope"', async () => {
    const { server, manager } = await openManager({ manager: { authorizationServer }, server: granted });
    const narrow = await manager.getAccessToken({ scope: ['orders'] });
    const seen = await server.fetch(api, { headers: { authorization: `Bearer ${narrow}` } });
    expect((await seen.json()).scope).toEqual(['orders']);
    server.expire();
    expect((await (await manager.fetch(api)).json()).scope).toEqual(granted.scope);
  });

  test('"they can also expire": the session ends with a typed error, and the server is asked once', async () => {
    const { server, clock, call, events } = await openManager({
      manager: { authorizationServer },
      server: granted,
    });
    clock.set(clock.now() + 31 * 86_400_000);
    expect(await rejection(call())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
    expect(await rejection(call())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
    expect(events.map(({ type }) => type)).toEqual(['sessionEnded']);
    expect(server.counts.tokenRequests).toBe(1);
  });

  test('"it is also possible to revoke a refresh token": its access tokens end with it', async () => {
    const { server, manager } = await openManager({ manager: { authorizationServer }, server: granted });
    const { accessToken = '', refreshToken = '' } = (await manager.getTokens()) ?? {};
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect([accessToken, refreshToken].map((token) => server.isActive(token))).toEqual([false, false]);
  });

  test('tenant and workspace stand in the path, unless the domain stands for them', () => {
    const { tokenEndpoint } = dialects.cloudentity;
    expect(authorizationServer.tokenEndpoint).toBe(tokenEndpoint);
    expect(cloudentity({ ...place, tenant: undefined }).tokenEndpoint).toBe(
      'https://acme.eu.authz.cloudentity.io/default/oauth2/token',
    );
    expect(cloudentity({ domain: 'login.example.com' }).tokenEndpoint).toBe(
      'https://login.example.com/oauth2/token',
    );
  });

  test('a lost response ends the session by default; with cycling off it is asked for again at once', async () => {
    const strict = await openManager({ manager: { authorizationServer }, server: granted });
    strict.server.expire();
    strict.server.fail(faults.lostResponse);
    expect(await rejection(strict.call())).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
    expect(await rejection(strict.call())).toMatchObject({ reason: 'response_lost' });
    const off = await openManager({
      manager: { authorizationServer: cloudentity({ ...place, cycling: false }) },
      server: { ...granted, profile: 'sameToken' },
    });
    const { refreshToken } = (await off.manager.getTokens()) ?? {};
    off.server.expire();
    off.server.fail(faults.lostResponse);
    expect(await off.call()).toBe(200);
    expect((await off.manager.getTokens())?.refreshToken).toBe(refreshToken);
    expect(off.server.counts).toMatchObject({ refreshAttempts: 2, familiesRevoked: 0 });
  });

  test('an error in the style of RFC 6749 ends the session if it says so, and its hint is reported', async () => {
    const { server, call, events } = await openManager({ manager: { authorizationServer }, server: granted });
    server.revokeFamily();
    server.expire();
    const told = {
      reason: 'invalid_grant',
      error: 'invalid_grant',
      description: 'The provided authorization grant is invalid.',
      details: {
        error_hint: 'Check that the refresh token was not used before.',
        cause: '',
        details: null,
        status_code: 400,
      },
    };
    expect(await rejection(call())).toMatchObject(told);
    expect(events).toMatchObject([{ type: 'sessionEnded', error: told }]);
  });

  test.each([401, 404, 412, 429])(
    'a generic %d has a sentence in place of a code: it is the description, and the session is kept',
    async (status) => {
      const { server, clock, call } = await openManager({
        manager: { authorizationServer },
        server: granted,
      });
      const generic = {
        error: 'tenant not found or blocked',
        error_code: status,
        error_hint: 'Check the URL.',
      };
      server.expire();
      server.fail({ response: { status, body: JSON.stringify(generic), headers: {} } });
      expect(await rejection(call())).toMatchObject({
        code: 'ERR_REFRESH_FAILED',
        status,
        error: undefined,
        description: 'tenant not found or blocked',
        details: { error_code: status, error_hint: 'Check the URL.' },
      });
      await clock.advance(30_000);
      expect(await call()).toBe(200);
    },
  );
});

describe('ReachFive: Refresh tokens', () => {
  const authorizationServer = reachfive({ domain: 'acme.reach5.net' });
  const { tokenEndpoint, revocationEndpoint = '' } = authorizationServer;
  const answer = (count: number) => ({
    id_token: `id-${count}`,
    access_token: `access-${count}`,
    refresh_token: `refresh-${count}`,
    token_type: 'Bearer',
    expires_in: 86_400,
  });
  const places = {
    [tokenEndpoint]: (_: Sent, count: number) => Response.json(answer(count)),
    [revocationEndpoint]: () => new Response(null, { status: 204 }),
  };

  async function client(fetch: typeof globalThis.fetch, clientAuthentication?: ClientAuthentication) {
    const manager = new TokenManager({
      clientId: 'CLIENT_ID',
      clientAuthentication,
      authorizationServer,
      protectedResources: ['https://api.test/'],
      fetch,
      clock: testClock(),
    });
    await manager.setTokens(answer(0));
    return manager;
  }

  test('the refresh token flow, step by step', async () => {
    const { server, manager } = await openManager({
      manager: { authorizationServer },
      server: dialects.reachfive,
    });
    server.reset();
    // The application requests an access token, and both tokens are sent to it.
    const login = server.signIn();
    await manager.setTokens({ access_token: login.access_token, refresh_token: String(login.refresh_token) });
    // It sends the access token to the resource server, which returns the protected resource, as long as it is valid.
    for (const _ of times(3, Number)) expect((await manager.fetch(api)).status).toBe(200);
    // The access token has expired: an invalid token error, then the refresh token, then a new set of tokens.
    server.expire();
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.log.map(({ type }) => type)).toEqual([
      'signIn',
      ...['api', 'api', 'api'],
      ...['expired', 'apiRejected', 'refresh', 'api'],
    ]);
    expect(server.requests.map(({ status }) => status)).toEqual([200, 200, 200, 401, 200]);
    // "The refresh token itself does not communicate with the resource server."
    expect(server.counts.refreshTokensLeaked).toBe(0);
  });

  test('the token request of a public client is JSON', async () => {
    const net = wire(places);
    const manager = await client(net.fetch);
    expect(await manager.getAccessToken({ rejectedToken: 'access-0' })).toBe('access-1');
    const [{ method, url, headers, body } = {} as Sent] = net.sent;
    expect([method, url, headers.get('content-type')]).toEqual([
      'POST',
      'https://acme.reach5.net/oauth/token',
      'application/json',
    ]);
    expect(JSON.parse(body)).toEqual({
      grant_type: 'refresh_token',
      client_id: 'CLIENT_ID',
      refresh_token: 'refresh-0',
    });
    expect(await manager.getTokens()).toMatchObject({ refreshToken: 'refresh-1', idToken: 'id-1' });
  });

  test('a confidential client adds its secret', async () => {
    const net = wire(places);
    const manager = await client(net.fetch, clientSecretPost('CLIENT_SECRET'));
    await manager.getAccessToken({ rejectedToken: 'access-0' });
    expect(JSON.parse(net.sent[0]?.body ?? '')).toEqual({
      grant_type: 'refresh_token',
      client_id: 'CLIENT_ID',
      client_secret: 'CLIENT_SECRET',
      refresh_token: 'refresh-0',
    });
    expect(net.sent[0]?.headers.has('authorization')).toBe(false);
  });

  test('"it is possible to revoke the refresh token using the Identity API": JSON, answered 204', async () => {
    const net = wire(places);
    const manager = await client(net.fetch);
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(net.sent[0]).toMatchObject({ method: 'POST', url: 'https://acme.reach5.net/oauth/revoke' });
    expect(JSON.parse(net.sent[0]?.body ?? '')).toEqual({
      client_id: 'CLIENT_ID',
      token: 'refresh-0',
      token_type_hint: 'refresh_token',
    });
  });

  test('"a refresh token can only be used once": twice, on purpose and by hand, invalidates all other tokens', async () => {
    const { server, manager, clock, call } = await openManager({
      manager: { authorizationServer },
      server: dialects.reachfive,
    });
    const refresh_token = (await manager.getTokens())?.refreshToken;
    const body = JSON.stringify({ grant_type: 'refresh_token', client_id: 'test-client', refresh_token });
    const headers = { 'content-type': 'application/json' };
    const spend = () => server.fetch(tokenEndpoint, { method: 'POST', headers, body });
    expect([(await spend()).status, (await spend()).status]).toEqual([200, 400]);
    await clock.advance(300_000);
    expect(await rejection(call())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
  });

  test('… and so it is used once, however many calls need it and whatever the result of the first of them', async () => {
    const { server, manager, call } = await openManager({
      manager: { authorizationServer },
      server: dialects.reachfive,
    });
    for (const _ of times(3, Number)) {
      server.expire();
      const hold = server.hold({ times: 1 });
      const leaving = new AbortController();
      const left = rejection(manager.fetch(api, { signal: leaving.signal }));
      const calls = times(50, () => call());
      await hold.arrived();
      leaving.abort();
      expect(await left).toMatchObject({ name: 'AbortError' });
      hold();
      expect(await Promise.all(calls)).toEqual(times(50, () => 200));
    }
    expect(server.counts).toMatchObject({ refreshes: 3, refreshAttempts: 3, familiesRevoked: 0 });
  });

  test('preconditions, offline_access and PKCE: where they are missing there is no refresh token, and a login is asked for in time', async () => {
    const { server, clock, manager, events, call } = await openManager({
      manager: { authorizationServer },
      server: dialects.reachfive,
    });
    // A console without "Enable Refresh Tokens", or a login without offline_access, answers without one.
    const { refresh_token: _, ...login } = server.signIn({ scope: ['openid', 'profile'] });
    await manager.setTokens(login as { access_token: string });
    events.length = 0;
    expect((await manager.getTokens())?.refreshToken).toBeUndefined();
    expect(await call()).toBe(200);
    await clock.advance(86_400_000);
    expect(await rejection(call())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'no_refresh_token' });
    expect(server.counts.tokenRequests).toBe(0);
  });

  test.each([1, 90, 365])('a refresh token that lives %d days, as the console sets it', async (days) => {
    const day = 86_400_000;
    const refreshTokenLifetime = days * day;
    const { server, clock, manager, call } = await openManager({
      manager: { authorizationServer: reachfive({ domain: 'acme.reach5.net', refreshTokenLifetime }) },
      server: { ...dialects.reachfive, refreshTokenLifetime },
    });
    expect((await manager.getTokens())?.refreshTokenExpiresAt).toBe(clock.now() + refreshTokenLifetime);
    clock.set(clock.now() + days * day - 1);
    expect(await call()).toBe(200);
    clock.set(clock.now() + day);
    expect(await rejection(call())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
    expect(server.counts).toMatchObject({ tokenRequests: 2, reuses: 0 });
  });

  test('its errors are reported: for logs by error_id, for the user in words', async () => {
    const { server, manager, call, events } = await openManager({
      manager: { authorizationServer },
      server: dialects.reachfive,
    });
    const fields = {
      error_id: 'GxW1k8kRpF',
      error_message_key: 'error.invalidGrant',
      error_user_msg: 'Please sign in again.',
    };
    const told = { error: 'invalid_grant', description: 'Invalid refresh token.', details: fields };
    server.revokeFamily();
    server.expire();
    expect(await rejection(call())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', ...told });
    expect(events).toMatchObject([{ type: 'sessionEnded', error: told }]);
    // A request that it does not like: which field, and why. The session is kept.
    await manager.setTokens(server.signIn());
    server.expire();
    const wrong = dialects.reachfive.dialect?.refused?.invalid_request;
    server.fail({ response: { ...wrong } });
    expect(await rejection(call())).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      error: 'invalid_request',
      details: {
        error_details: [{ field: 'client_id', message: 'Missing required field', code: 'missing' }],
      },
    });
  });

  test('100 token requests a minute: its 429 is waited for, and costs the session nothing', async () => {
    const { server, clock, call } = await openManager({
      manager: { authorizationServer },
      server: dialects.reachfive,
    });
    server.expire();
    const body = JSON.stringify({ error: 'rate_limit_reached', error_description: 'Too many requests.' });
    server.fail({ response: { status: 429, headers: { 'retry-after': '60' }, body } });
    const failure = { code: 'ERR_REFRESH_FAILED', error: 'rate_limit_reached', sent: false, status: 429 };
    expect(await rejection(call())).toMatchObject({ ...failure, retryAfter: 60_000 });
    await clock.advance(59_000);
    expect(await Promise.all(times(10, () => rejection(call())))).toMatchObject(times(10, () => failure));
    expect(server.counts.tokenRequests).toBe(1);
    await clock.advance(1_000);
    expect(await call()).toBe(200);
  });
});

describe('Oauth - Refresh token', () => {
  test('"usually opaque": whatever the refresh token is, it goes to the token endpoint as it came', async () => {
    const refreshToken = 'ü+/=&%20" \\.eyJ9..~';
    const tokenEndpoint = 'https://as.test/token';
    const net = wire({ [tokenEndpoint]: () => Response.json({ access_token: 'new' }) });
    const manager = new TokenManager({
      clientId: 'app',
      authorizationServer: { tokenEndpoint },
      protectedResources: ['https://api.test/'],
      fetch: net.fetch,
    });
    await manager.setTokens({ access_token: 'old', refresh_token: refreshToken });
    await manager.getAccessToken({ rejectedToken: 'old' });
    expect(net.sent[0]?.form.get('refresh_token')).toBe(refreshToken);
  });

  test('"never sent to resource servers", not even where one of them is the token endpoint’s neighbour', async () => {
    const { server, manager, call } = await openManager({ server: { apiOrigin: 'https://as.test' } });
    server.expire();
    expect(await call('https://as.test/orders')).toBe(200);
    server.fail(faults.redirect('https://as.test/orders'));
    server.expire();
    await rejection(manager.fetch('https://as.test/orders'));
    expect(server.counts).toMatchObject({ refreshTokensLeaked: 0, refreshes: 1 });
  });
});
