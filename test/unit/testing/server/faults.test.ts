import { describe, expect, test } from 'vitest';
import type { Fault } from '../../../../src/testing/index.ts';
import { faults, testClock } from '../../../../src/testing/index.ts';
import { errorOf, forms, said, tokensOf } from './support/server-forms.ts';

/** A fault, what the client sees of it, and whether the server has rotated the refresh token. */
const table: readonly [
  string,
  Fault,
  { status?: number; type?: string | null; text?: RegExp; rotates: boolean },
][] = [
  ['lostRequest', faults.lostRequest, { rotates: false }],
  ['lostResponse', faults.lostResponse, { rotates: true }],
  ['serverError', faults.serverError, { status: 503, text: /"error":"invalid_grant"/, rotates: false }],
  ['gatewayTimeout', faults.gatewayTimeout, { status: 504, text: /<h1>/, rotates: true }],
  ['html', faults.html, { status: 403, type: 'text/html; charset=utf-8', text: /<h1>/, rotates: false }],
  ['captivePortal', faults.captivePortal, { status: 200, type: 'text/html; charset=utf-8', rotates: false }],
  [
    'formEncoded',
    faults.formEncoded,
    {
      status: 200,
      type: 'application/x-www-form-urlencoded',
      text: /^access_token=access-.*&scope=/,
      rotates: true,
    },
  ],
  [
    'form encoding that says it is text',
    { formEncoded: true, contentType: 'text/plain' },
    { status: 200, type: 'text/plain', text: /^access_token=/, rotates: true },
  ],
  [
    'form encoding that says nothing',
    { formEncoded: true, contentType: null },
    { status: 200, type: null, text: /^access_token=/, rotates: true },
  ],
  [
    'an error in a 200',
    faults.oauthError('bad_refresh_token', 200),
    { status: 200, text: /^{"error":"bad_refresh_token"}$/, rotates: false },
  ],
  ['an OAuth error', faults.oauthError('invalid_grant', 403), { status: 403, rotates: false }],
  ['another status', { status: 201 }, { status: 201, text: /refresh_token/, rotates: true }],
  ['other headers', { headers: { 'content-type': undefined } }, { status: 200, type: null, rotates: true }],
  [
    'a huge lifetime',
    { members: { expires_in: 5_215_742 } },
    { status: 200, text: /5215742/, rotates: true },
  ],
  [
    'odd members',
    { members: { token_type: ['x'], scope: null } },
    { status: 200, text: /\["x"\]/, rotates: true },
  ],
  [
    'a function of the members',
    { members: ({ access_token }) => ({ authed_user: { access_token } }) },
    { status: 200, text: /^{"authed_user":{"access_token":"access-/, rotates: true },
  ],
  [
    'an answer instead, after the work',
    { response: { status: 500, body: 'x', headers: { 'x-odd': 'yes' } }, commits: true },
    { status: 500, type: null, text: /^x$/, rotates: true },
  ],
  ['an empty 200', { response: {} }, { status: 200, type: null, text: /^$/, rotates: false }],
  ['a 204', { response: { status: 204 }, commits: true }, { status: 204, text: /^$/, rotates: true }],
];

describe.each(forms)('faults, $form', ({ open }) => {
  test.each(table)('%s', async (_, fault, seen) => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    server.fail(fault);
    const answer = await refresh(refresh_token).catch((error: unknown) => error);
    if (seen.status === undefined) {
      expect(answer).toBeInstanceOf(TypeError);
    } else {
      expect(answer).toBeInstanceOf(Response);
      const { status, headers } = answer as Response;
      expect(status).toBe(seen.status);
      if ('type' in seen) expect(headers.get('content-type')).toBe(seen.type);
      expect(await (answer as Response).text()).toMatch(seen.text ?? /./);
    }
    expect(server.currentRefreshToken() !== refresh_token).toBe(seen.rotates);
    expect(server.counts).toMatchObject({
      faults: 1,
      tokenRequests: 1,
      refreshAttempts: 1,
      refreshes: Number(seen.rotates),
    });
    expect((await refresh(server.currentRefreshToken())).status).toBe(200);
  });

  test('without: members that are not there', async () => {
    const { server, refresh } = await open();
    server.fail(faults.without('expires_in', 'token_type', 'scope', 'refresh_token'));
    expect((await said(refresh(server.signIn().refresh_token))).body).toEqual({
      access_token: expect.any(String),
    });
  });

  test.each([
    ['seconds', 120, '120'],
    ['a date', 'Wed, 21 Oct 2015 07:28:00 GMT', 'Wed, 21 Oct 2015 07:28:00 GMT'],
  ])('rateLimited: Retry-After in %s', async (_, retryAfter, header) => {
    const { server, refresh } = await open();
    server.fail(faults.rateLimited(retryAfter));
    const answer = await refresh(server.signIn().refresh_token);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, header]);
  });

  test.each([301, 302, 303, 307, 308] as const)('redirect: a %i that a client may follow', async (status) => {
    const { server, refresh, api } = await open();
    const { refresh_token } = server.signIn();
    for (const redirect of ['manual', 'error', 'follow'] as const) {
      server.fail(faults.redirect(`${api}/elsewhere`, status));
      const request = refresh(refresh_token, {}, { redirect });
      if (redirect === 'error') await expect(request).rejects.toThrow(TypeError);
      if (redirect === 'manual') expect((await request).status).toBe(status);
      if (redirect === 'follow') expect((await request).redirected).toBe(true);
    }
    const keepsBody = status >= 307;
    expect(server.counts).toMatchObject({
      apiCalls: 1,
      refreshes: 0,
      refreshTokensLeaked: keepsBody ? 1 : 0,
    });
    expect(server.requests[0]).toMatchObject({ method: keepsBody ? 'POST' : 'GET', path: '/elsewhere' });
  });

  test('truncate: the connection ends within the body', async () => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    server.fail({ truncate: 10 });
    const answer = await refresh(refresh_token);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow(TypeError);
    expect(server.counts.refreshes).toBe(1);
  });

  test('stall: the body never ends, until the client aborts', async () => {
    const { server, refresh } = await open();
    const controller = new AbortController();
    server.fail({ stall: 10 });
    const answer = await refresh(server.signIn().refresh_token, {}, { signal: controller.signal });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    expect((await reader.read()).value).toHaveLength(10);
    const next = reader.read();
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(next).rejects.toBe(reason);
  });

  test.each([false, true])('hang: nothing ever comes, commits: %s', async (commits) => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    const controller = new AbortController();
    const gate = server.hold({ on: 'token' });
    server.fail({ hang: true, commits });
    const request = refresh(refresh_token, {}, { signal: controller.signal });
    await gate.arrived();
    await gate();
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(request).rejects.toBe(reason);
    expect(server.counts).toMatchObject({ refreshes: Number(commits), faults: 1 });
  });

  test('delay: time goes by on the clock of the server, before the work or after it', async () => {
    const clock = testClock();
    const { server, refresh } = await open({ clock });
    for (const commits of [false, true]) {
      const { refresh_token } = server.signIn();
      const gate = server.hold({ commits });
      server.fail({ delay: 5000, commits });
      let isHere = false;
      const request = refresh(refresh_token).then(() => {
        isHere = true;
      });
      await gate.arrived();
      gate();
      await clock.advance(4999);
      expect([isHere, server.currentRefreshToken() !== refresh_token]).toEqual([false, commits]);
      await clock.advance(1);
      await request;
      expect(server.currentRefreshToken()).not.toBe(refresh_token);
    }
  });

  test('all members of a fault strike together', async () => {
    const { server, refresh } = await open();
    server.fail({
      ...faults.without('scope'),
      status: 202,
      headers: { 'x-odd': 'yes' },
      contentType: 'text/plain',
    });
    const answer = await refresh(server.signIn().refresh_token);
    const headers = [answer.headers.get('x-odd'), answer.headers.get('content-type')];
    expect([answer.status, ...headers]).toEqual([202, 'yes', 'text/plain']);
    expect(await answer.json()).not.toHaveProperty('scope');
  });
});

