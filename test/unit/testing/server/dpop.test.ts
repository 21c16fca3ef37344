/** The strict server speaks DPoP: what it takes, and what it does not. Proofs are made by jose. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import {
  type AuthorizationServerOptions,
  authorizationServer,
  type DpopPolicy,
  testClock,
} from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';

const tokenEndpoint = 'https://as.test/token';
const api = 'https://api.test/orders';

async function keyOf(alg = 'ES256') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return {
    alg,
    privateKey,
    jwk,
    jkt: await calculateJwkThumbprint(jwk),
    secret: await exportJWK(privateKey),
  };
}
type Key = Awaited<ReturnType<typeof keyOf>>;

let count = 0;
const hashOf = async (text: string) =>
  Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64url');

async function open(dpop: DpopPolicy = { required: true }, options: AuthorizationServerOptions = {}) {
  const clock = testClock();
  const server = authorizationServer({ clock, dpop, ...options });
  const key = await keyOf();
  const tokens = server.signIn({ jkt: key.jkt });
  const proof = (claims: object = {}, header: object = {}, by: Key = key) =>
    new SignJWT({
      jti: `a proof of its own ${count++}`,
      htm: 'POST',
      htu: tokenEndpoint,
      iat: Math.floor(clock.now() / 1000),
      ...claims,
    })
      .setProtectedHeader({ typ: 'dpop+jwt', alg: by.alg, jwk: by.jwk, ...header })
      .sign(by.privateKey);
  const refresh = async (dpopHeader: string | undefined, token = tokens.refresh_token as string) => {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: token,
      client_id: 'test-client',
    });
    const headers = dpopHeader === undefined ? {} : { dpop: dpopHeader };
    const response = await server.fetch(tokenEndpoint, { method: 'POST', headers, body });
    return { status: response.status, nonce: response.headers.get('dpop-nonce'), ...(await response.json()) };
  };
  const call = async (
    dpopHeader: string | undefined,
    scheme = 'DPoP',
    token: string = tokens.access_token,
  ) => {
    const headers = {
      authorization: `${scheme} ${token}`,
      ...(dpopHeader !== undefined && { dpop: dpopHeader }),
    };
    const { status, headers: said } = await server.fetch(api, { headers });
    return [status, /error="(\w+)"/.exec(said.get('www-authenticate') ?? '')?.[1]];
  };
  const forApi = async (claims: object = {}, header: object = {}, by: Key = key) =>
    proof({ htm: 'GET', htu: api, ath: await hashOf(tokens.access_token), ...claims }, header, by);
  return { clock, server, key, tokens, proof, refresh, call, forApi };
}

describe('the token endpoint', () => {
  test.each(['ES256', 'ES384', 'PS256', 'RS256'])('takes a proof by %s', async (alg) => {
    const { server, refresh, proof } = await open();
    const key = await keyOf(alg);
    const { refresh_token } = server.signIn({ jkt: key.jkt });
    expect(await refresh(await proof({}, {}, key), refresh_token as string)).toMatchObject({
      status: 200,
      token_type: 'DPoP',
    });
    expect(server.counts).toMatchObject({ proofs: 1, proofsRefused: 0 });
  });

  const hour = 3_600;
  test.each<[string, object, object?]>([
    ['another method', { htm: 'GET' }],
    ['the method in lower case', { htm: 'post' }],
    ['another place', { htu: 'https://as.test/revoke' }],
    ['a query in htu', { htu: `${tokenEndpoint}?a=b` }],
    ['another origin', { htu: 'https://evil.test/token' }],
    ['no jti', { jti: undefined }],
    ['a short jti', { jti: 'short' }],
    ['no iat', { iat: undefined }],
    ['an old iat', { iat: Date.now() / 1000 - hour }],
    ['ath', { ath: 'x' }],
    ['a nonce that is no text', { nonce: 1 }],
    ['another typ', {}, { typ: 'JWT' }],
    ['no typ', {}, { typ: undefined }],
    ['no key', {}, { jwk: undefined }],
    ['a header more', {}, { kid: 'x' }],
  ])('refuses a proof with %s, and the refresh token stays good', async (_, claims, header) => {
    const { server, refresh, proof } = await open();
    expect(await refresh(await proof(claims, header))).toMatchObject({
      status: 400,
      error: 'invalid_dpop_proof',
    });
    expect(server.counts).toMatchObject({ proofsRefused: 1, refreshes: 0, refreshTokensResent: 0 });
    expect(await refresh(await proof())).toMatchObject({ status: 200 });
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0, reuses: 0 });
  });

  test('refuses a proof that shows its private key, is signed by another, or is no JWT', async () => {
    const { server, refresh, proof, key } = await open();
    const other = await keyOf();
    const forged = { ...other, jwk: key.jwk };
    const bad = [await proof({}, { jwk: key.secret }), await proof({}, {}, forged), 'a.b', 'a.b.c', 'x'];
    bad.push(`${await proof()}, ${await proof()}`);
    for (const one of bad) expect(await refresh(one)).toMatchObject({ error: 'invalid_dpop_proof' });
    expect(server.counts).toMatchObject({ proofs: 0, proofsRefused: bad.length });
  });

  test('takes each proof once', async () => {
    const { server, refresh, proof } = await open();
    const once = await proof();
    const { refresh_token } = await refresh(once);
    expect(await refresh(once, refresh_token)).toMatchObject({ error: 'invalid_dpop_proof' });
    expect(server.counts).toMatchObject({ proofs: 1, proofReplays: 1 });
  });

  test('wants a proof where it is required, and gives bearer tokens where it is not', async () => {
    const { refresh } = await open();
    expect(await refresh(undefined)).toMatchObject({ status: 400, error: 'invalid_dpop_proof' });
    const { server, refresh: freely } = await open({});
    const { refresh_token } = server.signIn();
    expect(await freely(undefined, refresh_token as string)).toMatchObject({ token_type: 'Bearer' });
  });

  test('binds the refresh token of a public client to its key; another key spends nothing', async () => {
    const { server, refresh, proof, tokens } = await open({});
    const other = await keyOf();
    expect(await refresh(await proof({}, {}, other))).toMatchObject({ error: 'invalid_grant' });
    expect(await refresh(undefined)).toMatchObject({ error: 'invalid_grant' });
    expect(server.isActive(tokens.refresh_token as string)).toBe(true);
    expect(await refresh(await proof())).toMatchObject({ status: 200 });
  });

  test('wants its nonce, says it, and does not count that as a use', async () => {
    const { server, refresh, proof } = await open({ nonces: ['token'], nonceUses: 2 });
    const first = await refresh(await proof());
    expect(first).toMatchObject({
      status: 400,
      error: 'use_dpop_nonce',
      nonce: expect.stringMatching(/^nonce-/),
    });
    const { nonce } = first;
    const second = await refresh(await proof({ nonce }));
    expect(second).toMatchObject({ status: 200, nonce: null });
    const third = await refresh(await proof({ nonce }), second.refresh_token);
    expect(third.nonce).not.toBe(nonce); // used twice: the next one is said with a success
    const late = await refresh(await proof({ nonce }), third.refresh_token);
    expect(late.status).toBe(200); // the one before is still taken
    server.rotateNonces();
    expect(await refresh(await proof({ nonce: third.nonce }), late.refresh_token)).toMatchObject({
      status: 400,
    });
    expect(server.counts).toMatchObject({
      noncesDemanded: 2,
      refreshTokensResent: 0,
      reuses: 0,
      familiesRevoked: 0,
    });
  });
});

describe('the API', () => {
  test('takes a bound token with a proof of its key, once', async () => {
    const { server, call, forApi } = await open();
    const once = await forApi();
    expect(await call(once)).toEqual([200, undefined]);
    expect(await call(once)).toEqual([401, 'invalid_dpop_proof']);
    expect(server.counts).toMatchObject({ proofs: 1, proofReplays: 1, apiRejected: 1 });
  });

  test.each<[string, object]>([
    ['of another token', { ath: 'x' }],
    ['of no token', { ath: undefined }],
    ['of another method', { htm: 'POST' }],
    ['of another place', { htu: 'https://api.test/' }],
  ])('refuses a proof %s', async (_, claims) => {
    const { call, forApi } = await open();
    expect(await call(await forApi(claims))).toEqual([401, 'invalid_dpop_proof']);
  });

  test('refuses another key, no proof, the scheme of bearer tokens, and a bearer token with a proof', async () => {
    const { server, call, forApi, key } = await open();
    expect(await call(await forApi({}, {}, await keyOf()))).toEqual([401, 'invalid_token']);
    expect(await call(undefined)).toEqual([401, 'invalid_dpop_proof']);
    expect(await call(await forApi(), 'Bearer')).toEqual([401, 'invalid_token']);
    const { access_token } = server.signIn();
    const proof = await forApi({ ath: await hashOf(access_token) }, {}, key);
    expect(await call(proof, 'DPoP', access_token)).toEqual([401, 'invalid_token']);
    expect(server.counts.boundTokensAsBearer).toBe(1);
  });

  test('says of a dead token in the scheme of the request that it is dead', async () => {
    const { server, call, forApi } = await open();
    server.expire();
    expect(await call(await forApi())).toEqual([401, 'invalid_token']);
  });

  test('wants a nonce of its own, not that of the token endpoint', async () => {
    const { call, forApi, refresh, proof } = await open({ nonces: ['token', 'api'] });
    const { nonce } = await refresh(await proof());
    expect(await call(await forApi({ nonce }))).toEqual([401, 'use_dpop_nonce']);
  });

  test('counts proofs that go to places that are not its own', async () => {
    const { server } = await open();
    await server.fetch('https://evil.test/', { headers: { dpop: 'x' } }).catch(() => undefined);
    expect(server.counts.proofsLeaked).toBe(1);
  });

  test('over HTTP proofs name the URLs that the client sees', async () => {
    const { server, proof, tokens, forApi } = await open();
    await using listening = await server.listen();
    const url = listening.metadata.tokenEndpoint;
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token as string,
      client_id: 'test-client',
    });
    const answer = await fetch(url, { method: 'POST', headers: { dpop: await proof({ htu: url }) }, body });
    expect(answer.status).toBe(200);
    const place = `${listening.apiUrl}/orders`;
    const headers = { authorization: `DPoP ${tokens.access_token}`, dpop: await forApi({ htu: place }) };
    expect((await fetch(`${place}?page=2`, { headers })).status).toBe(200);
  });

  test('introspection says what a token is bound to, and so does a readable one', async () => {
    const { server, key } = await open({ required: true }, { tokenFormat: 'jwt-like' });
    const { access_token } = server.signIn({ jkt: key.jkt });
    const claims = JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims.cnf).toEqual({ jkt: key.jkt });
    const body = new URLSearchParams({ token: access_token, client_id: 'test-client' });
    const answer = await server.fetch('https://as.test/introspect', { method: 'POST', body });
    expect(await answer.json()).toMatchObject({ token_type: 'DPoP', cnf: { jkt: key.jkt } });
  });
});
