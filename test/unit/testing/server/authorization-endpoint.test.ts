/** The test server's own logins: code and PKCE, as strict as its refreshes. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { testClock } from '../../../../src/testing/index.ts';
import { type Client, forms, said } from './support/server-forms.ts';

const redirectUri = 'https://app.test/callback';
const verifier = 'a'.repeat(43);
const request = {
  client_id: 'test-client',
  response_type: 'code',
  redirect_uri: redirectUri,
  code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  code_challenge_method: 'S256',
  state: 'the-state',
};

async function authorize({ fetch, metadata }: Client, change: Record<string, string | undefined> = {}) {
  const url = new URL(metadata.authorizationEndpoint ?? '');
  for (const [name, value] of Object.entries({ ...request, ...change })) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const response = await fetch(url.href, { redirect: 'manual' });
  const location = response.headers.get('location');
  return { status: response.status, answer: location === null ? undefined : new URL(location) };
}

const exchange = (client: Client, code: string, change: Record<string, string> = {}) =>
  said(
    client.token({
      grant_type: 'authorization_code',
      client_id: 'test-client',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      ...change,
    }),
  );

describe.each(forms)('the authorization endpoint, $form', ({ open }) => {
  test('sends the browser back with a code, the state and its own name; the code buys tokens', async () => {
    const client = await open();
    const asked = { scope: 'openid read', nonce: 'n', acr_values: 'gold silver', login_hint: 'ada' };
    const { status, answer } = await authorize(client, asked);
    expect([status, answer?.origin, answer?.pathname]).toEqual([302, 'https://app.test', '/callback']);
    expect(answer?.searchParams.get('state')).toBe('the-state');
    expect(answer?.searchParams.get('iss')).toBe(client.issuer);
    const { body } = await exchange(client, answer?.searchParams.get('code') ?? '');
    expect(body).toMatchObject({
      token_type: 'Bearer',
      scope: 'openid read',
      refresh_token: expect.any(String),
    });
    const claims = JSON.parse(
      Buffer.from(String(body['id_token']).split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(claims).toMatchObject({ iss: client.issuer, sub: 'ada', nonce: 'n', acr: 'gold' });
    expect((await client.refresh(body['refresh_token'])).status).toBe(200);
    expect(client.server.counts).toMatchObject({ signIns: 1, refreshes: 1, secretsInUrl: 0 });
  });

  test('a code that comes twice ends the family that it began (RFC 6749 §4.1.2)', async () => {
    const client = await open();
    const code = (await authorize(client)).answer?.searchParams.get('code') ?? '';
    const { body } = await exchange(client, code);
    expect(await exchange(client, code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(client.server.isActive(String(body['access_token']))).toBe(false);
    expect(client.server.counts.familiesRevoked).toBe(1);
  });

  test.each<[string, Record<string, string>]>([
    ['another verifier', { code_verifier: 'b'.repeat(43) }],
    ['no verifier', { code_verifier: '' }],
    ['another redirect URI', { redirect_uri: 'https://app.test/other' }],
    ['another client', { client_id: 'other' }],
    ['another code', { code: 'code-x' }],
  ])('%s buys nothing, and the code is spent', async (_what, change) => {
    const client = await open({ clients: [{ clientId: 'test-client' }, { clientId: 'other' }] });
    const code = (await authorize(client)).answer?.searchParams.get('code') ?? '';
    const sent = { ...change, code: change['code'] ?? code };
    expect(await exchange(client, code, sent)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    const again = await exchange(client, code);
    expect(again.status).toBe(change['code'] === undefined ? 400 : 200);
  });

  test('a code lives for a minute', async () => {
    const clock = testClock();
    const client = await open({ clock });
    const code = (await authorize(client)).answer?.searchParams.get('code') ?? '';
    await clock.advance(60_000);
    expect((await exchange(client, code)).status).toBe(400);
  });

  test.each<[string, Record<string, string | undefined>]>([
    ['unsupported_response_type', { response_type: 'token' }],
    ['invalid_request', { code_challenge: undefined }],
    ['invalid_request', { code_challenge_method: 'plain' }],
    ['invalid_request', { claims: '{' }],
    ['invalid_request', { claims: 'null' }],
    ['login_required', { prompt: 'none' }],
  ])('says %s to %o, at the place that the client named', async (error, change) => {
    const { answer } = await authorize(await open(), change);
    expect(answer?.searchParams.get('error')).toBe(error);
    expect(answer?.searchParams.has('code')).toBe(false);
    expect(answer?.searchParams.get('state')).toBe('the-state');
  });

  test.each<[string, Record<string, string | undefined>]>([
    ['client', { client_id: 'nobody' }],
    ['place', { redirect_uri: undefined }],
  ])('sends nobody anywhere without a %s that it knows', async (_what, change) => {
    expect(await authorize(await open(), change)).toEqual({ status: 400, answer: undefined });
  });

  test('says a parameter twice: refused; a POST: not allowed', async () => {
    const client = await open();
    const url = `${client.metadata.authorizationEndpoint}?${new URLSearchParams(request)}`;
    const twice = await client.fetch(`${url}&state=other`, { redirect: 'manual' });
    expect(twice.headers.get('location')).toContain('error=invalid_request');
    expect((await client.fetch(url, { method: 'POST' })).status).toBe(405);
  });
});

describe.each(forms)('the API wants more, $form', ({ open }) => {
  const challenge = async (response: Promise<Response>) => {
    const { status, headers } = await response;
    return [status, headers.get('www-authenticate')];
  };

  test('scope', async () => {
    const { server, call } = await open();
    server.demand({ path: '/admin', scope: ['read', 'admin'] });
    const { access_token } = server.signIn();
    const wanted = 'Bearer error="insufficient_scope", scope="read admin"';
    expect(await challenge(call(access_token, '/admin/users'))).toEqual([403, wanted]);
    expect(await challenge(call(access_token, '/admin'))).toEqual([403, wanted]);
    expect((await call(access_token, '/administrators')).status).toBe(200);
    const strong = server.signIn({ scope: ['admin', 'read'] });
    expect((await call(strong.access_token, '/admin')).status).toBe(200);
    expect(server.counts).toMatchObject({ apiCalls: 4, apiRejected: 2 });
  });

  test('an authentication context, and a login that is no older than required; a refresh does not count', async () => {
    const clock = testClock();
    const { server, call, refresh } = await open({ clock });
    const wanted = 'Bearer error="insufficient_user_authentication", acr_values="gold platinum", max_age=60';
    const takeBack = server.demand({ acrValues: ['gold', 'platinum'], maxAge: 60 });
    const weak = server.signIn({ acr: 'bronze' });
    expect(await challenge(call(weak.access_token))).toEqual([401, wanted]);
    const strong = server.signIn({ acr: 'platinum' });
    expect((await call(strong.access_token)).status).toBe(200);
    await clock.advance(60_001);
    const { body } = await said(refresh(strong.refresh_token));
    expect(await challenge(call(body['access_token']))).toEqual([401, wanted]);
    takeBack();
    expect((await call(body['access_token'])).status).toBe(200);
  });

  test('claims, in base64 as Microsoft says it', async () => {
    const client = await open();
    const { server, call } = client;
    const claims = { acrs: { essential: true, value: 'c1' } };
    server.demand({ claims });
    const [status, header] = await challenge(call(server.signIn().access_token));
    const encoded = /error="insufficient_claims", claims="([^"]+)"/.exec(String(header))?.[1] ?? '';
    expect([status, JSON.parse(atob(encoded))]).toEqual([401, { access_token: claims }]);
    const { answer } = await authorize(client, { claims: atob(encoded) });
    const { body } = await exchange(client, answer?.searchParams.get('code') ?? '');
    expect((await call(body['access_token'])).status).toBe(200);
  });

  test('of a bad token nothing but a good one', async () => {
    const { server, call } = await open();
    server.demand({ scope: ['admin'] });
    const { access_token } = server.signIn();
    server.expire();
    expect((await challenge(call(access_token)))[1]).toContain('invalid_token');
  });
});
