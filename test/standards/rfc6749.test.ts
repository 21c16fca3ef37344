/** OAuth 2.0, and what OAuth 2.1 makes of it. */
import { inspect } from 'node:util';
import {
  type ClientAuthentication,
  ConfigurationError,
  memoryStorage,
  none,
  TokenManager,
  type TokenManagerOptions,
} from 'tokenkeep';
import { clientSecretJwt } from 'tokenkeep/client-assertion';
import { clientSecretBasic, clientSecretPost } from 'tokenkeep/client-authentication';
import { faults, testClock } from 'tokenkeep/testing';
import { describe, expect, test, vi } from 'vitest';
import { openManager } from '../support/open-manager.ts';
import { rejection, times } from '../support/promises.ts';
import { wire } from '../support/wire.ts';
import { api, as, client, done, granting, refresh, refusing } from './support/client.ts';

const methods: Readonly<Record<string, ClientAuthentication>> = {
  none: none(),
  client_secret_basic: clientSecretBasic('s3cret'),
  client_secret_post: clientSecretPost('s3cret'),
  client_secret_jwt: clientSecretJwt('s3cret-of-at-least-thirty-two-bytes'),
};

const optionsWith = (more: Partial<TokenManagerOptions>): TokenManagerOptions => ({
  clientId: 'app',
  authorizationServer: as,
  protectedResources: ['https://api.test/'],
  ...more,
});

