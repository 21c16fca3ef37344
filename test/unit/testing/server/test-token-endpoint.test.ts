import { describe, expect, test } from 'vitest';
import { basic, errorOf, forms, said, tokensOf } from './support/server-forms.ts';

const secret = { clientId: 'app', clientSecret: 's3cr:t +%ä' };

describe.each(forms)('the token endpoint, $form', ({ open }) => {
  test('rotates the refresh token', async () => {
    const { server, refresh, call } = await open();
    const first = server.signIn();
    const second = await tokensOf(refresh(first.refresh_token));
    expect(second).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 300,
      refresh_token: expect.any(String),
      scope: 'read write',
    });
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(second.access_token).not.toBe(first.access_token);
    expect((await call(second.access_token)).status).toBe(200);
    expect((await call(first.access_token)).status).toBe(200);
    expect(server.currentRefreshToken(first.access_token)).toBe(second.refresh_token);
    expect(server.currentAccessToken()).toBe(second.access_token);
    expect(server.isActive(second.refresh_token)).toBe(true);
    expect(server.isActive(first.refresh_token as string)).toBe(false);
  });

  test('revokes the whole family when a used refresh token comes again', async () => {
    const { server, refresh, call } = await open();
    const first = server.signIn();
    const other = server.signIn();
    const second = await tokensOf(refresh(first.refresh_token));
    expect(await errorOf(refresh(first.refresh_token))).toBe('400 invalid_grant');
    expect(await errorOf(refresh(second.refresh_token))).toBe('400 invalid_grant');
    expect((await call(first.access_token)).status).toBe(401);
    expect((await call(second.access_token)).status).toBe(401);
    expect((await call(other.access_token)).status).toBe(200);
    expect(server.counts).toMatchObject({
      refreshes: 1,
      reuses: 1,
      familiesRevoked: 1,
      refreshTokensResent: 1,
    });
    expect(server.isActive(second.refresh_token)).toBe(false);
  });

  test('grants one of many that come at the same time, and the session has ended', async () => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(refresh_token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(server.counts).toMatchObject({ refreshAttempts: 10, refreshes: 1, reuses: 9, familiesRevoked: 1 });
    expect(server.isActive(server.currentRefreshToken() as string)).toBe(false);
  });

  test('keeps its answers out of caches', async () => {
    const { server, refresh } = await open();
    for (const token of [server.signIn().refresh_token, 'unknown']) {
      const { headers } = await refresh(token);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('pragma')).toBe('no-cache');
      expect(headers.get('content-type')).toBe('application/json');
    }
  });

  test('narrows the scope of an access token, never of the refresh token', async () => {
    const { server, refresh, call } = await open();
    const { refresh_token } = server.signIn({ scope: ['a', 'b', 'c'] });
    const narrow = await tokensOf(refresh(refresh_token, { scope: 'c a' }));
    expect(narrow.scope).toBe('c a');
    expect((await said(call(narrow.access_token))).body['scope']).toEqual(['c', 'a']);
    expect((await tokensOf(refresh(narrow.refresh_token))).scope).toBe('a b c');
  });

  test('never widens the scope, and does not spend the refresh token of one who asks', async () => {
    const { server, refresh } = await open({ scope: ['a', 'b', 'c'] });
    const { refresh_token } = server.signIn({ scope: ['a', 'b'] });
    expect(await errorOf(refresh(refresh_token, { scope: 'a c' }))).toBe('400 invalid_scope');
    expect((await tokensOf(refresh(refresh_token))).scope).toBe('a b');
  });

  test('makes access tokens for the resources that are asked for', async () => {
    const { server, refresh, call, api } = await open();
    const { refresh_token } = server.signIn();
    const token = await tokensOf(refresh(refresh_token, { resource: [`${api}/a/`, `${api}/b`] }));
    expect((await call(token.access_token, '/a/1')).status).toBe(200);
    expect((await call(token.access_token, '/b')).status).toBe(200);
    expect((await call(token.access_token, '/b/c?d')).status).toBe(200);
    expect((await call(token.access_token, '/bc')).status).toBe(401);
    expect((await call(token.access_token, '/')).status).toBe(401);
  });

  test.each([
    ['another origin', 'https://elsewhere.example/'],
    ['a fragment', 'https://api.test/#a'],
    ['a relative URL', '/a'],
  ])('refuses %s as a resource, and does not spend the refresh token', async (_, resource) => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    expect(await errorOf(refresh(refresh_token, { resource }))).toBe('400 invalid_target');
    expect((await refresh(refresh_token)).status).toBe(200);
  });

  test('refuses a resource that was not granted', async () => {
    const { server, refresh, api } = await open();
    const { refresh_token } = server.signIn({ resource: ['https://api.test/a/'] });
    expect(await errorOf(refresh(refresh_token, { resource: `${api}/b/` }))).toBe('400 invalid_target');
    expect((await refresh(refresh_token, { resource: `${api}/a/b/` })).status).toBe(200);
  });

  test('refuses a refresh token that is unknown, of another client, revoked or expired', async () => {
    let now = 0;
    const clients = [{ clientId: 'test-client' }, { clientId: 'other' }];
    const { server, refresh } = await open({
      clients,
      refreshTokenLifetime: 1000,
      clock: { now: () => now },
    });
    const { refresh_token } = server.signIn();
    expect(await errorOf(refresh('unknown'))).toBe('400 invalid_grant');
    expect(await errorOf(refresh(refresh_token, { client_id: 'other' }))).toBe('400 invalid_grant');
    now = 999;
    const next = await tokensOf(refresh(refresh_token));
    now = 1000;
    expect(await errorOf(refresh(next.refresh_token))).toBe('400 invalid_grant');
    const { refresh_token: revoked } = server.signIn();
    server.revokeFamily(revoked as string);
    expect(await errorOf(refresh(revoked))).toBe('400 invalid_grant');
    expect(server.counts).toMatchObject({ reuses: 0, familiesRevoked: 1 });
  });

  test.each<[string, Record<string, string | string[]>, string]>([
    ['no grant_type', { grant_type: '' }, '400 invalid_request'],
    ['an unknown grant_type', { grant_type: 'password' }, '400 unsupported_grant_type'],
    ['a grant_type that objects have', { grant_type: 'constructor' }, '400 unsupported_grant_type'],
    ['no refresh token', { refresh_token: '' }, '400 invalid_request'],
    ['a parameter twice', { client_id: ['test-client', 'test-client'] }, '400 invalid_request'],
    ['a parameter twice, once empty', { scope: ['read', ''] }, '400 invalid_request'],
    ['no client', { client_id: '' }, '401 invalid_client'],
    ['an unknown client', { client_id: 'nobody' }, '401 invalid_client'],
    ['a secret of a public client', { client_secret: 'secret' }, '401 invalid_client'],
  ])('refuses %s, and does not spend the refresh token', async (_, parameters, error) => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    expect(await errorOf(refresh(refresh_token, parameters))).toBe(error);
    expect((await refresh(refresh_token, { scope: '' })).status).toBe(200);
  });

  test('answers POST only', async () => {
    const { server, fetch, metadata } = await open();
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await fetch(metadata.tokenEndpoint, { method });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    }
    const { refresh_token } = server.signIn();
    const query = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: String(refresh_token) });
    expect((await fetch(`${metadata.tokenEndpoint}?${query}`)).status).toBe(405);
    expect(server.counts.secretsInUrl).toBe(1);
  });

  test('refuses and counts secrets in the URL, and takes any other query', async () => {
    const { server, post, metadata } = await open();
    const { refresh_token } = server.signIn();
    const parameters = {
      grant_type: 'refresh_token',
      client_id: 'test-client',
      refresh_token: String(refresh_token),
    };
    for (const name of ['refresh_token', 'client_secret', 'access_token', 'client_assertion']) {
      expect(await errorOf(post(`${metadata.tokenEndpoint}?${name}=x`, parameters))).toBe(
        '400 invalid_request',
      );
    }
    expect((await post(`${metadata.tokenEndpoint}?tenant=x`, parameters)).status).toBe(200);
    expect(server.counts).toMatchObject({ secretsInUrl: 4, refreshes: 1 });
  });

  test.each([
    ['text/plain', 'form', 400],
    ['application/json', 'form', 400],
    ['Application/X-WWW-Form-Urlencoded; charset=UTF-8', 'form', 200],
    ['application/x-www-form-urlencoded', 'json', 400],
    ['application/json; charset=utf-8', 'json', 200],
  ] as const)('reads %s where %s is wanted with status %i', async (contentType, requestEncoding, status) => {
    const { server, fetch, metadata } = await open({ requestEncoding });
    const refresh_token = String(server.signIn().refresh_token);
    const parameters = { grant_type: 'refresh_token', client_id: 'test-client', refresh_token };
    const isJson = contentType.includes('json');
    const body = isJson ? JSON.stringify(parameters) : new URLSearchParams(parameters).toString();
    const init = { method: 'POST', headers: { 'content-type': contentType }, body };
    expect((await fetch(metadata.tokenEndpoint, init)).status).toBe(status);
    expect(metadata.profile).toEqual(requestEncoding === 'json' ? { requestEncoding } : undefined);
  });

  test.each(['[]', '"text"', '{', '{"grant_type":1}', ''])('refuses the JSON %s', async (body) => {
    const { fetch, metadata } = await open({ requestEncoding: 'json' });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    expect(await errorOf(fetch(metadata.tokenEndpoint, init))).toBe('400 invalid_request');
  });
});

