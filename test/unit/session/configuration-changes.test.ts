/** The configuration changes under a stored session: another client id, a renamed issuer, moved endpoints. */
import { type AuthorizationServer, discover, TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { clientSecretBasic } from 'tokenkeep/client-authentication';
import type { AuthorizationServerOptions } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { explained } from '../../support/explained.ts';
import { key, type OpenedManager, openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

const renamed = { issuer: 'https://login.example.com', tokenEndpoint: 'https://as.test/token' };

/** The same server answers under another name. */
function atNewName(world: OpenedManager, more: Partial<AuthorizationServer> = {}) {
  return world.open({
    authorizationServer: { ...renamed, revocationEndpoint: 'https://as.test/revoke', ...more },
  });
}

const here = { session: 'default', login: expect.any(String) };

describe('a renamed issuer', () => {
  // Bound to the issuer alone: the token endpoint has moved as well.
  const moved = { ...renamed, tokenEndpoint: 'https://as.test/oauth2/token' };
  const served = (world: OpenedManager) => ({
    fetch: (async (input, init) => {
      if (input !== moved.tokenEndpoint) return await world.transport(input, init);
      const { status, headers, body } = await world.transport('https://as.test/token', init);
      return new Response(body, { status, headers });
    }) as typeof fetch,
  });

  test('with a declared former issuer keeps users signed in, and is stored by the next refresh', async () => {
    const world = await openManager();
    world.expire();
    const authorizationServer = { ...moved, formerIssuers: ['https://older.test', 'https://as.test'] };
    const manager = world.open({ authorizationServer, ...served(world) });
    const events = eventsOf(manager);
    expect(await manager.getAccessToken()).toBe(world.server.currentAccessToken());
    expect(events.map(({ type }) => type)).toEqual(['refreshed']);
    expect(await world.record()).toMatchObject({ issuer: moved.issuer });
    const later = world.open({ authorizationServer: moved, ...served(world) });
    expect(await later.getAccessToken()).toBe(world.server.currentAccessToken());
  });

  test('without a declaration: the refresh token is not sent, and the manager emits an event', async () => {
    const world = await openManager();
    const manager = world.open({ authorizationServer: moved, ...served(world) });
    const events = eventsOf(manager);
    expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'no_tokens' });
    expect(events).toEqual([{ type: 'recordRejected', session: 'default', reason: 'other issuer' }]);
    expect(world.server.counts.tokenRequests).toBe(0);
  });

  test('is known before discovery completes', async () => {
    const world = await openManager();
    const server = discover(renamed.issuer, {
      formerIssuers: ['https://as.test'],
      fetch: () => Promise.reject(new TypeError('offline')),
    });
    const manager = world.open({ authorizationServer: server });
    expect(await manager.getAccessToken()).toBe(world.tokens.access_token);
  });

  test('is known after discovery completes', async () => {
    const world = await openManager();
    world.expire();
    const document = { issuer: renamed.issuer, token_endpoint: renamed.tokenEndpoint };
    const server = discover(renamed.issuer, {
      formerIssuers: ['https://as.test'],
      fetch: async () => Response.json(document),
    });
    const manager = world.open({ authorizationServer: server });
    expect(await manager.getAccessToken()).toBe(world.server.currentAccessToken());
  });

  test('an ID token of the new name follows one of a declared former name', async () => {
    const world = await openManager({ server: { scope: ['openid'], tokenFormat: 'jwt-like' } });
    world.expire();
    world.server.fail({
      members: ({ id_token: token, ...members }) => ({
        ...members,
        id_token: withIssuer(String(token), renamed.issuer),
      }),
    });
    const manager = atNewName(world, { formerIssuers: ['https://as.test'] });
    const events = eventsOf(manager);
    await manager.getAccessToken();
    expect(events.map(({ type }) => type)).toEqual(['refreshed']);
  });
});