describe('the token request', () => {
  test('6749-01: it is a POST, and the query of the endpoint is kept', async () => {
    const tokenEndpoint = 'https://as.test/token?tenant=x&y=%20';
    const net = wire({ [tokenEndpoint]: granting() });
    await refresh(await client(net, { authorizationServer: { tokenEndpoint } }));
    expect(net.sent.map(({ method, url }) => [method, url])).toEqual([['POST', tokenEndpoint]]);
  });

  test.each([
    'http://as.test/token',
    'ftp://as.test/token',
    'https://as.test/token#fragment',
    'https://user:password@as.test/token',
    '/token',
    '',
  ])('6749-01: %j is no token endpoint', (tokenEndpoint) => {
    const make = () => new TokenManager(optionsWith({ authorizationServer: { tokenEndpoint } }));
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(/^authorizationServer\.tokenEndpoint/);
  });

  test('6749-01: http is for loopback only', async () => {
    const tokenEndpoint = 'http://127.0.0.1:8080/token';
    const net = wire({ [tokenEndpoint]: granting() });
    expect(await refresh(await client(net, { authorizationServer: { tokenEndpoint } }))).toBe('access-1');
  });

  test('6749-02: no parameter goes out twice, and none without a value', async () => {
    const net = wire({ [as.tokenEndpoint]: granting() });
    const manager = await client(net, {
      clientAuthentication: clientSecretPost('s3cret'),
      tokenRequest: { parameters: { audience: 'orders' } },
    });
    await manager.getAccessToken({ scope: ['read'] });
    await refresh(manager);
    await refresh(manager);
    const names = net.sent.map(({ form }) => [...form.keys()].sort());
    const always = ['audience', 'client_id', 'client_secret', 'grant_type', 'refresh_token'];
    expect(names).toEqual([[...always, 'scope'], [...always, 'scope'], always]);
    expect(net.sent.flatMap(({ form }) => [...form.values()])).not.toContain('');
  });

  test.each([
    'grant_type',
    'refresh_token',
    'scope',
    'resource',
    'client_id',
    'client_secret',
    'client_assertion',
    'client_assertion_type',
  ])('6749-02: tokenRequest.parameters cannot set %s a second time', (name) => {
    const make = () => new TokenManager(optionsWith({ tokenRequest: { parameters: { [name]: 'x' } } }));
    expect(make).toThrow(ConfigurationError);
    expect(make).toThrow(name);
  });

  test.each([[[]], [['']], [['read write']], [['a"b']], ['read']])(
    '6749-02: %j is no list of scopes, and is not asked for',
    async (scope) => {
      const net = wire({ [as.tokenEndpoint]: granting() });
      const manager = await client(net);
      const failure = await rejection(manager.getAccessToken({ scope: scope as string[] }));
      expect(failure).toBeInstanceOf(ConfigurationError);
      expect(net.sent).toEqual([]);
    },
  );

  test.each(Object.entries(methods))(
    '6749-03: %s goes without any other',
    async (name, clientAuthentication) => {
      const net = wire({ [as.tokenEndpoint]: granting(), [as.revocationEndpoint]: done });
      const manager = await client(net, { clientAuthentication });
      await refresh(manager);
      await manager.signOut();
      const proofs = net.sent.map(({ headers, form }) => ({
        client_secret_basic: headers.has('authorization'),
        client_secret_post: form.has('client_secret'),
        client_secret_jwt: form.has('client_assertion'),
      }));
      const only = { client_secret_basic: false, client_secret_post: false, client_secret_jwt: false };
      const expected = name === 'none' ? only : { ...only, [name]: true };
      expect(proofs).toEqual([expected, expected]);
    },
  );

  test('6749-03: tokenRequest.headers cannot bring another one', () => {
    const headers = { Authorization: 'Basic YTpi' };
    expect(() => new TokenManager(optionsWith({ tokenRequest: { headers } }))).toThrow(ConfigurationError);
  });

  test('6749-04: with Basic, id and secret are form-encoded first', async () => {
    const clientId = 'cli:ent%41';
    const clientSecret = 'p:a%62 c+ü&=';
    const clients = [{ clientId, clientSecret, method: 'client_secret_basic' as const }];
    const options = { clientId, clientAuthentication: clientSecretBasic(clientSecret) };
    const { server, call, manager } = await openManager({ manager: options, server: { clients } });
    server.expire();
    expect(await call()).toBe(200);
    expect(await manager.signOut()).toEqual({ revoked: true });
  });

  test('6749-04: … or as they are, for the many servers that do not decode them', async () => {
    const net = wire({ [as.tokenEndpoint]: granting() });
    const clientAuthentication = clientSecretBasic('p:a%62 c+ü', { encoding: 'plain' });
    await refresh(await client(net, { clientId: 'cli%41', clientAuthentication }));
    const [scheme, credentials = ''] = net.sent[0]?.headers.get('authorization')?.split(' ') ?? [];
    expect(scheme).toBe('Basic');
    expect(Buffer.from(credentials, 'base64').toString('utf8')).toBe('cli%41:p:a%62 c+ü');
  });

  test.each(Object.entries(methods))(
    '6749-05: with %s, nothing of it is part of a URL',
    async (_, clientAuthentication) => {
      const net = wire({ [as.tokenEndpoint]: granting(), [as.revocationEndpoint]: done, [api]: done });
      const manager = await client(net, { clientAuthentication });
      await manager.fetch(api);
      await refresh(manager);
      await manager.signOut();
      expect(net.sent.map(({ url }) => url)).toEqual([api, as.tokenEndpoint, as.revocationEndpoint]);
    },
  );

  test.each(['client_secret_basic', 'client_secret_post'] as const)(
    '6749-06: a confidential client authenticates every refresh with %s, as its server asks',
    async (method) => {
      const clients = [{ clientId: 'test-client', clientSecret: 's3cret', method }];
      const { server, call } = await openManager({
        manager: { clientAuthentication: methods[method] },
        server: { clients },
      });
      for (const _ of times(3, Number)) {
        server.expire();
        expect(await call()).toBe(200);
      }
      expect(server.counts.refreshes).toBe(3);
    },
  );

  test('6749-06: a public client says who it is', async () => {
    const net = wire({ [as.tokenEndpoint]: granting() });
    await refresh(await client(net));
    expect(Object.fromEntries(net.sent[0]?.form ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-0',
      client_id: 'app',
    });
  });
});

