/** Sessions that are bound to a key, at the strict server. */
import {
  ConfigurationError,
  LoginRequiredError,
  memoryStorage,
  RefreshFailedError,
  StorageError,
  type TokenStorage,
} from 'tokenkeep';
import { clientSecretJwt } from 'tokenkeep/client-assertion';
import { clientCredentials, clientSecretBasic } from 'tokenkeep/client-authentication';
import { dpop, exportedKeys, memoryKeys } from 'tokenkeep/dpop';
import { describe, expect, test } from 'vitest';
import { explained } from '../../support/explained.ts';
import { api, openDpopManager } from '../../support/open-dpop-manager.ts';
import { callApi } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';

const both = { nonces: ['token', 'api'] } as const;

describe('calls and refreshes', () => {
  test('a call carries the scheme DPoP and a proof of its own', async () => {
    const { server, call, sent, tokens } = await openDpopManager();
    expect([await call(), await call()]).toEqual([200, 200]);
    expect(sent.map(({ authorization }) => authorization)).toEqual(
      times(2, () => `DPoP ${tokens.access_token}`),
    );
    expect(new Set(sent.map(({ claims }) => claims['jti'])).size).toBe(2);
    expect(server.counts).toMatchObject({ proofs: 2, proofsRefused: 0, boundTokensAsBearer: 0 });
  });

  test('50 calls at one expiry: one refresh, with a proof, and a proof for each call', async () => {
    const { server, call, expire } = await openDpopManager();
    expire();
    expect(new Set(await Promise.all(times(50, () => call())))).toEqual(new Set([200]));
    expect(server.counts).toMatchObject({
      refreshAttempts: 1,
      refreshes: 1,
      proofs: 51,
      proofsRefused: 0,
      apiRejected: 0,
    });
  });

  test('50 calls whose token is rejected: one refresh, each call replayed once with another proof', async () => {
    const { server, call } = await openDpopManager();
    server.expire();
    expect(new Set(await Promise.all(times(50, () => call())))).toEqual(new Set([200]));
    expect(server.counts).toMatchObject({
      refreshAttempts: 1,
      refreshes: 1,
      apiCalls: 100,
      proofs: 101,
      proofReplays: 0,
    });
  });

  test('over many rotations, with nonces that change all the time, the family lives', async () => {
    const { server, call, expire, tokens } = await openDpopManager({ policy: { ...both, nonceUses: 3 } });
    for (let round = 0; round < 10; round++) {
      expire();
      expect(new Set(await Promise.all(times(5, () => call())))).toEqual(new Set([200]));
    }
    expect(server.counts).toMatchObject({
      refreshes: 10,
      reuses: 0,
      refreshTokensResent: 0,
      familiesRevoked: 0,
    });
    expect(server.isActive(tokens.refresh_token as string)).toBe(false);
    expect(server.isActive(server.currentRefreshToken() as string)).toBe(true);
  });

  test('a narrower token of the same session is bound to the same key', async () => {
    const { server, manager, key, to } = await openDpopManager({
      manager: {
        protectedResources: ['https://api.test/', { url: 'https://api.test/v2/', scope: ['read'] }],
      },
    });
    const answer = await manager.fetch('https://api.test/v2/');
    expect([answer.status, ((await answer.json()) as { scope: string[] }).scope]).toEqual([200, ['read']]);
    expect(to(server.metadata.tokenEndpoint)).toHaveLength(1);
    expect((await manager.getTokens())?.thumbprint).toBe(key.thumbprint);
    expect(server.counts).toMatchObject({ refreshes: 1, proofsRefused: 0 });
  });

  test('another manager on the same storage uses the same key; another session has its own', async () => {
    const { server, manager, open, call, signIn, key, sent } = await openDpopManager();
    expect(await callApi(open())).toBe(200);
    const ada = manager.forSession('ada');
    const { key: other } = await signIn(ada);
    expect(other.thumbprint).not.toBe(key.thumbprint);
    expect([await callApi(ada), await call()]).toEqual([200, 200]);
    server.expire();
    expect(await Promise.all([callApi(ada), call(), callApi(open())])).toEqual([200, 200, 200]);
    expect(new Set(sent.map(({ header }) => JSON.stringify(header['jwk']))).size).toBe(2);
    expect(server.counts).toMatchObject({ refreshes: 2, proofsRefused: 0 });
  });

  test("a caller's own DPoP header, in whatever case, is not sent beside ours", async () => {
    const { server, call } = await openDpopManager();
    expect(await call(api, { headers: { DPoP: 'mine', dPoP: 'mine' } })).toBe(200);
    expect(await call(api, { headers: new Headers({ dpop: 'mine' }) })).toBe(200);
    expect(server.counts).toMatchObject({ proofs: 2, proofsRefused: 0 });
  });

  test('a change by the caller while the proof is signed is not sent', async () => {
    const { server, manager } = await openDpopManager();
    const init = {
      method: 'POST',
      body: new Uint8Array([1, 2, 3]),
      headers: { 'x-one': '1' } as Record<string, string>,
    };
    const answer = manager.fetch(api, init);
    init.body.fill(9);
    init.headers['x-one'] = '2';
    const echo = (await (await answer).json()) as {
      headers: Record<string, string>;
      body: { base64: string };
    };
    expect([echo.headers['x-one'], echo.body.base64]).toEqual(['1', 'AQID']);
    expect(server.counts.proofs).toBe(1);
  });

  test.each(['ES256', 'ES384', 'PS256', 'RS256'] as const)('%s', async (algorithm) => {
    const { server, call, expire, sent } = await openDpopManager({ dpop: { algorithm } });
    expect(await call()).toBe(200);
    expire();
    expect(await call()).toBe(200);
    expect(new Set(sent.map(({ header }) => header['alg']))).toEqual(new Set([algorithm]));
    expect(server.counts).toMatchObject({ proofs: 3, proofsRefused: 0 });
  });
});