describe.each(forms)('client authentication, $form', ({ open }) => {
  const own = { client_id: 'app' };

  test('takes a secret in the body', async () => {
    const { server, refresh } = await open({ clients: [secret] });
    const { refresh_token } = server.signIn();
    expect((await refresh(refresh_token, { ...own, client_secret: secret.clientSecret })).status).toBe(200);
  });

  test('takes a secret in the header, form-encoded first', async () => {
    const { server, refresh } = await open({ clients: [secret] });
    const headers = basic(secret.clientId, secret.clientSecret);
    expect((await refresh(server.signIn().refresh_token, { client_id: '' }, { headers })).status).toBe(200);
    expect((await refresh(server.signIn().refresh_token, own, { headers })).status).toBe(200);
    const raw = { authorization: `Basic ${btoa('app:s3cr:t +%')}` };
    expect(await errorOf(refresh(server.signIn().refresh_token, own, { headers: raw }))).toBe(
      '401 invalid_client',
    );
  });

  test.each([
    ['a wrong secret', basic('app', 'wrong')],
    ['a wrong id', basic('nobody', secret.clientSecret)],
    ['no colon', { authorization: `Basic ${btoa('app')}` }],
    ['no base64', { authorization: 'Basic ?' }],
    ['an odd escape', { authorization: `Basic ${btoa('app:%GG')}` }],
    ['another scheme', { authorization: 'Bearer x' }],
  ])('refuses %s in the header with a challenge', async (_, headers) => {
    const { server, refresh } = await open({ clients: [secret] });
    const answer = refresh(server.signIn().refresh_token, { client_id: '' }, { headers });
    expect(await errorOf(answer)).toBe('401 invalid_client');
    expect((await answer).headers.get('www-authenticate')).toBe('Basic realm="as"');
  });

  test.each([
    ['a wrong secret', { client_secret: 'wrong' }],
    ['no secret', {}],
  ])('refuses %s in the body without a challenge', async (_, parameters) => {
    const { server, refresh } = await open({ clients: [secret] });
    const answer = refresh(server.signIn().refresh_token, { ...own, ...parameters });
    expect(await errorOf(answer)).toBe('401 invalid_client');
    expect((await answer).headers.has('www-authenticate')).toBe(false);
  });

  test.each([
    ['a secret in both places', { ...own, client_secret: secret.clientSecret }],
    ['a secret and an assertion', { ...own, client_assertion: 'jwt' }],
    ['two clients', { client_id: 'other' }],
  ])('refuses %s', async (_, parameters) => {
    const { server, refresh } = await open({ clients: [secret] });
    const headers = basic(secret.clientId, secret.clientSecret);
    const { refresh_token } = server.signIn();
    expect(await errorOf(refresh(refresh_token, parameters, { headers }))).toBe('400 invalid_request');
    expect((await refresh(refresh_token, own, { headers })).status).toBe(200);
  });

  test('takes the one method that a client is registered for', async () => {
    const headers = basic(secret.clientId, secret.clientSecret);
    const inBody = { ...own, client_secret: secret.clientSecret };
    const onlyBasic = await open({ clients: [{ ...secret, method: 'client_secret_basic' }] });
    const { server } = onlyBasic;
    expect((await onlyBasic.refresh(server.signIn().refresh_token, own, { headers })).status).toBe(200);
    expect(await errorOf(onlyBasic.refresh(server.signIn().refresh_token, inBody))).toBe(
      '401 invalid_client',
    );
    const onlyPost = await open({ clients: [{ ...secret, method: 'client_secret_post' }] });
    const token = onlyPost.server.signIn().refresh_token;
    expect(await errorOf(onlyPost.refresh(token, own, { headers }))).toBe('401 invalid_client');
    expect((await onlyPost.refresh(token, inBody)).status).toBe(200);
  });

  test('asks verify about assertions and certificates', async () => {
    const seen: unknown[] = [];
    const verify = (parameters: URLSearchParams, headers: Headers): Promise<boolean> => {
      seen.push(headers.get('x-certificate'));
      return Promise.resolve(parameters.get('client_assertion') === 'good');
    };
    const { server, refresh } = await open({ clients: [{ clientId: 'app', verify }] });
    const { refresh_token } = server.signIn();
    const init = { headers: { 'x-certificate': 'c' } };
    expect(await errorOf(refresh(refresh_token, { ...own, client_assertion: 'bad' }, init))).toBe(
      '401 invalid_client',
    );
    expect((await refresh(refresh_token, { ...own, client_assertion: 'good' }, init)).status).toBe(200);
    expect(seen).toEqual(['c', 'c']);
  });
});