describe('the answer', () => {
  test('6749-07: members that nobody knows are handed to the application', async () => {
    const extra = { instance_url: 'https://x.test', nested: { a: [1, null] } };
    const net = wire({ [as.tokenEndpoint]: granting(extra) });
    const manager = await client(net);
    await refresh(manager);
    expect((await manager.getTokens())?.extra).toEqual(extra);
  });

  test('6749-08: an opaque token of 20 kB is used as it is', async () => {
    const huge = 'x'.repeat(20_480);
    const net = wire({ [as.tokenEndpoint]: granting({ access_token: huge }), [api]: done });
    const manager = await client(net);
    await refresh(manager);
    await manager.fetch(api);
    expect(net.to(api)[0]?.headers.get('authorization')).toBe(`Bearer ${huge}`);
  });

  test('6749-09: the lifetime counts from the moment the request was sent', async () => {
    const clock = testClock();
    const sentAt = clock.now();
    const net = wire({
      [as.tokenEndpoint]: (sent, count) => {
        clock.set(sentAt + 20_000); // so long it was in progress
        return granting()(sent, count);
      },
    });
    const manager = await client(net, { clock });
    await refresh(manager);
    expect((await manager.getTokens())?.expiresAt).toBe(sentAt + 300_000);
  });

  test('6749-09: a token that dies before its time costs one refresh', async () => {
    const { server, clock, call } = await openManager();
    await clock.advance(10_000); // of 300 s
    server.expire();
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, apiCalls: 2 });
  });

  test('6749-10: another scope than before is taken over, and no scope means the same', async () => {
    const net = wire({
      [as.tokenEndpoint]: (sent, count) => granting(count === 1 ? {} : { scope: 'read' })(sent, count),
    });
    const manager = await client(net);
    const told: unknown[] = [];
    manager.on('refreshed', ({ scope }) => told.push(scope));
    const scopes: unknown[] = [];
    for (const _ of times(2, Number)) {
      await refresh(manager);
      scopes.push((await manager.getTokens())?.scope);
    }
    expect(scopes).toEqual([['read', 'write'], ['read']]);
    expect(told).toEqual(scopes);
  });

  test.each(['bearer', 'BEARER', 'Bearer'])('6749-11: %s is a bearer token', async (token_type) => {
    const net = wire({ [as.tokenEndpoint]: granting({ token_type }), [api]: done });
    const manager = await client(net);
    await refresh(manager);
    await manager.fetch(api);
    expect(net.to(api)[0]?.headers.get('authorization')).toBe('Bearer access-1');
  });

  test.each(['mac', 'N_A', 'Bearer2'])(
    '6749-11: a token of type %s is not used, and the refresh token that came with it is not lost',
    async (token_type) => {
      const clock = testClock();
      const net = wire({
        [as.tokenEndpoint]: (sent, count) => granting(count === 1 ? { token_type } : {})(sent, count),
        [api]: done,
      });
      const manager = await client(net, { clock });
      await clock.advance(400_000);
      expect(await rejection(manager.fetch(api))).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
      expect(net.to(api)).toEqual([]);
      await clock.advance(60_000);
      await manager.fetch(api);
      expect(net.to(as.tokenEndpoint).map(({ form }) => form.get('refresh_token'))).toEqual([
        'refresh-0',
        'refresh-1',
      ]);
      expect(net.to(api).map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer access-2']);
    },
  );

  test('6749-12: 401 invalid_client of the token endpoint is no rejected access token: no loop, and the session is kept', async () => {
    const unknown = refusing('invalid_client', 401, { 'www-authenticate': 'Basic error="invalid_token"' });
    const net = wire({ [as.tokenEndpoint]: unknown });
    const manager = await client(net, { clientAuthentication: clientSecretBasic('wrong') });
    const failures = await Promise.all(times(5, () => rejection(refresh(manager))));
    failures.push(await rejection(refresh(manager)));
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'ERR_REFRESH_FAILED', status: 401, error: 'invalid_client' });
    }
    expect(net.sent).toHaveLength(1);
    expect((await manager.getTokens())?.refreshToken).toBe('refresh-0');
  });

  test.each([
    ['invalid_grant', 'ERR_LOGIN_REQUIRED', undefined],
    ['invalid_request', 'ERR_REFRESH_FAILED', 'refresh-0'],
    ['invalid_client', 'ERR_REFRESH_FAILED', 'refresh-0'],
    ['unauthorized_client', 'ERR_REFRESH_FAILED', 'refresh-0'],
    ['unsupported_grant_type', 'ERR_REFRESH_FAILED', 'refresh-0'],
    ['invalid_scope', 'ERR_REFRESH_FAILED', 'refresh-0'],
    ['one_of_its_own', 'ERR_REFRESH_FAILED', 'refresh-0'],
  ])('6749-13: %s is %s, and afterwards the refresh token is %s', async (error, code, refreshToken) => {
    const manager = await client(wire({ [as.tokenEndpoint]: refusing(error) }));
    expect(await rejection(refresh(manager))).toMatchObject({ code, error });
    expect((await manager.getTokens())?.refreshToken).toBe(refreshToken);
  });
});

