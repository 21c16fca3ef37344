/** A server with words and places of its own. */
import { describe, expect, test } from 'vitest';
import { faults } from '../../../../src/testing/index.ts';
import { json } from '../../../../src/testing/server/http-exchange.ts';
import { errorOf, forms, tokensOf } from './support/server-forms.ts';

describe.each(forms)('dialects, $form', ({ open }) => {
  const places = { issuer: 'https://as.test/tenant', tokenEndpoint: 'https://as.test/oauth/grant' };

  test('endpoints are where they are said to be, and nowhere else', async () => {
    const revocationEndpoint = 'https://as.test/oauth/end';
    const { server, metadata, issuer, refresh, post } = await open({ ...places, revocationEndpoint });
    const { origin } = new URL(issuer);
    expect(metadata).toMatchObject({
      tokenEndpoint: `${origin}/oauth/grant`,
      revocationEndpoint: `${origin}/oauth/end`,
      metadata: { token_endpoint: `${origin}/oauth/grant`, revocation_endpoint: `${origin}/oauth/end` },
    });
    const { refresh_token } = server.signIn();
    expect((await refresh(refresh_token)).status).toBe(200);
    expect((await post(`${issuer}/token`, {})).status).toBe(404);
    const token = String(server.currentRefreshToken());
    expect((await post(`${origin}/oauth/end`, { token, client_id: 'test-client' })).status).toBe(200);
    expect(server.isActive(token)).toBe(false);
    expect(server.counts).toMatchObject({ tokenRequests: 1, refreshTokensLeaked: 0 });
  });

  test('a server without revocation has no such endpoint', async () => {
    const { metadata, issuer, post } = await open({ revocationEndpoint: null });
    expect(metadata).not.toHaveProperty('revocationEndpoint');
    expect(metadata.metadata).not.toHaveProperty('revocation_endpoint');
    expect((await post(`${issuer}/revoke`, { token: 'x', client_id: 'test-client' })).status).toBe(404);
  });

  test('namesIssuer: whether authorization responses say who the issuer is, and the metadata that they do', async () => {
    for (const namesIssuer of [true, false]) {
      const { metadata, issuer, fetch } = await open({ dialect: { namesIssuer } });
      const query = new URLSearchParams({
        ...{ response_type: 'code', client_id: 'test-client', redirect_uri: 'https://app.test/' },
        ...{ code_challenge_method: 'S256', code_challenge: 'x' },
      });
      const answer = await fetch(`${metadata.authorizationEndpoint}?${query}`, { redirect: 'manual' });
      const back = new URL(answer.headers.get('location') ?? '');
      expect(back.searchParams.get('iss')).toBe(namesIssuer ? issuer : null);
      expect(metadata.metadata).toMatchObject({
        authorization_response_iss_parameter_supported: namesIssuer,
      });
    }
  });

  test('granted: the members of answers and of logins, and what is undefined is not sent', async () => {
    const { server, refresh } = await open({
      profile: 'noRotation',
      dialect: {
        granted: ({ access_token, refresh_token }) => ({ tenant: 'acme', access_token, refresh_token }),
      },
    });
    const login = server.signIn();
    expect(Object.keys(login)).toEqual(['tenant', 'access_token', 'refresh_token']);
    expect(Object.keys(await tokensOf(refresh(login.refresh_token)))).toEqual(['tenant', 'access_token']);
  });

  test('formUnlessJsonAccepted: a form, unless the request asks for JSON', async () => {
    const { server, refresh } = await open({ dialect: { formUnlessJsonAccepted: true } });
    const { refresh_token } = server.signIn();
    const form = await refresh(refresh_token);
    expect(form.headers.get('content-type')).toContain('application/x-www-form-urlencoded');
    const members = new URLSearchParams(await form.text());
    expect(members.get('access_token')).toBe(server.currentAccessToken());
    const asked = await refresh(
      members.get('refresh_token'),
      {},
      { headers: { accept: 'application/json' } },
    );
    expect(await asked.json()).toMatchObject({ access_token: server.currentAccessToken() });
  });

  test('refused: in its words, each error that has some', async () => {
    const { server, refresh } = await open({
      dialect: { refused: { invalid_grant: json(200, { error: 'dead' }) } },
    });
    const { refresh_token } = server.signIn();
    expect(await errorOf(refresh('unknown'))).toBe('200 dead');
    expect(await errorOf(refresh(refresh_token, { scope: 'admin' }))).toBe('400 invalid_scope');
    server.fail(faults.oauthError('slow_down', 429));
    expect(await errorOf(refresh(refresh_token))).toBe('429 slow_down');
  });

  test('revocations: the encoding, the kind of token and the answer', async () => {
    const { server, metadata, fetch } = await open({
      dialect: {
        revocationEncoding: 'json',
        revokes: 'access_token',
        revoked: { status: 204, headers: {}, body: '' },
      },
    });
    expect(metadata.profile).toEqual({ revocationEncoding: 'json', revokes: 'access_token' });
    const { access_token, refresh_token } = server.signIn();
    const revoke = (token: unknown, contentType = 'application/json') =>
      fetch(String(metadata.revocationEndpoint), {
        method: 'POST',
        headers: { 'content-type': contentType },
        body: JSON.stringify({ token, client_id: 'test-client' }),
      });
    expect((await revoke(access_token, 'application/x-www-form-urlencoded')).status).toBe(400);
    expect((await revoke(refresh_token)).status).toBe(400);
    expect(server.isActive(String(refresh_token))).toBe(true);
    expect((await revoke(access_token)).status).toBe(204);
    expect(server.isActive(access_token)).toBe(false);
  });
});