describe('nonces', () => {
  test('50 calls that are all asked for a nonce: each sent once more, none refreshed', async () => {
    const { server, call } = await openDpopManager({ policy: both });
    expect(new Set(await Promise.all(times(50, () => call())))).toEqual(new Set([200]));
    expect(server.counts).toMatchObject({
      apiCalls: 100,
      noncesDemanded: 50,
      tokenRequests: 0,
      proofReplays: 0,
    });
    server.reset();
    expect(new Set(await Promise.all(times(50, () => call())))).toEqual(new Set([200]));
    expect(server.counts).toMatchObject({ apiCalls: 50, noncesDemanded: 0 });
  });

  test('a nonce, then a token that is rejected: the nonce is no reason to refresh, the rejection is', async () => {
    const { server, call } = await openDpopManager({ policy: both });
    server.expire();
    expect(await call()).toBe(200);
    // Asked for a nonce, rejected, refreshed (asked for a nonce there as well), replayed.
    expect(server.counts).toMatchObject({
      apiCalls: 3,
      tokenRequests: 2,
      refreshes: 1,
      refreshTokensResent: 0,
    });
  });

  test('50 such calls: still one refresh', async () => {
    const { server, call } = await openDpopManager({ policy: both });
    server.expire();
    expect(new Set(await Promise.all(times(50, () => call())))).toEqual(new Set([200]));
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0, reuses: 0, apiCalls: 150 });
  });

  test('a nonce that has changed while the refresh was in progress costs the replay one more sending, and no more', async () => {
    const { server, call } = await openDpopManager({ policy: both });
    await call();
    server.expire();
    const hold = server.hold();
    const called = call();
    await hold.arrived();
    server.rotateNonces();
    await hold();
    expect(await called).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0 });
  });

  test("a server that is never content is asked twice for each token, and its answer is the caller's", async () => {
    const { server, call } = await openDpopManager();
    const answer = {
      status: 401,
      headers: { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'again' },
    };
    server.fail({ response: answer }, { on: 'api', times: Number.POSITIVE_INFINITY });
    expect(await call()).toBe(401);
    expect(server.counts).toMatchObject({ apiCalls: 2, tokenRequests: 0 });
  });

  test('the token endpoint that is never content is asked twice, and the refresh token is not spent', async () => {
    const { server, call, expire, manager, tokens } = await openDpopManager();
    const answer = { status: 400, headers: { 'dpop-nonce': 'again' }, body: '{"error":"use_dpop_nonce"}' };
    const mend = server.fail({ response: answer }, { times: Number.POSITIVE_INFINITY });
    expire();
    const error = await rejection(call());
    expect(error).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false, error: 'use_dpop_nonce' });
    expect(server.counts.tokenRequests).toBe(2);
    expect((await manager.getTokens())?.refreshToken).toBe(tokens.refresh_token);
    mend();
    expire();
    expect(await call()).toBe(200);
  });

  test.each([
    [500, '{"error":"use_dpop_nonce"}'],
    [429, '{"error":"use_dpop_nonce"}'],
    [400, '{"error":"invalid_grant","error_description":"use_dpop_nonce"}'],
    [400, '{"error":"invalid_request"}'],
    [200, '{"error":"use_dpop_nonce"}'],
  ])('%i %s with a nonce is not answered with the refresh token once more', async (status, body) => {
    const { server, call, expire } = await openDpopManager();
    server.fail({ response: { status, headers: { 'dpop-nonce': 'n' }, body } });
    expire();
    await rejection(call());
    expect(server.counts.tokenRequests).toBe(1);
  });

  test('the second sending shares the deadline of the first', async () => {
    const { server, call, expire, clock } = await openDpopManager({ policy: { nonces: ['token'] } });
    expire();
    const holds = [server.hold({ times: 1 }), server.hold({ times: 1 })];
    const failed = rejection(call());
    await holds[0]?.arrived();
    await clock.advance(20_000);
    await holds[0]?.();
    await holds[1]?.arrived();
    await clock.advance(10_000);
    expect(await failed).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
  });

  test('the second response is lost: that is a lost response, and the marker says so', async () => {
    const { server, call, expire, storage } = await openDpopManager({ policy: { nonces: ['token'] } });
    expire();
    let requests = 0;
    server.fail({ drop: true, commits: true }, { when: () => ++requests === 2 });
    expect(await rejection(call())).toBeInstanceOf(RefreshFailedError);
    const stored = (await storage.read('test-client/default'))?.record as {
      pendingRefresh: { sends: number };
    };
    expect(stored.pendingRefresh.sends).toBe(1);
    expect(server.counts).toMatchObject({ refreshAttempts: 2, refreshes: 1, refreshTokensResent: 0 });
  });

  test('a body that can be sent once is sent once; the nonce is there for the next', async () => {
    const { server, manager, call } = await openDpopManager({ policy: both });
    const body = () => new Blob(['once']).stream();
    const post = () => manager.fetch(api, { method: 'POST', body: body(), duplex: 'half' } as RequestInit);
    expect((await post()).status).toBe(401);
    expect(server.counts.apiCalls).toBe(1);
    expect((await post()).status).toBe(200);
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ apiCalls: 3, noncesDemanded: 1, tokenRequests: 0 });
  });

  test('a Request with a body arrives whole, through a nonce, a refresh and another nonce', async () => {
    const { server, manager } = await openDpopManager({ policy: both });
    server.expire();
    const hold = server.hold();
    const answer = manager.fetch(new Request(api, { method: 'POST', body: 'all of it' }));
    await hold.arrived();
    server.rotateNonces();
    await hold();
    const { body } = (await (await answer).json()) as { body: { base64: string } };
    expect(atob(body.base64)).toBe('all of it');
    expect(server.requests.map(({ status }) => status)).toEqual([401, 401, 401, 200]);
    expect(new Set(server.requests.map((one) => new TextDecoder().decode(one.body)))).toEqual(
      new Set(['all of it']),
    );
    expect(server.counts.refreshes).toBe(1);
  });

  test('one challenge for bearer tokens beside the one for proofs: ours is the one that counts', async () => {
    const { server, call } = await openDpopManager();
    const answer = {
      status: 401,
      headers: {
        'www-authenticate': 'Bearer error="invalid_token", DPoP error="use_dpop_nonce"',
        'dpop-nonce': 'n',
      },
    };
    server.fail({ response: answer }, { on: 'api' });
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ apiCalls: 2, tokenRequests: 0 });
  });
});