describe('scope', () => {
  test('6749-14: after a narrower token the scope of the grant is asked for again, not the narrower one', async () => {
    const net = wire({
      [as.tokenEndpoint]: (sent, count) =>
        granting({ scope: sent.form.get('scope') ?? undefined })(sent, count),
    });
    const manager = await client(net);
    await manager.getAccessToken({ scope: ['read'] });
    await refresh(manager);
    await refresh(manager);
    expect(net.sent.map(({ form }) => form.get('scope'))).toEqual(['read', 'read write', null]);
    expect((await manager.getTokens())?.scope).toEqual(['read', 'write']);
  });

  test('6749-14: a scope beyond the grant is refused, and nothing else suffers', async () => {
    const { server, manager, call } = await openManager();
    const failure = await rejection(manager.getAccessToken({ scope: ['read', 'admin'] }));
    expect(failure).toMatchObject({ code: 'ERR_REFRESH_FAILED', error: 'invalid_scope' });
    server.expire();
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('6749-16: a narrower access token does not narrow what the refresh token is good for', async () => {
    const { server, manager } = await openManager();
    await manager.getAccessToken({ scope: ['read'] });
    expect((await manager.getTokens())?.scope).toEqual(['read', 'write']);
    server.expire();
    const echo = await (await manager.fetch(api)).json();
    expect(echo.scope).toEqual(['read', 'write']);
  });
});

describe('the refresh token', () => {
  test('6749-15, 21-01: a new one replaces the old one, which is never sent again, not even by another manager', async () => {
    const { server, manager, open, storage } = await openManager();
    const before = new Set<string | undefined>();
    for (const _ of times(4, Number)) {
      before.add((await manager.getTokens())?.refreshToken);
      server.expire();
      expect((await open().fetch(api)).status).toBe(200);
    }
    expect(before.size).toBe(4);
    expect(server.counts).toMatchObject({ refreshes: 4, refreshTokensResent: 0 });
    const stored = JSON.stringify((await storage.read('test-client/default'))?.record);
    for (const old of before) expect(stored).not.toContain(old);
  });

  test('6749-17: tokens are in no log, no URL, no error and no event', async () => {
    const written = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(() => undefined),
    );
    const { server, clock, manager, events, call } = await openManager();
    const tokens = [await manager.getTokens()];
    const failures: unknown[] = [];
    for (const fault of [
      faults.serverError,
      faults.lostResponse,
      faults.html,
      faults.oauthError('invalid_client'),
    ]) {
      await manager.setTokens(server.signIn());
      tokens.push(await manager.getTokens());
      await clock.advance(400_000);
      server.fail(fault);
      failures.push(await rejection(call()));
    }
    await manager.setTokens(server.signIn());
    server.expire();
    await call();
    tokens.push(await manager.getTokens());
    await manager.signOut();
    const everything = inspect([failures, events], { depth: 20, showHidden: true }) + JSON.stringify(events);
    const secrets = tokens.flatMap((set) => [set?.accessToken, set?.refreshToken]);
    expect(secrets).toHaveLength(12);
    for (const secret of secrets) expect(everything).not.toContain(secret);
    expect(written.flatMap(({ mock }) => mock.calls)).toEqual([]);
    expect(server.counts).toMatchObject({ secretsInUrl: 0, accessTokensLeaked: 0 });
  });

  test('6749-18: it goes to the token and revocation endpoints, and nowhere else', async () => {
    const { server, manager, call } = await openManager();
    server.expire();
    await call(api, { method: 'POST', body: 'x' });
    await manager.fetch('https://elsewhere.test/').catch(() => undefined);
    await manager.signOut();
    expect(server.counts).toMatchObject({ refreshes: 1, revocations: 1, refreshTokensLeaked: 0 });
  });

  test('6749-18: it is for the server that issued it, not for one that is configured later', async () => {
    const storage = memoryStorage();
    const { open, manager } = await openManager({ manager: { storage } });
    await manager.close();
    const evil = { issuer: 'https://evil.test', tokenEndpoint: 'https://evil.test/token' };
    const net = wire({ [evil.tokenEndpoint]: granting() });
    const misled = open({ authorizationServer: evil, fetch: net.fetch });
    const reasons: string[] = [];
    misled.on('recordRejected', ({ reason }) => reasons.push(reason));
    // Nor is the access token for the places of another configuration.
    expect(await rejection(misled.fetch(api))).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
    expect(await misled.getTokens()).toBeUndefined();
    expect(net.sent).toEqual([]);
    expect(reasons).toEqual(['other issuer']);
  });

  test('6749-18: it is for the client that it was issued to', async () => {
    const { clock, storage, open, server } = await openManager();
    await clock.advance(400_000);
    const stored = await storage.read('test-client/default');
    await storage.write('other-client/default', stored?.record as object, undefined);
    const other = open({ clientId: 'other-client' });
    const reasons: string[] = [];
    other.on('recordRejected', ({ reason }) => reasons.push(reason));
    expect(await rejection(other.fetch(api))).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
    expect(server.counts.tokenRequests).toBe(0);
    expect(reasons).toEqual(['other client']);
  });

  test('6749-19: no server has a reason to take it for stolen: one POST each, whatever comes at once', async () => {
    const { server, manager, open } = await openManager();
    const second = open();
    for (const _ of times(5, Number)) {
      server.expire();
      await Promise.all(times(20, (index) => (index % 2 ? manager : second).fetch(api)));
    }
    expect(server.counts).toMatchObject({ refreshes: 5, refreshAttempts: 5, refreshTokensResent: 0 });
  });
});

describe('the flow of a refresh', () => {
  test('6749-20: the API says that the token is invalid: refresh, and call once more', async () => {
    const { server, call } = await openManager();
    server.expire();
    expect(await call()).toBe(200);
    expect(server.requests.map(({ status }) => status)).toEqual([401, 200]);
  });

  test('6749-20: the client knows that the token has expired: refresh, and only then call', async () => {
    const { server, clock, call } = await openManager();
    await clock.advance(300_000);
    expect(await call()).toBe(200);
    expect(server.requests.map(({ status }) => status)).toEqual([200]);
    expect(server.counts.refreshes).toBe(1);
  });

  test('21-02: the access token travels in the header alone', async () => {
    const net = wire({ [`${api}?page=2`]: done });
    const manager = await client(net);
    await manager.fetch(`${api}?page=2`, { method: 'POST', body: 'a=b' });
    const [sent] = net.sent;
    expect(sent).toMatchObject({ url: `${api}?page=2`, body: 'a=b' });
    const carriers = [...(sent?.headers ?? [])].filter(([, value]) => value.includes('access-0'));
    expect(carriers).toEqual([['authorization', 'Bearer access-0']]);
  });

  test.each([301, 302, 303, 307, 308] as const)(
    '21-03: a %d of the token endpoint is not followed, and the session is kept',
    async (status) => {
      const { server, clock, call } = await openManager();
      await clock.advance(400_000);
      server.fail(faults.redirect('https://evil.test/token', status));
      expect(await rejection(call())).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
      expect(server.counts).toMatchObject({ strayRequests: 0, refreshTokensLeaked: 0 });
      await clock.advance(60_000);
      expect(await call()).toBe(200);
    },
  );

  test.each([301, 302, 303, 307, 308] as const)(
    '21-03: a %d of the revocation endpoint is not followed, and proves nothing',
    async (status) => {
      const { server, manager } = await openManager();
      server.fail(faults.redirect('https://evil.test/revoke', status), { on: 'revocation' });
      expect(await manager.signOut()).toEqual({ revoked: false, reason: 'refused', status });
      expect(server.counts).toMatchObject({ strayRequests: 0, refreshTokensLeaked: 0 });
    },
  );
});
