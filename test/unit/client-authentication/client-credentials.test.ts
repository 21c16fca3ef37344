/** Access tokens for the client itself: the same evidence, flight, lock, storage and replay, and nobody signs in. */
import {
  ConfigurationError,
  memoryLock,
  memoryStorage,
  TokenManager,
  type TokenManagerOptions,
} from 'tokenkeep';
import { clientCredentials, clientSecretBasic, clientSecretPost } from 'tokenkeep/client-authentication';
import { type AuthorizationServerOptions, authorizationServer, faults, testClock } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { explained } from '../../support/explained.ts';
import { api } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';
import { withoutChance } from '../../support/without-chance.ts';

const secret = 'a secret of the job';
const job = { clientId: 'job', clientSecret: secret };

function machine(options: Partial<TokenManagerOptions> = {}, more: AuthorizationServerOptions = {}) {
  withoutChance();
  const clock = testClock();
  const server = authorizationServer({ clock, clients: [job], ...more });
  const storage = memoryStorage();
  const bodies: URLSearchParams[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    if (input === server.metadata.tokenEndpoint) bodies.push(new URLSearchParams(String(init?.body)));
    return await server.fetch(input, init);
  };
  const open = (own: Partial<TokenManagerOptions> = {}) =>
    new TokenManager({
      clientId: 'job',
      clientAuthentication: clientSecretBasic(secret),
      authorizationServer: server.metadata,
      grant: clientCredentials(),
      protectedResources: ['https://api.test/'],
      storage,
      clock,
      fetch,
      ...options,
      ...own,
    });
  const manager = open();
  const record = async () =>
    (await storage.read('job/default'))?.record as Record<string, unknown> | undefined;
  return { clock, server, storage, open, manager, events: eventsOf(manager), bodies, record };
}