describe('the clock', () => {
  test.each([-3_600_000, 3_600_000])(
    'a clock that is %i ms off is seen when a proof is refused for it',
    async (clockOffset) => {
      const { server, call, expire } = await openDpopManager({
        server: { clockOffset, accessTokenLifetime: 86_400_000 },
      });
      expect(await call()).toBe(200);
      expect(server.counts).toMatchObject({ apiCalls: 2, proofsRefused: 1, tokenRequests: 0 });
      expect(await call()).toBe(200);
      for (let day = 0; day < 300; day++) expire();
      expect(await call()).toBe(200);
      expect(server.counts).toMatchObject({
        refreshes: 1,
        refreshTokensResent: 0,
        reuses: 0,
        apiCalls: 4,
        proofsRefused: 2,
      });
    },
  );

  test('a proof that is refused for another reason is not tried again', async () => {
    const { server, call, expire } = await openDpopManager();
    const challenge = { 'www-authenticate': 'DPoP error="invalid_dpop_proof"' };
    server.fail({ response: { status: 401, headers: challenge } }, { on: 'api' });
    expect(await call()).toBe(401);
    expect(server.counts).toMatchObject({ apiCalls: 1, tokenRequests: 0 });
    server.fail({ response: { status: 400, body: '{"error":"invalid_dpop_proof"}' } });
    expire();
    expect(await rejection(call())).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      error: 'invalid_dpop_proof',
      sent: false,
    });
    expect(server.counts.tokenRequests).toBe(1);
  });
});

