import { describe, expect, test } from 'vitest';
import type { RefusalStyle } from '../../../../src/testing/index.ts';
import {
  insufficientScope,
  insufficientUserAuthentication,
  refusals,
  testClock,
} from '../../../../src/testing/index.ts';
import { forms, said, tokensOf } from './support/server-forms.ts';

describe.each(forms)('the API, $form', ({ open }) => {
  test('echoes the request, without the token', async () => {
    const { server, call } = await open();
    const { access_token } = server.signIn();
    const init = { method: 'PUT', headers: { 'content-type': 'x/y', 'x-one': '1' }, body: 'žluť' };
    const { status, body } = await said(call(access_token, '/a/b?c=d&c=e', init));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      method: 'PUT',
      path: '/a/b?c=d&c=e',
      token: 'at1',
      scope: ['read', 'write'],
      headers: { 'content-type': 'x/y', 'x-one': '1' },
      body: { length: 6, hash: expect.stringMatching(/^[0-9a-f]{16}$/), base64: btoa('\xc5\xbelu\xc5\xa5') },
    });
    expect(JSON.stringify(body)).not.toContain(access_token);
    expect(server.requests).toEqual([
      {
        method: 'PUT',
        path: '/a/b?c=d&c=e',
        token: 'at1',
        body: new TextEncoder().encode('žluť'),
        status: 200,
      },
    ]);
    expect(server.idOf(access_token)).toBe('at1');
  });

  test('echoes large bodies by length and hash', async () => {
    const { server, call } = await open();
    const { access_token } = server.signIn();
    const bytes = new Uint8Array(100_000).fill(7);
    const send = async (body: Uint8Array<ArrayBuffer>): Promise<unknown> =>
      (await said(call(access_token, '/', { method: 'POST', body }))).body['body'];
    const first = await send(bytes);
    expect(first).toEqual({ length: 100_000, hash: expect.any(String) });
    expect(await send(bytes)).toEqual(first);
    bytes[50_000] = 8;
    expect(await send(bytes)).not.toEqual(first);
  });

  test('lets in nobody without a good token', async () => {
    const clock = testClock();
    const { server, call, fetch, api, refresh } = await open({ clock });
    const { access_token, refresh_token } = server.signIn({ lifetime: 1000 });
    const bare = await fetch(`${api}/`);
    expect([bare.status, bare.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="api"']);
    const challenge = 'Bearer realm="api", error="invalid_token"';
    const unknown = await call('unknown');
    expect([unknown.status, unknown.headers.get('www-authenticate')]).toEqual([401, challenge]);
    const otherScheme = await fetch(`${api}/`, { headers: { authorization: `DPoP ${access_token}` } });
    expect(otherScheme.status).toBe(401);
    expect((await fetch(`${api}/`, { headers: { authorization: `bearer ${access_token}` } })).status).toBe(
      200,
    );
    clock.set(clock.now() + 999);
    expect((await call(access_token)).status).toBe(200);
    clock.set(clock.now() + 1);
    expect((await call(access_token)).status).toBe(401);
    expect((await call((await tokensOf(refresh(refresh_token))).access_token)).status).toBe(200);
    expect(server.counts).toMatchObject({ apiCalls: 7, apiRejected: 4 });
  });

  test('rejects tokens that were made to expire', async () => {
    const { server, call } = await open();
    const [first, second, third] = [server.signIn(), server.signIn(), server.signIn()].map(
      (one) => one.access_token,
    );
    server.expire(first);
    expect([(await call(first)).status, (await call(second)).status]).toEqual([401, 200]);
    server.expire();
    const later = server.signIn().access_token;
    expect([(await call(second)).status, (await call(third)).status, (await call(later)).status]).toEqual([
      401, 401, 200,
    ]);
  });

  const styles = Object.keys(refusals) as RefusalStyle[];
  test.each(styles)('says to a bad token what %s says', async (style) => {
    const { server, call } = await open({ refusal: style });
    const { access_token } = server.signIn();
    expect((await call(access_token)).status).toBe(200);
    server.expire();
    const answer = await call(access_token);
    expect(answer.status).toBe(refusals[style].status);
    expect(answer.headers.get('www-authenticate')).toBe(refusals[style].headers['www-authenticate'] ?? null);
    expect(await answer.text()).toBe(refusals[style].body);
    expect(server.counts).toMatchObject({ apiCalls: 2, apiRejected: 1 });
  });

  test('refuses a good token once, or always, in any style', async () => {
    const { server, call } = await open();
    const { access_token } = server.signIn();
    server.fail({ response: refusals.github }, { on: 'api' });
    expect([(await call(access_token)).status, (await call(access_token)).status]).toEqual([401, 200]);
    server.fail({ response: refusals.rfc6750 }, { on: 'api', times: Number.POSITIVE_INFINITY });
    for (let attempt = 0; attempt < 3; attempt++) expect((await call(access_token)).status).toBe(401);
    expect(server.counts).toMatchObject({ apiCalls: 5, apiRejected: 4 });
    expect(server.requests.map(({ status }) => status)).toEqual([401, 200, 401, 401, 401]);
  });

  test('asks for more scope, and for a better login', async () => {
    const { server, call } = await open();
    const { access_token } = server.signIn();
    const challengeOf = async (answer: typeof refusals.github): Promise<unknown[]> => {
      server.fail({ response: answer }, { on: 'api' });
      const { status, headers } = await call(access_token);
      return [status, headers.get('www-authenticate')];
    };
    expect(await challengeOf(insufficientScope('admin', 'write'))).toEqual([
      403,
      'Bearer error="insufficient_scope", scope="admin write"',
    ]);
    expect(await challengeOf(insufficientUserAuthentication({ acrValues: 'gold', maxAge: 5 }))).toEqual([
      401,
      'Bearer error="insufficient_user_authentication", acr_values="gold", max_age=5',
    ]);
    expect(await challengeOf(insufficientUserAuthentication())).toEqual([
      401,
      'Bearer error="insufficient_user_authentication"',
    ]);
  });

  test('can be configured not to echo, nor to keep a log', async () => {
    const { server, call } = await open({ echo: false, log: false });
    const { access_token } = server.signIn();
    const answer = await call(access_token);
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect([server.log.length, server.requests.length, server.counts.apiCalls]).toEqual([0, 0, 1]);
  });

  test('makes tokens that read like JWTs, and its clock may be ahead', async () => {
    const clock = testClock(Date.UTC(2030, 0, 1));
    const { server, refresh, call, issuer } = await open({
      tokenFormat: 'jwt-like',
      clock,
      clockOffset: 60_000,
    });
    const claimsOf = (token: string): unknown =>
      JSON.parse(atob((token.split('.')[1] as string).replace(/[-_]/g, '+')));
    const first = server.signIn({ subject: 'anna', scope: ['openid'] });
    const seconds = clock.now() / 1000 + 60;
    expect(claimsOf(first.access_token)).toMatchObject({
      iss: 'https://as.test',
      sub: 'anna',
      exp: seconds + 300,
    });
    expect(claimsOf(first.id_token as string)).toMatchObject({ aud: 'test-client', auth_time: seconds });
    const second = await tokensOf(refresh(first.refresh_token));
    expect(claimsOf(second.access_token)).toMatchObject({ iss: issuer, scope: 'openid', jti: 'at2' });
    const answer = await call(second.access_token);
    expect([answer.status, answer.headers.get('date')]).toEqual([200, 'Tue, 01 Jan 2030 00:01:00 GMT']);
  });
});