describe.each(forms)('which requests a fault strikes, $form', ({ open }) => {
  test('faults wait for their requests in order, each for one', async () => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    server.fail(faults.oauthError('slow_down', 429));
    server.fail(faults.serverError, { times: 2 });
    const seen: number[] = [];
    for (let attempt = 0; attempt < 4; attempt++) seen.push((await refresh(refresh_token)).status);
    expect(seen).toEqual([429, 503, 503, 200]);
  });

  test('a fault can be taken back', async () => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    const mend = server.fail(faults.serverError, { times: Number.POSITIVE_INFINITY });
    expect([(await refresh(refresh_token)).status, (await refresh(refresh_token)).status]).toEqual([
      503, 503,
    ]);
    mend();
    mend();
    expect((await refresh(refresh_token)).status).toBe(200);
  });

  test('a fault strikes its own endpoint only', async () => {
    const { server, refresh, call, post, fetch, issuer, metadata } = await open();
    const { refresh_token, access_token } = server.signIn();
    const endpoints = ['revocation', 'introspection', 'metadata', 'api'] as const;
    for (const on of endpoints) server.fail({ response: { status: 418 } }, { on });
    const own = { client_id: 'test-client', token: access_token };
    expect((await refresh(refresh_token)).status).toBe(200);
    expect((await post(metadata.revocationEndpoint as string, own)).status).toBe(418);
    expect((await post(`${issuer}/introspect`, own)).status).toBe(418);
    expect((await fetch(`${issuer}/.well-known/openid-configuration`)).status).toBe(418);
    expect((await call(access_token)).status).toBe(418);
    expect((await call(access_token)).status).toBe(200);
    expect(server.counts).toMatchObject({ revocations: 0, introspections: 0, apiRejected: 1, faults: 4 });
  });

  test('a fault strikes the requests that it is meant for', async () => {
    const { server, call } = await open();
    const { access_token } = server.signIn();
    const seen: unknown[] = [];
    server.fail(faults.serverError, {
      on: 'api',
      when: ({ endpoint, method, path, token, headers, body }) => {
        seen.push([endpoint, method, path, token, headers.get('x-a'), body.length]);
        return path.startsWith('/admin');
      },
    });
    expect(
      (await call(access_token, '/a?b', { method: 'POST', body: 'abc', headers: { 'x-a': 'b' } })).status,
    ).toBe(200);
    expect((await call(access_token, '/admin/1')).status).toBe(503);
    expect((await call(access_token, '/admin/1')).status).toBe(200);
    expect(seen).toEqual([
      ['api', 'POST', '/a?b', 'at1', 'b', 3],
      ['api', 'GET', '/admin/1', 'at1', null, 0],
    ]);
  });
});