describe('the key is lost', () => {
  test('that is said before anything is sent, whatever is asked for, and the record stays', async () => {
    const { server, keys, key, open, sent, expire, storage } = await openDpopManager();
    await keys.delete(key.thumbprint);
    const manager = open();
    const rejected: unknown[] = [];
    manager.on('recordRejected', ({ reason }) => rejected.push(reason));
    const errors = [await rejection(callApi(manager)), await rejection(manager.getAccessToken())];
    expire();
    errors.push(await rejection(callApi(manager)));
    for (const error of errors) {
      expect(error).toBeInstanceOf(LoginRequiredError);
      expect(error).toMatchObject({ reason: 'no_key' });
    }
    expect(sent).toEqual([]);
    expect(rejected).toEqual(['key lost']);
    expect(await storage.read('test-client/default')).toBeDefined();
    expect(server.counts.tokenRequests).toBe(0);
  });

  test('a manager with the key in memory continues, and a new login repairs the session', async () => {
    const { keys, key, open, call, signIn, expire } = await openDpopManager();
    await keys.delete(key.thumbprint);
    expire();
    expect(await call()).toBe(200);
    const restarted = open();
    expect(await rejection(callApi(restarted))).toMatchObject({ reason: 'no_key' });
    await signIn(restarted);
    expect([await callApi(restarted), await call()]).toEqual([200, 200]);
  });

  test('sign-out works without it', async () => {
    const { keys, key, open, server } = await openDpopManager();
    await keys.delete(key.thumbprint);
    expect(await open().signOut()).toEqual({ revoked: true });
    expect(server.counts.familiesRevoked).toBe(1);
  });

  test.each([null, 'a key', {}, { privateKey: null, publicKey: null }])(
    'B69: %j in its place is a lost key, not a crash',
    async (garbage) => {
      const inner = memoryKeys();
      const keys = { ...inner, read: async () => garbage as never };
      const { open } = await openDpopManager({ dpop: { keys: inner } });
      expect(await rejection(callApi(open({ dpop: dpop({ keys }) })))).toMatchObject({ reason: 'no_key' });
    },
  );

  test('another key in its place is not used', async () => {
    const inner = memoryKeys();
    const { open, signIn, server, key } = await openDpopManager({ dpop: { keys: inner } });
    const { key: other } = await signIn(open({ session: 'other' }));
    const keys = { ...inner, read: () => inner.read(other.thumbprint) };
    expect(other.thumbprint).not.toBe(key.thumbprint);
    expect(await rejection(callApi(open({ dpop: dpop({ keys }) })))).toMatchObject({ reason: 'no_key' });
    expect(server.counts.apiCalls).toBe(0);
  });

  test('a key that cannot be read for the moment ends nothing', async () => {
    const inner = memoryKeys();
    let isLocked = true;
    const locked = new StorageError('The keyring is locked.', { operation: 'read' });
    const read = (name: string) => (isLocked ? Promise.reject(locked) : inner.read(name));
    const { open } = await openDpopManager({ dpop: { keys: inner } });
    const manager = open({ dpop: dpop({ keys: { ...inner, read } }) });
    expect(await rejection(callApi(manager))).toMatchObject({ code: 'ERR_STORAGE', message: locked.message });
    isLocked = false;
    expect(await callApi(manager)).toBe(200);
  });

  test('nor does one whose storage throws or hangs: that is a StorageError', async () => {
    const inner = memoryKeys();
    const { open, clock } = await openDpopManager({ dpop: { keys: inner } });
    const broken = open({
      dpop: dpop({ keys: { ...inner, read: () => Promise.reject(new Error('broken')) } }),
    });
    expect(await rejection(callApi(broken))).toMatchObject({ code: 'ERR_STORAGE', operation: 'read' });
    const hanging = open({ dpop: dpop({ keys: { ...inner, read: () => new Promise(() => {}) } }) });
    const error = rejection(callApi(hanging));
    await clock.advance(30_000);
    expect(await error).toMatchObject({ code: 'ERR_STORAGE', operation: 'read' });
  });

  test('a manager without dpop() says the same, and sends no bound token', async () => {
    const { open, sent } = await openDpopManager();
    expect(await rejection(callApi(open({ dpop: undefined })))).toMatchObject({ reason: 'no_key' });
    expect(sent).toEqual([]);
  });

  test('the key of a session that has ended is forgotten', async () => {
    const { keys, key, manager, server, call, signIn, expire } = await openDpopManager();
    await manager.signOut();
    expect(await keys.read(key.thumbprint)).toBeUndefined();
    const { key: second } = await signIn();
    server.revokeFamily();
    expire();
    expect(await rejection(call())).toMatchObject({ reason: 'invalid_grant' });
    expect(await keys.read(second.thumbprint)).toBeUndefined();
  });
});

