/** DPoP: proofs are verified by jose, as a server of somebody else would. */
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';
import { ConfigurationError } from 'tokenkeep';
import { dpop, memoryKeys } from 'tokenkeep/dpop';
import { testClock } from 'tokenkeep/testing';
import { expect, test, vi } from 'vitest';
import { openDpopManager } from '../support/open-dpop-manager.ts';
import { callApi } from '../support/open-manager.ts';
import { rejection, times } from '../support/promises.ts';

import { wire } from '../support/wire.ts';
import { api, as, client, done, granting } from './support/client.ts';

const hashOf = async (text: string) =>
  Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64url');

test('9449-01: a proof has dpop+jwt, an asymmetric alg, the public key and nothing else of it; jti, htm, htu without query and fragment, iat, ath', async () => {
  const { manager, sent, key, tokens, clock, expire } = await openDpopManager();
  await manager.fetch('https://api.test/orders?page=2&secret=1#top', { method: 'post', body: 'x' });
  expire();
  await manager.fetch('https://api.test/orders/%7Eada/../1?x');
  const [call, refresh, second] = sent;
  for (const { proof } of sent) {
    const { payload, protectedHeader } = await jwtVerify(proof ?? '', EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256'],
      currentDate: new Date(clock.now()),
    });
    const { jwk = {} } = protectedHeader;
    expect(Object.keys(protectedHeader).sort()).toEqual(['alg', 'jwk', 'typ']);
    expect(Object.keys(jwk).sort()).toEqual(['crv', 'kty', 'x', 'y']);
    expect(await calculateJwkThumbprint(jwk)).toBe(key.thumbprint);
    expect(typeof payload.jti).toBe('string');
  }
  const iat = clock.now() / 1000;
  expect(call?.claims).toEqual({
    jti: expect.any(String),
    htm: 'POST',
    htu: 'https://api.test/orders',
    iat: Math.floor(iat - 300),
    ath: await hashOf(tokens.access_token),
  });
  const htu = 'https://as.test/token';
  expect(refresh?.claims).toEqual({ jti: expect.any(String), htm: 'POST', htu, iat: Math.floor(iat) });
  expect(second?.claims).toMatchObject({ htm: 'GET', htu: 'https://api.test/orders/1' });
});

test('9449-01: a nonce of the server is in the proof', async () => {
  const { call, sent } = await openDpopManager({ policy: { nonces: ['api'] } });
  await call();
  expect(sent.map(({ claims }) => 'nonce' in claims)).toEqual([false, true]);
});

test('9449-02: jti has 128 bits of a cryptographic generator, also without Math.random', async () => {
  const { call, sent } = await openDpopManager();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  await Promise.all(times(200, () => call()));
  const ids = sent.map(({ claims }) => claims['jti'] as string);
  expect(new Set(ids).size).toBe(200);
  expect(ids.every((id) => Buffer.from(id, 'base64url').length === 16)).toBe(true);
});

test('9449-03: every token request has a proof, by the key of the refresh token', async () => {
  const { server, call, sent, key, expire, to } = await openDpopManager();
  for (let round = 0; round < 3; round++) {
    expire();
    expect(await call()).toBe(200);
  }
  const proofs = to(server.metadata.tokenEndpoint).map(({ header }) => header['jwk'] as never);
  expect(await Promise.all(proofs.map((jwk) => calculateJwkThumbprint(jwk)))).toEqual(
    times(3, () => key.thumbprint),
  );
  expect(sent.every(({ proof }) => proof !== null)).toBe(true);
  expect(server.counts).toMatchObject({ refreshes: 3, proofsRefused: 0 });
});

test('9449-03: without the key nothing is sent, and the refresh token is not burned', async () => {
  const { server, keys, key, open, expire, tokens } = await openDpopManager();
  await keys.delete(key.thumbprint);
  expire();
  expect(await rejection(callApi(open()))).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'no_key' });
  expect(server.counts.tokenRequests).toBe(0);
  expect(server.isActive(tokens.refresh_token as string)).toBe(true);
});