describe('client credentials', () => {
  test('nobody signs in: the first call gets a token, the next ones use it', async () => {
    const { manager, server, bodies, record } = machine();
    expect((await manager.fetch(api)).status).toBe(200);
    expect((await manager.fetch(api)).status).toBe(200);
    expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
    expect(bodies.map((body) => Object.fromEntries(body))).toEqual([{ grant_type: 'client_credentials' }]);
    expect(server.counts).toMatchObject({ clientCredentials: 1, tokenRequests: 1, apiRejected: 0 });
    expect(await record()).not.toHaveProperty('refreshToken');
    expect(await manager.getTokens()).toMatchObject({
      accessToken: server.currentAccessToken(),
      scope: ['read', 'write'],
    });
  });

  test('100 calls at once, in two managers of one storage: one token', async () => {
    const { open, server } = machine();
    const managers = [open(), open()];
    const calls = times(100, (index) => managers[index % 2]?.fetch(api));
    expect(new Set((await Promise.all(calls)).map((response) => response?.status))).toEqual(new Set([200]));
    expect(server.counts).toMatchObject({ clientCredentials: 1, tokenRequests: 1, apiRejected: 0 });
  });

  test('its end, and a 401 before that, are the evidence: 50 calls, one token, each call answered', async () => {
    const { manager, server, clock } = machine();
    await manager.getAccessToken();
    clock.set(clock.now() + 300_000);
    await Promise.all(times(50, () => manager.fetch(api)));
    expect(server.counts).toMatchObject({ clientCredentials: 2, apiRejected: 0 });
    server.expire();
    const replayed = await Promise.all(times(50, () => manager.fetch(api)));
    expect(replayed.every(({ status }) => status === 200)).toBe(true);
    expect(server.counts).toMatchObject({ clientCredentials: 3, apiRejected: 50 });
  });

  test('nothing is spent by asking: who died while they asked is not waited for, also where a lock can be lost', async () => {
    const lock = { ...memoryLock(), mayBeLost: true };
    const { open, server, clock } = machine({ lock });
    server.fail(faults.neverResponds);
    void open()
      .getAccessToken()
      .catch(() => undefined);
    await expect.poll(() => server.counts.tokenRequests).toBe(1);
    const forgotten = { ...lock, request: memoryLock().request };
    expect(await open({ lock: forgotten }).getAccessToken()).toBe(server.currentAccessToken());
    expect(server.counts.tokenRequests).toBe(2);
    await clock.advance(30_000);
  });

  test('a late 401 adopts the token that another manager got meanwhile', async () => {
    const { open, server } = machine();
    const [one, other] = [open(), open()];
    const rejected = await one.getAccessToken();
    await other.getAccessToken();
    server.expire();
    const fresh = await one.getAccessToken({ rejectedToken: rejected });
    expect(await other.getAccessToken({ rejectedToken: rejected })).toBe(fresh);
    expect(server.counts.clientCredentials).toBe(2);
  });

  test('6749-14: scopes and resources are asked for, by the manager, a protected resource or a call', async () => {
    const { manager, bodies, server } = machine({
      grant: clientCredentials({ scope: ['read', 'write'], resource: 'https://api.test/' }),
      protectedResources: [
        'https://api.test/',
        { url: 'https://api.test/reports', scope: ['read'], resource: 'https://api.test/reports' },
      ],
    });
    await manager.fetch(api);
    await manager.fetch('https://api.test/reports/7');
    await manager.getAccessToken({ scope: ['write'] });
    const asked = (body: URLSearchParams) => [body.get('scope'), body.getAll('resource')];
    expect(bodies.map(asked)).toEqual([
      ['read write', ['https://api.test/']],
      ['read', ['https://api.test/reports']],
      ['write', ['https://api.test/']],
    ]);
    expect(server.counts).toMatchObject({ clientCredentials: 3, apiRejected: 0 });
    await manager.fetch(api);
    expect(server.counts.clientCredentials).toBe(3);
  });

  test('a scope that is refused is about that scope alone', async () => {
    const { manager, server } = machine();
    expect(await rejection(manager.getAccessToken({ scope: ['admin'] }))).toMatchObject({
      error: 'invalid_scope',
    });
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 2, clientCredentials: 1 });
  });

  test.each(['invalid_client', 'unauthorized_client', 'invalid_grant', 'login_required'])(
    '%s: 20 calls, one request, and none for 30 s; no session ends',
    async (error) => {
      const { manager, server, clock, events } = machine();
      server.fail(faults.oauthError(error), { times: Number.POSITIVE_INFINITY });
      const failures = await Promise.all(times(20, () => rejection(manager.fetch(api))));
      for (const one of failures) expect(one).toMatchObject({ code: 'ERR_REFRESH_FAILED', error });
      clock.set(clock.now() + 29_000);
      await rejection(manager.fetch(api));
      expect(server.counts).toMatchObject({ tokenRequests: 1, apiCalls: 0 });
      clock.set(clock.now() + 2_000);
      await rejection(manager.fetch(api));
      expect(server.counts.tokenRequests).toBe(2);
      expect(events.map(({ type }) => type)).toEqual(['refreshFailed', 'refreshFailed']);
    },
  );

  test('an answer that was lost is asked for once more, at once: nothing was spent', async () => {
    const { manager, server } = machine();
    server.fail(faults.lostResponse);
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 2, clientCredentials: 2 });
  });

  test('and then as after any failure: later, without a word about a session', async () => {
    const { manager, server, clock, record } = machine();
    const heal = server.fail(faults.lostResponse, { times: Number.POSITIVE_INFINITY });
    const lost = await rejection(manager.fetch(api));
    expect(lost).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false, retryAfter: 750 });
    await rejection(manager.fetch(api));
    expect(server.counts.tokenRequests).toBe(2);
    heal();
    clock.set(clock.now() + 1_000);
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.counts.tokenRequests).toBe(3);
    expect(await record()).not.toHaveProperty('pendingRefresh');
  });

  test('a token that still works serves while a new one cannot be had', async () => {
    const { manager, server, clock } = machine();
    await manager.getAccessToken();
    clock.set(clock.now() + 290_000);
    server.fail(faults.serverError, { times: Number.POSITIVE_INFINITY });
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.counts).toMatchObject({ clientCredentials: 1, apiRejected: 0 });
  });

  test('a process that died while it asked costs the next one nothing', async () => {
    const { storage, open, server, clock } = machine();
    await open().getAccessToken();
    const stored = await storage.read('job/default');
    const record = stored?.record as Record<string, unknown>;
    const pendingRefresh = {
      ...(record['pendingRefresh'] as object),
      fingerprint: 0,
      since: 0,
      latest: 0,
      sends: 1,
      by: 'dead',
    };
    await storage.write('job/default', { ...record, accessTokens: {}, pendingRefresh }, stored?.version);
    clock.set(clock.now() + 1);
    expect((await open().fetch(api)).status).toBe(200);
    expect(server.counts.clientCredentials).toBe(2);
  });

  test('signing out revokes the token, and the next call gets another one', async () => {
    const { manager, server, events, storage } = machine();
    const first = await manager.getAccessToken();
    expect(await manager.signOut()).toEqual({ revoked: true });
    expect(server.isActive(first)).toBe(false);
    expect(await storage.read('job/default')).toBeUndefined();
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.counts).toMatchObject({ clientCredentials: 2, apiRejected: 0 });
    expect(events.map(({ type }) => type)).toEqual(['refreshed', 'signedOut', 'refreshed']);
  });

  test('a storage that does not delete keeps nobody out: there is no user who could come back', async () => {
    const stuck = { ...memoryStorage(), delete: () => Promise.reject(new Error('The disk is gone.')) };
    const { manager, server } = machine({ storage: stuck });
    const first = await manager.getAccessToken();
    expect(await rejection(manager.signOut())).toMatchObject({ code: 'ERR_STORAGE' });
    expect(server.isActive(first)).toBe(false);
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.counts.clientCredentials).toBe(2);
  });

  test('a refresh token that comes along is not kept (6749 §4.4.3)', async () => {
    const { manager, server, record } = machine();
    server.fail({ members: { refresh_token: 'uninvited' } });
    await manager.getAccessToken();
    expect(await record()).not.toHaveProperty('refreshToken');
    expect(JSON.stringify(await record())).not.toContain('uninvited');
  });

  test.each([
    ['of another schema', { schema: 99 }],
    ['of another issuer', { schema: 1, clientId: 'job', issuer: 'https://old.test', accessTokens: {} }],
    ['that is no record', 'scribble'],
  ])('a stored value %s is replaced: nobody could sign in again', async (_, value) => {
    const { manager, storage, server, record } = machine();
    await storage.write('job/default', value as object, undefined);
    expect((await manager.fetch(api)).status).toBe(200);
    expect(server.counts.clientCredentials).toBe(1);
    expect(await record()).toMatchObject({ schema: 1, clientId: 'job' });
  });

  test('many clients’ tenants in one backend: each session has a token of its own', async () => {
    const { manager, server } = machine();
    const [one, other] = await Promise.all([
      manager.forSession('one').getAccessToken(),
      manager.forSession('other').getAccessToken(),
    ]);
    expect(one).not.toBe(other);
    expect(server.counts.clientCredentials).toBe(2);
  });

  test('secret in the body; encodings of others', async () => {
    const { manager, bodies } = machine({ clientAuthentication: clientSecretPost(secret) });
    await manager.getAccessToken();
    expect(bodies.map((body) => Object.fromEntries(body))).toEqual([
      { grant_type: 'client_credentials', client_id: 'job', client_secret: secret },
    ]);
  });

  test('a grant of the application gets access tokens with its own request', async () => {
    const { manager, server, bodies } = machine({
      clientAuthentication: undefined,
      grant: {
        ...clientCredentials(),
        check: () => undefined,
        async request(_client, { tokenEndpoint }) {
          const body = new URLSearchParams({ grant_type: 'client_credentials', mine: 'yes' });
          const headers = { authorization: `Basic ${btoa(`job:${encodeURIComponent(secret)}`)}` };
          return { url: tokenEndpoint, init: { method: 'POST', headers, body }, secrets: [] };
        },
      },
    });
    expect((await manager.fetch(api)).status).toBe(200);
    expect(bodies.map((body) => body.get('mine'))).toEqual(['yes']);
    expect(server.counts).toMatchObject({ clientCredentials: 1, tokenRequests: 1 });
  });

  test('no secret is in an error', async () => {
    const { manager, server } = machine();
    server.fail(faults.oauthError(secret));
    const error = await rejection(manager.getAccessToken());
    expect(JSON.stringify({ ...(error as object), message: (error as Error).message })).not.toContain(secret);
  });

  test('a client that cannot prove who it is, and what no server could be asked for, are refused at the door', () => {
    expect(() => machine({ clientAuthentication: undefined })).toThrow(ConfigurationError);
    expect(() => machine({ clientAuthentication: undefined })).toThrow(explained(/clientAuthentication/));
    expect(() => machine({ grant: {} as never })).toThrow(/option grant/);
    expect(() => machine({ grant: { ...clientCredentials(), kind: 'another' as never } })).toThrow(
      explained(/option grant must have the kind/),
    );
    expect(() => clientCredentials({ scope: ['two words'] })).toThrow(/clientCredentials\(\): scope/);
    expect(() => clientCredentials({ resource: '/relative' })).toThrow(/clientCredentials\(\): resource/);
  });
});