describe('bearer tokens', () => {
  test('of a login are refused, and said to be unprotected', async () => {
    const { server, manager } = await openDpopManager();
    const error = await rejection(manager.setTokens(server.signIn()));
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toContain('acceptBearer');
  });

  test('of a refresh are not used, and the refresh token that came with them is kept', async () => {
    const { server, manager, call, expire } = await openDpopManager();
    const body = JSON.stringify({ access_token: 'bearer', token_type: 'Bearer', refresh_token: 'successor' });
    server.fail({ response: { status: 200, body } });
    expire();
    expect(await rejection(call())).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      error: 'unusable token_type',
    });
    const stored = await manager.getTokens();
    expect(stored?.accessToken).not.toBe('bearer');
    expect(server.counts.apiCalls).toBe(0);
  });

  test('of a session from before DPoP need a login', async () => {
    const { server, open, sent } = await openDpopManager();
    const before = open({ dpop: undefined, session: 'before' });
    await before.setTokens(server.signIn());
    expect(await rejection(callApi(open({ session: 'before' })))).toMatchObject({ reason: 'no_key' });
    expect(sent).toEqual([]);
  });

  test('are taken with acceptBearer, without any proof, and a bound session stays bound', async () => {
    const { server, open, signIn, sent, expire, manager } = await openDpopManager({
      dpop: { acceptBearer: true },
      policy: { required: false },
    });
    const old = open({ session: 'old' });
    await old.setTokens(server.signIn());
    expire();
    expect(await callApi(old)).toBe(200);
    expect(sent.map(({ proof }) => proof)).toEqual([null, null]);
    await signIn();
    server.fail({ response: { status: 200, body: '{"access_token":"b","token_type":"Bearer"}' } });
    expire();
    expect(await rejection(callApi(manager))).toMatchObject({ error: 'unusable token_type' });
  });

  test('DPoP tokens without the thumbprint of a key that is kept are refused', async () => {
    const { server, manager, possession } = await openDpopManager();
    const tokens = server.signIn({ jkt: 'unknown' });
    expect(await rejection(manager.setTokens(tokens))).toBeInstanceOf(ConfigurationError);
    expect(await rejection(manager.setTokens({ ...tokens, dpop_jkt: 'unknown' }))).toBeInstanceOf(
      ConfigurationError,
    );
    const key = await possession.generate();
    const unkept = { ...tokens, dpop_jkt: key.thumbprint };
    expect(await rejection(manager.setTokens(unkept))).toBeInstanceOf(ConfigurationError);
  });

  test('a stored record whose tokens and key do not belong together is not used', async () => {
    const { storage, open, sent } = await openDpopManager();
    const stored = await storage.read('test-client/default');
    const record = stored?.record as { accessTokens: Record<string, object>; thumbprint: string };
    const bearer = { ...record.accessTokens[''], type: 'Bearer' };
    for (const forged of [
      { ...record, accessTokens: { '': bearer } },
      { ...record, thumbprint: undefined },
    ]) {
      const version = (await storage.read('test-client/default'))?.version;
      await storage.write('test-client/default', forged, version);
      const manager = open();
      const reasons: unknown[] = [];
      manager.on('recordRejected', ({ reason }) => reasons.push(reason));
      await rejection(callApi(manager));
      expect(reasons).toEqual(['corrupt']);
    }
    expect(sent).toEqual([]);
  });
});

