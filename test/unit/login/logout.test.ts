/** A logout that ends the session at the provider as well: the user is signed out here whatever the provider does. */
import { discover, memoryStorage, TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { completeLogout, type StartedLogout, type StartLogoutOptions, startLogout } from 'tokenkeep/login';
import { auth0, cognito, entra, github, google, keycloak, okta } from 'tokenkeep/providers';
import { describe, expect, test, vi } from 'vitest';
import { explained } from '../../support/explained.ts';
import { rejection } from '../../support/promises.ts';
import type { Place } from '../../support/wire.ts';
import { as, granting, idToken, scene } from './support/server.ts';

const redirectUri = 'https://app.test/signed-out';
const endSessionEndpoint = 'https://as.test/logout?tenant=x';
const revocationEndpoint = 'https://as.test/revoke';
const server = { ...as, revocationEndpoint, endSessionEndpoint };
/** It has expired, which a logout does not mind. */
const hint = idToken({ iss: as.issuer, sub: 'ada', aud: 'app', exp: 1 });
const never: Place = () => new Promise<Response>(() => undefined);

interface Given {
  readonly manager?: Partial<TokenManagerOptions>;
  readonly places?: Readonly<Record<string, Place>>;
  /** `null`: a login without an ID token. */
  readonly idToken?: string | null;
  readonly isSignedIn?: boolean;
}

async function session({ manager: more = {}, places = {}, ...given }: Given = {}) {
  const { client, clock, net } = scene({ [revocationEndpoint]: () => new Response(null), ...places });
  const storage = memoryStorage();
  const open = () =>
    new TokenManager({
      ...client,
      authorizationServer: server,
      protectedResources: ['https://api.test/'],
      storage,
      ...more,
    });
  const manager = open();
  const tokens = (name: string) => ({
    access_token: `access-${name}`,
    refresh_token: `refresh-${name}`,
    expires_in: 300,
    ...(given.idToken !== null && { id_token: given.idToken ?? hint }),
  });
  if (given.isSignedIn !== false) await manager.setTokens(tokens('one'));
  const pending = new Map<string, string>();
  const options = { manager, redirectUri, pending };
  const start = (change: Partial<StartLogoutOptions> = {}) => startLogout({ ...options, ...change });
  return { clock, net, storage, open, manager, tokens, pending, options, start };
}

/** The parameters of the URL at which the provider ends its session. */
function query(logout: StartedLogout): Record<string, string> {
  if (logout.outcome !== 'redirect') throw new Error(`not sent to the provider: ${logout.reason}`);
  return Object.fromEntries(new URL(logout.url).searchParams);
}

describe('startLogout()', () => {
  test('ends the session, revokes the tokens, and sends the user with all that the provider needs', async () => {
    const { start, manager, net, pending } = await session();
    const logout = await start({ logoutHint: 'ada@as.test', parameters: { ui_locales: 'de' } });
    expect(logout).toMatchObject({
      outcome: 'redirect',
      idTokenHint: 'sent',
      revocation: { revoked: true },
    });
    expect(query(logout)).toEqual({
      tenant: 'x',
      client_id: 'app',
      id_token_hint: hint,
      logout_hint: 'ada@as.test',
      post_logout_redirect_uri: redirectUri,
      state: expect.stringMatching(/^[\w-]{43}$/),
      ui_locales: 'de',
    });
    expect(await manager.getTokens()).toBeUndefined();
    expect(net.to(revocationEndpoint).length).toBe(1);
    expect([...pending.keys()]).toEqual([`tokenkeep.logout.${query(logout)['state']}`]);
    expect([...pending.values()].join()).not.toContain(hint);
  });

  test('reads the endpoint from discovered metadata', async () => {
    const metadata = {
      issuer: as.issuer,
      token_endpoint: as.tokenEndpoint,
      revocation_endpoint: revocationEndpoint,
    };
    const place: Place = () =>
      Response.json({ ...metadata, end_session_endpoint: 'https://sessions.test/end' });
    const places = { [`${as.issuer}/.well-known/openid-configuration`]: place };
    const { net } = scene(places);
    const { start } = await session({
      manager: { authorizationServer: discover(as.issuer, { fetch: net.fetch }) },
    });
    const logout = await start();
    expect(logout).toMatchObject({ outcome: 'redirect', idTokenHint: 'sent' });
    expect(logout.outcome === 'redirect' && logout.url).toContain('https://sessions.test/end?client_id=app&');
  });

  test('without redirectUri the user stays at the provider, and nothing is pending', async () => {
    const { manager } = await session();
    expect(query(await startLogout({ manager }))).toEqual({
      tenant: 'x',
      client_id: 'app',
      id_token_hint: hint,
    });
  });

  test('a user who is not signed in here is sent to the provider without a hint', async () => {
    const { start } = await session({ isSignedIn: false });
    const logout = await start();
    expect(logout).toMatchObject({
      outcome: 'redirect',
      idTokenHint: 'none',
      revocation: { revoked: false, reason: 'no_tokens' },
    });
    expect(query(logout)).not.toHaveProperty('id_token_hint');
  });

  test('a second call joins the first, so that both have the ID token', async () => {
    const { start, net } = await session();
    const [first, second] = await Promise.all([start(), start({ idTokenHint: false })]);
    expect(second).toBe(first);
    expect(query(first)).toMatchObject({ id_token_hint: hint });
    expect(net.to(revocationEndpoint).length).toBe(1);
    expect(await start()).toMatchObject({ idTokenHint: 'none' });
  });

  test('puts no token into an event', async () => {
    const { start, manager } = await session();
    const events: unknown[] = [];
    manager.on('*', (event) => void events.push(event));
    await start();
    expect(events).toMatchObject([{ type: 'signedOut' }]);
    expect(JSON.stringify(events)).not.toMatch(/access-one|refresh-one|c2ln/);
  });
});

describe('the ID token (law tokens-stay-home)', () => {
  test.each([
    ['of another issuer', idToken({ iss: 'https://other.test', aud: 'app' }), 'other_issuer'],
    ['without an issuer', idToken({ aud: 'app' }), 'other_issuer'],
    ['of another client', idToken({ iss: as.issuer, aud: ['other'] }), 'other_issuer'],
    ['that cannot be read', 'an opaque text', 'unreadable'],
  ])('%s is not sent, and the result says so', async (_, token, idTokenHint) => {
    const logout = await (await session({ idToken: token })).start();
    expect(logout).toMatchObject({ outcome: 'redirect', idTokenHint });
    expect(query(logout)).not.toHaveProperty('id_token_hint');
  });

  test('of several audiences is sent', async () => {
    const token = idToken({ iss: as.issuer, aud: ['api', 'app'], azp: 'app' });
    expect(await (await session({ idToken: token })).start()).toMatchObject({ idTokenHint: 'sent' });
  });

  test.each([
    [{ idTokenHint: false }, 'not_requested'],
    [{}, 'none'],
  ])('is not sent for %o', async (change, idTokenHint) => {
    const given = await session(idTokenHint === 'none' ? { idToken: null } : {});
    expect(await given.start(change)).toMatchObject({ idTokenHint });
  });

  test('is not waited for when the storage does not answer, and the user is signed out all the more', async () => {
    const { start, manager, clock, storage } = await session();
    const read = vi.spyOn(storage, 'read').mockImplementationOnce(() => new Promise(() => undefined));
    const starting = start({ timeout: 1_000 });
    await vi.waitUntil(() => read.mock.calls.length > 0);
    await clock.advance(1_000);
    expect(await starting).toMatchObject({ outcome: 'redirect', idTokenHint: 'unreadable' });
    expect(await manager.getTokens()).toBeUndefined();
  });
});

describe('when the provider does not help, the user is signed out here', () => {
  const signedOut = async (given: Given, change: Partial<StartLogoutOptions> = {}) => {
    const { start, manager, net, pending } = await session(given);
    const logout = await start(change);
    expect(await manager.getTokens()).toBeUndefined();
    return { logout, net, pending };
  };
  const withEndpoint = (endpoint: unknown) => ({
    manager: {
      authorizationServer: {
        ...as,
        revocationEndpoint,
        metadata: { ...as.metadata, end_session_endpoint: endpoint },
      },
    },
  });

  test('no_endpoint: the provider has none', async () => {
    const { logout, pending } = await signedOut({
      manager: { authorizationServer: { ...as, revocationEndpoint } },
    });
    expect(logout).toEqual({
      outcome: 'signed-out-here',
      reason: 'no_endpoint',
      revocation: { revoked: true },
    });
    expect(pending.size).toBe(0);
  });

  test.each([
    'http://as.test/logout',
    'javascript:alert(1)',
    '/logout',
    '',
    7,
    null,
    'https://ada:pw@as.test/',
  ])('unusable_endpoint: the metadata names %j', async (endpoint) => {
    const { logout } = await signedOut(withEndpoint(endpoint));
    expect(logout).toMatchObject({
      outcome: 'signed-out-here',
      reason: 'unusable_endpoint',
      cause: { code: 'ERR_CONFIGURATION' },
    });
  });

  test('no_endpoint: a polluted prototype names one', async () => {
    Object.assign(Object.prototype, {
      endSessionEndpoint: 'https://evil.test/',
      end_session_endpoint: 'https://evil.test/',
    });
    try {
      const { logout } = await signedOut({
        manager: { authorizationServer: { ...as, revocationEndpoint } },
      });
      expect(logout).toMatchObject({ reason: 'no_endpoint' });
    } finally {
      for (const name of ['endSessionEndpoint', 'end_session_endpoint'])
        Reflect.deleteProperty(Object.prototype, name);
    }
  });

  test('no_response: the metadata cannot be read', async () => {
    const { logout } = await signedOut({
      manager: {
        authorizationServer: async () => {
          throw new TypeError('fetch failed');
        },
      },
    });
    expect(logout).toMatchObject({
      outcome: 'signed-out-here',
      reason: 'no_response',
      cause: { message: 'fetch failed' },
      revocation: { revoked: false, reason: 'not_sent' },
    });
  });

  test('not_pending: the storage for the way back refuses', async () => {
    const pending = {
      getItem: () => null,
      removeItem: () => undefined,
      setItem: () => {
        throw new Error('the quota is exceeded');
      },
    };
    const { logout } = await signedOut({}, { pending });
    expect(logout).toMatchObject({
      outcome: 'signed-out-here',
      reason: 'not_pending',
      cause: {
        operation: 'write',
        message:
          'The pending logout could not be stored. Check the option pending, and whether the browser blocks site data.',
        cause: { message: 'the quota is exceeded' },
      },
    });
  });

  test('at most 50 logouts and 50 logins wait in a storage of the page, each kind apart', async () => {
    const items = new Map<string, string>();
    const pending = {
      get length() {
        return items.size;
      },
      key: (index: number) => [...items.keys()][index] ?? null,
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => items.set(key, value),
      removeItem: (key: string) => items.delete(key),
    };
    items.set('tokenkeep.login.x', 'a login is not a logout');
    for (let count = 0; count < 60; count++) await signedOut({}, { pending });
    expect([...items.keys()].filter((key) => key.startsWith('tokenkeep.logout.')).length).toBe(50);
    expect(items.has('tokenkeep.login.x')).toBe(true);
  });

  test('metadata that never arrives delays it by the timeout, once', async () => {
    const { start, manager, clock } = await session({
      manager: {
        authorizationServer: Object.assign(() => new Promise<never>(() => undefined), {
          issuer: as.issuer,
        }),
      },
    });
    let result: StartedLogout | undefined;
    const starting = start().then((logout) => {
      result = logout;
    });
    await vi.waitUntil(() => clock.timers > 0);
    await clock.advance(1_999);
    expect([result, await manager.getTokens()]).toEqual([undefined, undefined]);
    await clock.advance(1);
    await starting;
    expect(result).toMatchObject({
      reason: 'no_response',
      cause: { name: 'TimeoutError', message: 'No response within 2000 ms.' },
      revocation: { revoked: false, reason: 'timed_out' },
    });
  });

  test('a revocation that hangs delays it by the timeout, and the user still goes to the provider', async () => {
    const { start, manager, clock, net } = await session({ places: { [revocationEndpoint]: never } });
    let result: StartedLogout | undefined;
    const starting = start({ timeout: 500 }).then((logout) => {
      result = logout;
    });
    await vi.waitUntil(() => net.to(revocationEndpoint).length > 0);
    await clock.advance(499);
    expect([result, await manager.getTokens()]).toEqual([undefined, undefined]);
    await clock.advance(1);
    await starting;
    expect(result).toMatchObject({
      outcome: 'redirect',
      idTokenHint: 'sent',
      revocation: { revoked: false, reason: 'timed_out' },
    });
  });

  test('a storage that does not delete the tokens is an error, and they are not used here any more', async () => {
    const { start, manager, storage } = await session();
    vi.spyOn(storage, 'delete').mockRejectedValue(new Error('the disk is full'));
    expect(await rejection(start())).toMatchObject({ code: 'ERR_STORAGE', operation: 'delete' });
    expect(await manager.getTokens()).toBeUndefined();
  });
});

describe('races (law sign-out-wins)', () => {
  test('a refresh in flight brings the session back neither here nor there', async () => {
    let answer = (_: Response): void => undefined;
    const { start, manager, net } = await session({
      places: {
        [as.tokenEndpoint]: () =>
          new Promise((resolve) => {
            answer = resolve;
          }),
      },
    });
    const refreshing = rejection(manager.getAccessToken({ rejectedToken: 'access-one' }));
    await vi.waitUntil(() => net.to(as.tokenEndpoint).length > 0);
    const starting = start();
    answer(await granting()({} as never, 1));
    expect(query(await starting)).toMatchObject({ id_token_hint: hint });
    expect(await refreshing).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
    expect(await manager.getTokens()).toBeUndefined();
    expect(net.to(revocationEndpoint).map(({ form }) => form.get('token'))).toContain('refresh-1');
  });

  test('a sign-in in another tab while the session ends keeps its session, here and at the provider', async () => {
    const { start, manager, open, tokens, net, pending } = await session({
      places: {
        [revocationEndpoint]: async () => {
          await otherTab.setTokens(tokens('two'));
          return new Response(null);
        },
      },
    });
    const otherTab = open();
    expect(await start()).toEqual({
      outcome: 'signed-out-here',
      reason: 'signed_in_again',
      revocation: { revoked: true },
    });
    expect(await otherTab.getTokens()).toMatchObject({ accessToken: 'access-two' });
    expect(await manager.getTokens()).toMatchObject({ accessToken: 'access-two' });
    expect(net.to(revocationEndpoint).map(({ form }) => form.get('token'))).toEqual(['refresh-one']);
    expect(pending.size).toBe(0);
  });

  test('a sign-in of this page while the storage does not answer counts as well', async () => {
    const { start, manager, tokens, storage, clock } = await session({
      places: {
        [revocationEndpoint]: async () => {
          await manager.setTokens(tokens('two'));
          vi.spyOn(storage, 'read').mockImplementationOnce(() => new Promise(() => undefined));
          return new Response(null);
        },
      },
    });
    const starting = start();
    await vi.waitUntil(
      () => vi.isMockFunction(storage.read) && vi.mocked(storage.read).mock.calls.length > 0,
    );
    await clock.advance(2_000);
    expect(await starting).toMatchObject({ reason: 'signed_in_again' });
  });
});

describe('refuses, before anything is removed,', () => {
  test.each([
    [{ manager: {} }, 'must be a TokenManager of this copy'],
    [{ redirectURI: redirectUri }, 'there is no option redirectURI'],
    [{ redirectUri: 'http://app.test/' }, 'redirectUri must be https:'],
    [{ redirectUri: '/signed-out' }, 'redirectUri must be an absolute URL'],
    [{ redirectUri: undefined }, 'need redirectUri'],
    [{ pending: undefined }, 'The option pending must be'],
    [{ returnTo: 'https://evil.test/' }, 'returnTo must be a URL of the same origin'],
    [{ returnTo: '//evil.test/' }, 'returnTo must be a URL of the same origin'],
    [{ idTokenHint: 'yes' }, 'idTokenHint must be true or false'],
    [{ revoke: 0 }, 'revoke must be true or false'],
    [{ logoutHint: '' }, 'logoutHint must be a non-empty string'],
    [{ timeout: 0 }, 'timeout must be a number of milliseconds'],
    [{ lifetime: Number.NaN }, 'lifetime must be a number of milliseconds'],
    [{ parameters: { state: 'x' } }, 'must not set state'],
    [{ parameters: { ID_TOKEN_HINT: 'x' } }, 'must not set ID_TOKEN_HINT'],
    [{ parameters: { federated: true } }, 'federated must be a string'],
  ])('%o', async (change, words) => {
    const { start, manager, net } = await session();
    const error = await rejection(start(change as never));
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION' });
    expect((error as Error).message).toMatch(explained(words));
    expect(await manager.getTokens()).toMatchObject({ accessToken: 'access-one' });
    expect(net.sent).toEqual([]);
  });
});

describe('completeLogout()', () => {
  const started = async (change: Partial<StartLogoutOptions> = {}) => {
    const given = await session();
    const { state } = query(await given.start({ returnTo: '/goodbye?from=orders', ...change }));
    const { pending, clock } = given;
    return { ...given, state, complete: (url: string) => completeLogout({ pending, clock }, url) };
  };
  const none = (reason: string) => ({ outcome: 'none', reason });

  test('finds the logout by its state, once', async () => {
    const { complete, state } = await started();
    const callback = `${redirectUri}?state=${state}`;
    expect(await Promise.all([complete(callback), complete(callback)])).toEqual([
      { outcome: 'returned', returnTo: '/goodbye?from=orders', state: 'checked' },
      none('unknown'),
    ]);
  });

  test.each(['', '?state=', '?state=none', '?state=wrong', '?code=x'])(
    'ignores a URL that ends in "%s", and the logout still waits',
    async (end) => {
      const { complete, state } = await started();
      expect(await complete(redirectUri + end)).toEqual(none('unknown'));
      expect(await complete(`${redirectUri}?state=${state}`)).toMatchObject({ outcome: 'returned' });
    },
  );

  test('ignores a URL with two states', async () => {
    const { complete, state } = await started();
    expect(await complete(`${redirectUri}?state=${state}&state=x`)).toEqual(none('unknown'));
  });

  test('returns no place for the user at another URL, nor after the lifetime', async () => {
    const first = await started();
    expect(await first.complete(`https://app.test/orders?state=${first.state}`)).toEqual(none('other_url'));
    const second = await started({ lifetime: 60_000 });
    await second.clock.advance(60_000);
    expect(await second.complete(`${redirectUri}?state=${second.state}`)).toEqual(none('expired'));
  });

  test('a place that someone else has stored does not lead away', async () => {
    const { complete, state, pending } = await started();
    const [[name = '', text = ''] = []] = [...pending];
    pending.set(name, JSON.stringify({ ...JSON.parse(text), returnTo: 'https://evil.test/' }));
    expect(await complete(`${redirectUri}?state=${state}`)).toEqual({
      outcome: 'returned',
      returnTo: undefined,
      state: 'checked',
    });
  });

  test.each(['', 'null', '{}', '[]', '{"redirectUri":7}', '{"redirectUri":"https://app.test/signed-out"}'])(
    'ignores the stored text %j',
    async (text) => {
      const { complete, state, pending } = await started();
      pending.set(`tokenkeep.logout.${state}`, text);
      expect(await complete(`${redirectUri}?state=${state}`)).toEqual(none('unknown'));
    },
  );

  test('a new logout removes those that have expired, and no login', async () => {
    const { start, pending, clock } = await started();
    pending.set('tokenkeep.login.x', 'a login');
    pending.set('tokenkeep.logout.x', 'not readable');
    await clock.advance(600_000);
    const { state } = query(await start());
    expect([...pending.keys()].sort()).toEqual(['tokenkeep.login.x', `tokenkeep.logout.${state}`]);
  });

  test('a storage that fails is an error without the state', async () => {
    const { state } = await started();
    const pending = {
      setItem: () => undefined,
      removeItem: () => undefined,
      getItem: (name: string): string => {
        throw new Error(`no ${name}`);
      },
    };
    const error = await rejection(completeLogout({ pending }, `${redirectUri}?state=${state}`));
    expect(error).toMatchObject({ code: 'ERR_STORAGE', operation: 'read' });
    expect(JSON.stringify([error, String((error as Error).cause)])).not.toContain(state);
  });

  test('refuses a value that is not a URL, and an invalid storage', async () => {
    const { complete } = await started();
    await expect(complete('/signed-out?state=x')).rejects.toThrow(explained('callback must be a whole URL'));
    await expect(completeLogout({ pending: {} as never }, redirectUri)).rejects.toThrow(
      explained('The option pending'),
    );
  });
});

describe('providers', () => {
  test.each([
    ['Auth0', auth0({ domain: 'acme.auth0.test' }), 'https://acme.auth0.test/v2/logout', 'returnTo'],
    ['Cognito', cognito({ domain: 'acme.cognito.test' }), 'https://acme.cognito.test/logout', 'logout_uri'],
  ])(
    '%s has a form of its own, without ID token and state',
    async (_, authorizationServer, endpoint, name) => {
      const { start, pending } = await session({ manager: { authorizationServer } });
      const logout = await start({ logoutHint: 'ada', returnTo: '/goodbye', revoke: false });
      expect(logout).toMatchObject({ outcome: 'redirect', idTokenHint: 'unsupported' });
      expect(logout.outcome === 'redirect' && logout.url.startsWith(`${endpoint}?`)).toBe(true);
      expect(query(logout)).toEqual({ client_id: 'app', [name]: redirectUri });
      // A state that nobody sent is not the one of this logout.
      expect(await completeLogout({ pending }, `${redirectUri}?state=none`)).toMatchObject({
        outcome: 'none',
      });
      expect(await completeLogout({ pending }, redirectUri)).toEqual({
        outcome: 'returned',
        returnTo: '/goodbye',
        state: 'unsupported',
      });
      expect(await completeLogout({ pending }, redirectUri)).toMatchObject({ outcome: 'none' });
    },
  );

  test('the form of a provider does not apply to an endpoint of its metadata', async () => {
    const { endSessionEndpoint: _, ...rest } = auth0({ domain: 'acme.auth0.test' });
    const metadata = { end_session_endpoint: 'https://acme.auth0.test/oidc/logout' };
    const logout = await (await session({ manager: { authorizationServer: { ...rest, metadata } } })).start({
      revoke: false,
    });
    expect(query(logout)).toHaveProperty('post_logout_redirect_uri', redirectUri);
  });

  test.each([
    ['Okta', okta({ domain: 'acme.okta.test' }), 'https://acme.okta.test/oauth2/v1/logout'],
    [
      'Keycloak',
      keycloak({ url: 'https://id.test', realm: 'acme' }),
      'https://id.test/realms/acme/protocol/openid-connect/logout',
    ],
    ['Entra', entra(), 'https://login.microsoftonline.com/common/oauth2/v2.0/logout'],
  ])('%s has the form of OpenID Connect', async (_, authorizationServer, endpoint) => {
    const logout = await (await session({ manager: { authorizationServer } })).start({ revoke: false });
    expect(logout.outcome === 'redirect' && logout.url.startsWith(`${endpoint}?`)).toBe(true);
    expect(query(logout)).toHaveProperty('post_logout_redirect_uri', redirectUri);
  });

  test.each([
    ['Google', google()],
    ['GitHub', github()],
  ])('%s has none, and the result says so', async (_, authorizationServer) => {
    const places = { 'https://oauth2.googleapis.com/revoke': () => new Response(null) };
    expect(
      await (await session({ manager: { authorizationServer }, places })).start({ revoke: false }),
    ).toMatchObject({
      outcome: 'signed-out-here',
      reason: 'no_endpoint',
    });
  });
});