test('9449-04: a bearer token in place of a bound one is discarded; the refresh token that came with it is kept', async () => {
  const { server, manager, call, expire, storage } = await openDpopManager();
  expect(await rejection(manager.setTokens(server.signIn()))).toBeInstanceOf(ConfigurationError);
  const body = { access_token: 'unbound', token_type: 'Bearer', refresh_token: 'next' };
  server.fail({ response: { status: 200, body: JSON.stringify(body) } });
  expire();
  expect(await rejection(call())).toMatchObject({ code: 'ERR_REFRESH_FAILED', error: 'unusable token_type' });
  expect(server.counts.apiCalls).toBe(0);
  const stored = (await storage.read('test-client/default'))?.record as Record<string, unknown>;
  expect(stored).toMatchObject({ refreshToken: 'next', accessTokens: {} });
});

test('9449-05: a call has the scheme DPoP and a proof for it, and its replay has another', async () => {
  const { server, call, sent } = await openDpopManager();
  server.expire();
  expect(await call()).toBe(200);
  const [first, , replay] = sent;
  expect([first?.authorization, replay?.authorization].every((value) => value?.startsWith('DPoP '))).toBe(
    true,
  );
  expect(first?.claims['jti']).not.toBe(replay?.claims['jti']);
  expect(first?.claims['ath']).not.toBe(replay?.claims['ath']);
});

test.each(['DPoP', 'dpop'])(
  '9449-06: a token of type %s never goes out as a bearer token: not after a login, not after a refresh',
  async (token_type) => {
    const clock = testClock();
    const net = wire({ [as.tokenEndpoint]: granting({ token_type }), [api]: done });
    const manager = await client(net, { clock });
    const bound = { access_token: 'bound', token_type };
    expect(await rejection(manager.setTokens(bound))).toBeInstanceOf(ConfigurationError);
    await clock.advance(400_000);
    expect(await rejection(manager.fetch(api))).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
    expect(net.sent.map(({ url }) => url)).toEqual([as.tokenEndpoint]);
  },
);

test('9449-06: nor when a manager without the option finds its session', async () => {
  const { open, server } = await openDpopManager();
  await rejection(callApi(open({ dpop: undefined })));
  expect(server.counts).toMatchObject({ apiCalls: 0, boundTokensAsBearer: 0 });
});

test('9449-07: the token endpoint asks for a nonce: once more, and that is no failed refresh', async () => {
  const { server, call, expire, events, to } = await openDpopManager({ policy: { nonces: ['token'] } });
  expire();
  expect(await call()).toBe(200);
  const [first, second] = to(server.metadata.tokenEndpoint);
  expect(second?.body).toBe(first?.body);
  expect(second?.claims['nonce']).toMatch(/^nonce-/);
  expect(events.map(({ type }) => type)).toEqual(['refreshed']);
  expect(server.counts).toMatchObject({ tokenRequests: 2, refreshes: 1, refreshTokensResent: 0 });
});

test('9449-07: that happens once: a server that asks again is not asked again', async () => {
  const { server, call, expire } = await openDpopManager();
  const answer = { status: 400, headers: { 'dpop-nonce': 'n' }, body: '{"error":"use_dpop_nonce"}' };
  server.fail({ response: answer }, { times: 10 });
  expire();
  await rejection(call());
  expect(server.counts.tokenRequests).toBe(2);
});

test('9449-08: a nonce in a success is for the next request, at the token endpoint and at the API', async () => {
  const { server, call, expire, sent } = await openDpopManager({
    policy: { nonces: ['token', 'api'], nonceUses: 1 },
  });
  for (let round = 0; round < 5; round++) {
    expire();
    expect(await call()).toBe(200);
  }
  // Asked for the first one at each place; all others came with an answer.
  expect(server.counts).toMatchObject({ noncesDemanded: 2, refreshes: 5 });
  const nonces = sent.flatMap(({ claims }) => (claims['nonce'] as string | undefined) ?? []);
  expect(new Set(nonces).size).toBe(10);
});