describe.each(forms)('holds, $form', ({ open }) => {
  test('hold requests back before the work, until they are released', async () => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    const release = server.hold();
    const first = refresh(refresh_token);
    await release.arrived();
    const second = refresh(refresh_token);
    await release.arrived(2);
    expect([release.waiting, server.counts.refreshes, server.counts.peakConcurrentRefreshes]).toEqual([
      2, 0, 2,
    ]);
    release();
    expect([(await first).status, (await second).status].sort()).toEqual([200, 400]);
    expect(release.waiting).toBe(0);
    expect((await refresh('unknown')).status).toBe(400);
  });

  test('hold answers back after the work', async () => {
    const { server, refresh, call } = await open();
    const { refresh_token, access_token } = server.signIn();
    const release = server.hold({ commits: true });
    const request = refresh(refresh_token);
    await release.arrived();
    expect(server.counts.refreshes).toBe(1);
    release();
    await tokensOf(request);
    server.expire(access_token);
    const late = server.hold({ on: 'api', commits: true });
    const rejected = call(access_token);
    await late.arrived();
    late();
    expect((await rejected).status).toBe(401);
  });

  test('a client that aborts does not stop its request', async () => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    const controller = new AbortController();
    const release = server.hold();
    const request = refresh(refresh_token, {}, { signal: controller.signal });
    await release.arrived();
    controller.abort();
    await expect(request).rejects.toMatchObject({ name: 'AbortError' });
    await release();
    expect(await errorOf(refresh(refresh_token))).toBe('400 invalid_grant');
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 1 });
  });

  test('a hold holds so many requests and those that it is meant for', async () => {
    const { server, call } = await open();
    const { access_token } = server.signIn();
    const release = server.hold({ on: 'api', times: 1, when: ({ path }) => path === '/slow' });
    expect((await call(access_token, '/fast')).status).toBe(200);
    const slow = call(access_token, '/slow');
    await release.arrived();
    await release.arrived();
    expect((await call(access_token, '/slow')).status).toBe(200);
    release();
    expect((await slow).status).toBe(200);
  });

  test('a hold that was released before anything came holds nothing', async () => {
    const { server, refresh } = await open();
    await server.hold()();
    expect((await refresh(server.signIn().refresh_token)).status).toBe(200);
  });
});