describe('formerIssuers that are no list of issuers', () => {
  const make = (authorizationServer: unknown) => () =>
    new TokenManager({
      clientId: 'app',
      authorizationServer: authorizationServer as AuthorizationServer,
      protectedResources: ['https://api.test/'],
    });

  test.each([['https://as.test'], [['']], [[7]], [{}]])('are refused: %j', (formerIssuers) => {
    const message = 'formerIssuers must be an array of issuers, each written exactly as before.';
    expect(make({ ...renamed, formerIssuers })).toThrow(explained(`authorizationServer.${message}`));
    expect(() => discover(renamed.issuer, { formerIssuers: formerIssuers as never })).toThrow(
      explained(`discover(issuer, options): ${message}`),
    );
    expect(make(Object.assign(async () => renamed, { formerIssuers }))).toThrow(
      explained(`authorizationServer.${message}`),
    );
  });
});

describe('a login that replaces a foreign session', () => {
  const stranger = (more: object, clock: { now(): number }) => ({
    schema: 1,
    clientId: 'test-client',
    issuer: 'https://as.test',
    accessTokens: {
      '': { token: 'access-of-before', type: 'Bearer', issuedAt: clock.now(), expiresAt: clock.now() + 1 },
    },
    ...more,
  });

  async function replaced(
    more: (world: OpenedManager) => object,
    server: AuthorizationServerOptions = {},
    options: Partial<TokenManagerOptions> = {},
  ) {
    const world = await openManager({ signedIn: false, server });
    const sent: string[] = [];
    const manager = world.open({
      fetch: async (input, init) => {
        sent.push(String(init?.body));
        return await world.transport(input, init);
      },
      ...options,
    });
    const events = eventsOf(manager);
    const before = { ...stranger({}, world.clock), ...more(world) };
    await world.storage.inner.write(key, before, undefined);
    await manager.setTokens(world.tokens);
    await expect.poll(() => events.map(({ type }) => type)).toContain('recordReplaced');
    return { ...world, sent, told: events.find(({ type }) => type === 'recordReplaced') };
  }

  const clients = [{ clientId: 'test-client' }, { clientId: 'former-client' }];

  test('revokes the session of another public client of the same server', async () => {
    const former: { refreshToken?: string } = {};
    const { told, server } = await replaced(
      (world) => {
        const { refresh_token: refreshToken } = world.server.signIn({ clientId: 'former-client' });
        former.refreshToken = refreshToken ?? '';
        return { clientId: 'former-client', refreshToken };
      },
      { clients },
    );
    expect(told).toEqual({
      type: 'recordReplaced',
      session: 'default',
      login: expect.any(String),
      reason: 'other client',
      revoked: true,
    });
    expect(server.isActive(former.refreshToken ?? '')).toBe(false);
    expect(server.counts.revocations).toBe(1);
  });

  const alive = { refreshToken: 'refresh-of-before' };
  const secret = { clientAuthentication: clientSecretBasic('a secret of the client') };

  test.each<[string, string, object, Partial<TokenManagerOptions>?]>([
    ['of another issuer', 'other issuer', { issuer: 'https://other.test' }],
    ['of another client of another issuer', 'other client', { issuer: 'https://other.test', clientId: 'x' }],
    ['of another client of nobody knows whom', 'other client', { issuer: undefined, clientId: 'x' }],
    ['of another client, whose secret is not known', 'other client', { clientId: 'x' }, secret],
    ['that is corrupt', 'corrupt', { idToken: 7 }],
    ['of an older schema', 'other schema', { schema: 0 }],
  ])(
    'emits an event for one %s, which it cannot revoke, and does not send its tokens',
    async (_what, reason, more, options) => {
      const { told, sent } = await replaced(() => ({ ...alive, ...more }), {}, options);
      expect(told).toEqual({ type: 'recordReplaced', ...here, reason, revoked: false });
      expect(sent).toEqual([]);
    },
  );

  test('emits no such event for a session of the same client', async () => {
    const { manager, server, events } = await openManager();
    await manager.setTokens(server.signIn());
    expect(events.map(({ type }) => type)).toEqual(['signedIn']);
  });
});

/** The same claims, of another issuer. */
function withIssuer(token: string, iss: string): string {
  const [header, payload = '', signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return [header, Buffer.from(JSON.stringify({ ...claims, iss })).toString('base64url'), signature].join('.');
}