describe('options', () => {
  test('keys that reach less far than the sessions are refused', () => {
    const storage = { ...memoryStorage(), reach: 'machine' as const };
    const options = { storage, lock: { ...storage.lock, reach: 'machine' } as never };
    return expect(openDpopManager({ manager: options })).rejects.toThrow(
      explained(/reach a process, but the storage a machine/),
    );
  });

  test.each([
    [{ key: 1 }, 'no option key'],
    [{ algorithm: 'HS256' }, 'algorithm'],
    [{ algorithm: 'none' }, 'algorithm'],
    [{ keys: {} }, 'keys'],
  ])('dpop(%j) says what is wrong', (options, words) => {
    expect(() => dpop(options as never)).toThrow(ConfigurationError);
    expect(() => dpop(options as never)).toThrow(explained(words));
  });

  test.each([null, {}, { load: () => 1 }, 'dpop'])('the option dpop: %j is refused', (value) => {
    return expect(openDpopManager({ manager: { dpop: value as never } })).rejects.toThrow(
      explained(/The option dpop must/),
    );
  });

  test('exported keys work from a storage of text, for every reader', async () => {
    const storage = memoryStorage();
    const { open, call, server } = await openDpopManager({ dpop: { keys: exportedKeys(storage) } });
    const elsewhere = open({ dpop: dpop({ keys: exportedKeys(storage) }) });
    expect([await call(), await callApi(elsewhere)]).toEqual([200, 200]);
    expect(server.counts).toMatchObject({ proofs: 2, proofsRefused: 0 });
  });
});

