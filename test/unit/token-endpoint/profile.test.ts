/** The members of a profile, and their effects. Its reuse window is in response-lost.test.ts. */
import {
  discover,
  memoryStorage,
  type ProviderProfile,
  TokenManager,
  type TokenManagerOptions,
} from 'tokenkeep';
import { authorizationServer, testClock } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';
import { type Place, wire } from '../../support/wire.ts';

const tokenEndpoint = 'https://as.test/token';
const revocationEndpoint = 'https://as.test/revoke';
const api = 'https://api.test/';

async function signedIn(
  profile: ProviderProfile,
  places: Readonly<Record<string, Place>>,
  options: Partial<TokenManagerOptions> = {},
) {
  const net = wire(places);
  const make = (more: Partial<TokenManagerOptions> = {}) =>
    new TokenManager({
      clientId: 'app',
      authorizationServer: { tokenEndpoint, revocationEndpoint, profile },
      protectedResources: [api],
      fetch: net.fetch,
      clock: testClock(),
      ...options,
      ...more,
    });
  const manager = make();
  await manager.setTokens({ access_token: 'access', refresh_token: 'refresh', expires_in: 300 });
  return { net, manager, make };
}

const refused =
  (body: object, status = 400): Place =>
  () =>
    Response.json(body, { status });

describe('errorDetails', () => {
  const profile = { errorDetails: ['error_id', 'error_user_msg'] };
  const told = { error_id: 'Gx1', error_user_msg: 'Sign in again.' };
  const more = { ...told, error_description: 'Look here.', trace: 'x' };

  test('come with the error that ends a session, and with its event', async () => {
    const { manager } = await signedIn(profile, {
      [tokenEndpoint]: refused({ error: 'invalid_grant', ...more }),
    });
    const events: unknown[] = [];
    manager.on('sessionEnded', ({ error }) => events.push(error.details));
    const failure = await rejection(manager.getAccessToken({ rejectedToken: 'access' }));
    expect(failure).toMatchObject({ reason: 'invalid_grant', description: 'Look here.', details: told });
    expect(events).toEqual([told]);
    // A later caller receives the same.
    expect(await rejection(manager.getAccessToken())).toMatchObject({ details: told });
  });

  test.each([
    ['interaction_required', { code: 'ERR_LOGIN_REQUIRED', reason: 'interaction_required' }],
    ['invalid_client', { code: 'ERR_REFRESH_FAILED', error: 'invalid_client', status: 400 }],
  ])('of %s are remembered: another tab gets them without a request', async (error, expected) => {
    const storage = memoryStorage();
    const { net, manager, make } = await signedIn(
      profile,
      { [tokenEndpoint]: refused({ error, ...more }) },
      { storage, clock: testClock() },
    );
    const details = { ...expected, description: 'Look here.', details: told };
    expect(await rejection(manager.getAccessToken({ rejectedToken: 'access' }))).toMatchObject(details);
    expect(await rejection(make().getAccessToken({ rejectedToken: 'access' }))).toMatchObject(details);
    expect(net.sent).toHaveLength(1);
  });

  test('nested too deep are left out, and the session is kept', async () => {
    const levels = 100_000;
    const body = `{"error":"invalid_client","error_id":${'['.repeat(levels)}${']'.repeat(levels)},"error_user_msg":"x"}`;
    const { manager } = await signedIn(profile, {
      [tokenEndpoint]: () => new Response(body, { status: 400 }),
    });
    const failure = await rejection(manager.getAccessToken({ rejectedToken: 'access' }));
    expect(failure).toMatchObject({ code: 'ERR_REFRESH_FAILED', details: { error_user_msg: 'x' } });
    expect(failure['details']).not.toHaveProperty('error_id');
  });

  test('details that the profile does not name are not reported', async () => {
    const { manager } = await signedIn(
      {},
      { [tokenEndpoint]: refused({ error: 'invalid_client', ...more }) },
    );
    const failure = await rejection(manager.getAccessToken({ rejectedToken: 'access' }));
    expect(failure).toMatchObject({ error: 'invalid_client', description: undefined, details: undefined });
  });
});

describe('revocations', () => {
  const places = { [revocationEndpoint]: () => new Response(null) };

  test('revocationEncoding: JSON there, although token requests are forms', async () => {
    const { net, manager } = await signedIn(
      { revocationEncoding: 'json' },
      { ...places, [tokenEndpoint]: refused({ error: 'invalid_client' }) },
    );
    await rejection(manager.getAccessToken({ rejectedToken: 'access' }));
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(net.sent.map(({ headers }) => headers.get('content-type')?.split(';')[0])).toEqual([
      'application/x-www-form-urlencoded',
      'application/json',
    ]);
    expect(JSON.parse(net.sent[1]?.body ?? '')).toMatchObject({ token: 'refresh' });
  });

  test.each([
    ['access_token', 'access'],
    ['refresh_token', 'refresh'],
    [undefined, 'refresh'],
  ] as const)('revokes %s: that token is sent', async (revokes, token) => {
    const { net, manager } = await signedIn(revokes === undefined ? {} : { revokes }, places);
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(net.sent.map(({ form }) => [form.get('token'), form.get('token_type_hint')])).toEqual([
      [token, `${token}_token`],
    ]);
  });

  test('of a kind of token that there is none of are not sent', async () => {
    const { net, manager } = await signedIn({ revokes: 'refresh_token' }, places);
    await manager.setTokens({ access_token: 'access', expires_in: 300 });
    expect(await manager.signOut()).toEqual({ revoked: false, reason: 'no_tokens' });
    expect(net.sent).toEqual([]);
  });
});

describe('isInvalidToken', () => {
  const headers = { 'content-type': 'application/json' };
  const expired = { status: 200, body: '{"error":"token_expired"}', headers };
  const isInvalidToken = async (response: Response) => (await response.text()).includes('token_expired');

  test.each(['given', 'discovered'])(
    'of a server that is %s finds a rejected token in a 200',
    async (how) => {
      const server = authorizationServer();
      const { fetch, issuer } = server;
      const profile = { isInvalidToken };
      const { manager } = await openManager({
        manager: {
          fetch,
          authorizationServer:
            how === 'given' ? { ...server.metadata, profile } : discover(issuer, { fetch, profile }),
        },
      });
      await manager.setTokens(server.signIn());
      server.fail({ response: expired }, { on: 'api' });
      expect(await (await manager.fetch(api)).json()).toMatchObject({ method: 'GET' });
      expect(server.counts).toMatchObject({ refreshes: 1, apiCalls: 2 });
    },
  );

  test('the option of the manager takes its place', async () => {
    const { server, manager } = await openManager();
    const profile = { isInvalidToken };
    const { manager: other } = await openManager({
      manager: {
        fetch: server.fetch,
        authorizationServer: { ...server.metadata, profile },
        isInvalidToken: () => false,
      },
    });
    await other.setTokens((await manager.getTokens()) ?? { accessToken: '' });
    server.fail({ response: expired }, { on: 'api' });
    expect(await (await other.fetch(api)).text()).toBe(expired.body);
    expect(server.counts.refreshes).toBe(0);
  });
});
