import { describe, expect, test } from 'vitest';
import { isTokenKeepError, type RefreshFailedError, TokenManager } from '../../../../src/index.ts';
import { dialects } from '../../../../src/testing/dialects/index.ts';
import {
  type ApiHandler,
  authorizationServer,
  faults,
  refusals,
  type TestAuthorizationServer,
  testClock,
} from '../../../../src/testing/index.ts';
import { forms, said } from './support/server-forms.ts';

function managed(server: TestAuthorizationServer, options: object = {}) {
  const { metadata: authorizationServer, apiOrigin, fetch } = server;
  return new TokenManager({
    ...{ clientId: 'test-client', authorizationServer, protectedResources: [apiOrigin], fetch },
    ...options,
  });
}

const orders: ApiHandler = async (request, caller) => {
  const { method, url } = request;
  return Response.json(
    { method, url, caller, body: await request.text() },
    { status: 201, headers: { 'x-own': 'yes' } },
  );
};

describe.each(forms)('an API of one’s own, $form', ({ open }) => {
  test('answers requests with a valid token, and knows their user', async () => {
    const { server, call } = await open({ api: orders });
    const { access_token } = server.signIn({ subject: 'ada', scope: ['read'] });
    const answer = await call(access_token, '/orders?page=2', { method: 'POST', body: 'žluť' });
    expect([answer.status, answer.headers.get('x-own')]).toEqual([201, 'yes']);
    expect(await answer.json()).toEqual({
      method: 'POST',
      url: 'https://api.test/orders?page=2',
      caller: { subject: 'ada', clientId: 'test-client', scope: ['read'] },
      body: 'žluť',
    });
    expect(server.requests).toMatchObject([{ path: '/orders?page=2', status: 201 }]);
  });

  test('is not called for other requests', async () => {
    let asked = 0;
    const { server, call } = await open({
      api: () => {
        asked++;
        return new Response();
      },
    });
    const { access_token } = server.signIn();
    expect((await call('unknown')).status).toBe(401);
    server.expire();
    expect((await call(access_token)).status).toBe(401);
    expect([asked, server.counts.apiRejected]).toEqual([0, 2]);
  });

  test('can be spoiled like any other answer', async () => {
    const { server, call } = await open({ api: orders });
    server.fail({ members: { method: undefined } }, { on: 'api' });
    const { body } = await said(call(server.signIn().access_token));
    expect(body).toMatchObject({ url: 'https://api.test/messages' });
    expect(body).not.toHaveProperty('method');
  });
});

test('an error that an `api` throws is not lost', async () => {
  const api = () => {
    throw new RangeError('A mistake in the test.');
  };
  const server = authorizationServer({ api });
  const headers = { authorization: `Bearer ${server.signIn().access_token}` };
  await expect(server.fetch('https://api.test/', { headers })).rejects.toThrow(
    new RangeError('A mistake in the test.'),
  );
  await using http = await server.listen();
  const answer = await fetch(http.apiUrl, { headers });
  expect([answer.status, await answer.text()]).toEqual([500, 'RangeError: A mistake in the test.']);
});

describe('a mistake is reported to the author of a test:', () => {
  test.each([
    [{ clientId: 'my-app' }, 'There is no client my-app here. The clients are test-client.'],
    [
      { authorizationServer: { tokenEndpoint: 'https://as.test/oauth' } },
      'POST /oauth is none of its endpoints.',
    ],
  ])('%o', async (options, detail) => {
    const server = authorizationServer();
    const manager = managed(server, options);
    await manager.setTokens(server.signIn());
    server.expire();
    const error = await manager.fetch('https://api.test/').catch((one: unknown) => one);
    expect(isTokenKeepError(error) && error.code).toBe('ERR_REFRESH_FAILED');
    expect(server.log).toContainEqual(expect.objectContaining({ type: 'refused', detail }));
  });

  test('an origin that is nowhere', async () => {
    const server = authorizationServer({ apiOrigin: 'https://api.example.com' });
    const error = await server.fetch('https://api.test/').catch((one: Error) => one);
    expect(error).toEqual(new TypeError('fetch failed'));
    expect((error as Error).cause).toEqual(
      new Error(
        'The test server is at https://as.test, its API at https://api.example.com, and nothing is at https://api.test.',
      ),
    );
  });

  test('a name that is misspelled', () => {
    const server = authorizationServer();
    expect(() => authorizationServer({ profil: 'strict' } as object)).toThrow(
      /unknown member profil\. It takes issuer, /,
    );
    expect(() => server.fail((faults as { offline?: never }).offline as never)).toThrow(
      /must be an object with some of drop, /,
    );
    expect(() => server.fail({ dropp: true } as object)).toThrow('unknown member dropp');
    expect(() => server.fail(faults.html, { endpoint: 'api' } as object)).toThrow('unknown member endpoint');
    expect(() => server.hold({ endpoint: 'api' } as object)).toThrow('unknown member endpoint');
    for (const dialect of Object.values(dialects)) expect(() => authorizationServer(dialect)).not.toThrow();
  });
});

describe.each(forms)('without a network, $form,', ({ open }) => {
  test('nothing arrives and nothing is counted, until all is as it was', async () => {
    const { server, call, refresh } = await open({ refusal: refusals.github });
    const { access_token, refresh_token } = server.signIn();
    const comeBack = server.goOffline();
    const comeBackToo = server.goOffline();
    await expect(call(access_token)).rejects.toThrow(TypeError);
    comeBack();
    comeBack();
    await expect(refresh(refresh_token)).rejects.toThrow(TypeError);
    comeBackToo();
    expect(server.counts).toMatchObject({ apiCalls: 0, tokenRequests: 0, refreshTokensResent: 0, faults: 0 });
    expect((await refresh(refresh_token)).status).toBe(200);
    expect(server.counts.refreshTokensResent).toBe(0);
  });
});

test('without a network nothing was sent, and a manager knows', async () => {
  const clock = testClock();
  const server = authorizationServer({ clock });
  const manager = managed(server, { clock });
  await manager.setTokens(server.signIn());
  const rejectedToken = server.currentAccessToken() as string;
  const comeBack = server.goOffline();
  const failure = await manager.getAccessToken({ rejectedToken }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
  comeBack();
  await clock.advance((failure as RefreshFailedError).retryAfter as number);
  expect(await manager.getAccessToken({ rejectedToken })).toBe(server.currentAccessToken());
  expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0 });
});