describe('a client that gets tokens for itself', () => {
  const clients = [{ clientId: 'machine', clientSecret: 'a secret' }];
  const machine = {
    clientId: 'machine',
    clientAuthentication: clientSecretBasic('a secret'),
    grant: clientCredentials(),
    session: 'machine',
  };

  test('makes its key when it needs one, once for all managers that share the storage', async () => {
    const { server, open, expire } = await openDpopManager({
      server: { clients: [...clients, { clientId: 'test-client' }] },
    });
    const [one, other] = [open(machine), open(machine)];
    expect(await Promise.all(times(10, (index) => callApi(index % 2 === 0 ? one : other)))).toEqual(
      times(10, () => 200),
    );
    expect(server.counts).toMatchObject({ clientCredentials: 1, proofsRefused: 0, boundTokensAsBearer: 0 });
    expire();
    expect([await callApi(one), await callApi(other)]).toEqual([200, 200]);
    expect(server.counts.clientCredentials).toBe(2);
  });

  test('gets another one when it has signed out', async () => {
    const { server, open, keys } = await openDpopManager({
      server: { clients: [...clients, { clientId: 'test-client' }] },
    });
    const manager = open(machine);
    expect(await callApi(manager)).toBe(200);
    const first = (await manager.getTokens())?.thumbprint ?? '';
    await keys.delete(first);
    expect(await rejection(callApi(open({ ...machine, dpop: dpop({ keys }) })))).toMatchObject({
      reason: 'no_key',
    });
    await manager.signOut();
    expect(await callApi(manager)).toBe(200);
    expect((await manager.getTokens())?.thumbprint).not.toBe(first);
    expect(server.counts.proofsRefused).toBe(0);
  });
});

test('7523-03: the request that is repeated for a nonce has its own client assertion', async () => {
  const assertions: string[] = [];
  const verify = (parameters: URLSearchParams) => {
    assertions.push(parameters.get('client_assertion') ?? '');
    return true;
  };
  const { server, call, expire } = await openDpopManager({
    policy: { nonces: ['token'] },
    server: { clients: [{ clientId: 'test-client', verify }] },
    manager: { clientAuthentication: clientSecretJwt('a secret that is long enough to sign with it') },
  });
  expire();
  expect(await call()).toBe(200);
  expect(assertions).toHaveLength(2);
  expect(new Set(assertions).size).toBe(2);
  expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0 });
});

test('a look at what was stored before a login, answered late, does not bring its key along', async () => {
  const { open, server, storage, signIn, expire, clock } = await openDpopManager();
  let late: Promise<void> | undefined;
  const slow: TokenStorage = {
    ...storage,
    async read(key) {
      const found = await storage.read(key);
      await late;
      return found;
    },
    watch: () => () => undefined,
  };
  const [lookedAt, taken] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  void storage.lock?.request('tokenkeep:test-client/default', {}, () => taken.promise);
  expire();
  const call = open({ storage: slow }).fetch(api);
  await clock.advance(50);
  late = lookedAt.promise;
  await clock.advance(50);
  late = undefined;
  await signIn();
  expire();
  const held = server.hold();
  taken.resolve();
  await held.arrived();
  lookedAt.resolve();
  await clock.advance(0);
  held();
  expect((await call).status).toBe(200);
  expect(server.counts).toMatchObject({ refreshes: 1, apiRejected: 0 });
});

test('a sign-out whose server cannot be found out, while its key is being forgotten: nothing is left unheard', async () => {
  const unheard: unknown[] = [];
  const hear = (error: unknown) => void unheard.push(error);
  process.on('unhandledRejection', hear);
  const { open, possession } = await openDpopManager();
  const forgetting = Promise.withResolvers<void>();
  const manager = open({
    dpop: { ...possession, forget: () => forgetting.promise },
    authorizationServer: () => Promise.reject(new Error('There is no network.')),
  });
  const signedOut = manager.signOut();
  await new Promise((resolve) => setImmediate(resolve));
  forgetting.resolve();
  expect(await signedOut).toMatchObject({ revoked: false, reason: 'not_sent' });
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
});