test('9449-09: an API asks for a nonce: once more with it, and no refresh', async () => {
  const { server, call } = await openDpopManager({ policy: { nonces: ['api'] } });
  expect(await call()).toBe(200);
  expect(server.counts).toMatchObject({ apiCalls: 2, noncesDemanded: 1, tokenRequests: 0 });
});

test('9449-10: nonces belong to who gave them: another API gets none of the first, nor does the token endpoint at the same origin', async () => {
  const origin = 'https://one.test';
  const places = { issuer: origin, apiOrigin: origin };
  const { server, call, expire, sent } = await openDpopManager({
    server: places,
    policy: { nonces: ['api'] },
    manager: { protectedResources: [`${origin}/`, 'https://other.test/'] },
  });
  expect(await call(`${origin}/orders`)).toBe(200);
  await rejection(call('https://other.test/'));
  expire();
  expect(await call(`${origin}/orders`)).toBe(200);
  expect(server.counts.noncesDemanded).toBe(1);
  const seen = sent.map(({ url, claims }) => [url, 'nonce' in claims]);
  expect(seen).toEqual([
    [`${origin}/orders`, false],
    [`${origin}/orders`, true],
    ['https://other.test/', false],
    [`${origin}/token`, false],
    [`${origin}/orders`, true],
  ]);
});

test('9449-11: whatever is sent once more has a new proof: after a nonce, after a refresh, after a redirect', async () => {
  const { server, call, sent } = await openDpopManager({ policy: { nonces: ['token', 'api'] } });
  server.expire();
  server.fail({ response: { status: 307, headers: { location: '/elsewhere' } } }, { on: 'api' });
  expect(await call()).toBe(200);
  const proofs = sent.map(({ claims }) => claims['jti']);
  expect(new Set(proofs).size).toBe(proofs.length);
  expect(sent.map(({ claims }) => claims['htu'])).toContain('https://api.test/elsewhere');
  expect(server.counts).toMatchObject({ proofReplays: 0, proofsRefused: 0 });
});

test('9449-12: a nonce that is wanted and not shown is an error that says what the server has to expose', async () => {
  const { server, call, expire, manager } = await openDpopManager();
  server.fail({ response: { status: 400, body: '{"error":"use_dpop_nonce"}' } });
  expire();
  const error = await rejection(call());
  expect(error).toMatchObject({ code: 'ERR_REFRESH_FAILED', error: 'use_dpop_nonce', sent: false });
  expect((error.cause as Error).message).toContain('Access-Control-Expose-Headers');
  expect(server.counts.tokenRequests).toBe(1);
  expect(await manager.getTokens()).toBeDefined(); // the session is kept
});

test('9449-12: at an API that is the answer, as it came', async () => {
  const { server, call } = await openDpopManager();
  const challenge = { 'www-authenticate': 'DPoP error="use_dpop_nonce"' };
  server.fail({ response: { status: 401, headers: challenge } }, { on: 'api' });
  expect(await call()).toBe(401);
  expect(server.counts).toMatchObject({ apiCalls: 1, tokenRequests: 0 });
});

test('9449-13: keys cannot be exported, unless they are asked to be', async () => {
  const kept: CryptoKeyPair[] = [];
  const watched = {
    ...memoryKeys(),
    write: async (_name: string, pair: CryptoKeyPair) => void kept.push(pair),
  };
  for (const keys of [watched, { ...watched, exports: true }]) {
    const possession = dpop({ keys });
    await possession.keep(await possession.generate());
  }
  expect(kept.map(({ privateKey }) => privateKey.extractable)).toEqual([false, true]);
  await expect(crypto.subtle.exportKey('jwk', kept[0]?.privateKey as CryptoKey)).rejects.toThrow();
});
