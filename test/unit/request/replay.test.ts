import { isTokenKeepError, type TokenEvents, type TokenManager } from 'tokenkeep';
import { refusals, testClock } from 'tokenkeep/testing';
import { describe, expect, test, vi } from 'vitest';
import {
  api,
  as,
  granted,
  managerOn,
  refused,
  type Transport,
  transportThat,
} from '../../support/transport.ts';

const ok = (): Response => new Response('fine');
const tokens = ({ calls }: Transport): (string | undefined)[] =>
  calls.map(({ authorization }) => authorization?.replace('Bearer ', ''));
/** Answers as it should to every access token but the first ones. */
const rejects = (...bad: string[]) =>
  transportThat(({ authorization }) =>
    bad.some((one) => authorization === `Bearer ${one}`) ? refused() : ok(),
  );

describe('a token that is rejected', () => {
  test('is replaced, and the request is sent once more', async () => {
    const transport = rejects('access-0');
    const manager = await managerOn(transport);
    const answer = await manager.fetch(api, { method: 'POST', body: 'x' });
    expect([answer.status, await answer.text()]).toEqual([200, 'fine']);
    expect(tokens(transport)).toEqual(['access-0', 'access-1']);
    expect(transport.grants).toHaveLength(1);
  });

  test.each([
    ['Bearer error="invalid_token"'],
    ['bearer realm="a, b", error=invalid_token'],
    ['Basic realm="x", Bearer error="invalid_token", error_description="a \\"quoted\\" word"'],
    ['OAuth realm="TwitchTV", error="invalid_token"'],
    ['DPoP error="invalid_token", algs="ES256"'],
    [''],
    ['Basic realm="gateway"'],
    ['Token'],
  ])('is proven by a 401 with %j', async (challenge) => {
    const transport = transportThat(({ authorization }) =>
      authorization === 'Bearer access-0' ? refused(challenge) : ok(),
    );
    const manager = await managerOn(transport);
    expect((await manager.fetch(api)).status).toBe(200);
    expect(tokens(transport)).toEqual(['access-0', 'access-1']);
  });

  test('late 401s of it are answered with the token that is there by then, without a refresh', async () => {
    const late = Promise.withResolvers<void>();
    const transport = transportThat(async ({ authorization, url }) => {
      if (authorization !== 'Bearer access-0') return ok();
      if (url.endsWith('late')) await late.promise;
      return refused();
    });
    const manager = await managerOn(transport);
    const straggler = manager.fetch(`${api}/late`);
    expect((await manager.fetch(`${api}/early`)).status).toBe(200);
    late.resolve();
    expect((await straggler).status).toBe(200);
    expect(transport.grants).toHaveLength(1);
    expect(tokens(transport)).toEqual(['access-0', 'access-0', 'access-1', 'access-1']);
  });
});

describe('no loop (law replay-once, N41)', () => {
  test('the second 401 is returned with its body, and later 401s of that token refresh nothing', async () => {
    const transport = transportThat(({ url }) => new Response(`no ${url}`, refused()));
    const manager = await managerOn(transport);
    for (let call = 1; call <= 5; call++) {
      const answer = await manager.fetch(`${api}/${call}`);
      expect([answer.status, await answer.text()]).toEqual([401, `no ${api}/${call}`]);
    }
    expect(transport.grants).toHaveLength(1);
    expect(tokens(transport)).toEqual(['access-0', ...Array(5).fill('access-1')]);
    expect(await manager.getTokens()).toMatchObject({ refreshToken: 'refresh-1' });
  });

  test.each([
    ['invalid_token', 'Bearer error="invalid_token"'],
    ['no challenge', ''],
  ])('a crowd of 401s is one refresh, also when the new token is rejected: %s', async (_name, challenge) => {
    const transport = transportThat(() => refused(challenge));
    const manager = await managerOn(transport);
    const answers = await Promise.all(Array.from({ length: 200 }, () => manager.fetch(api)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    expect(transport.grants).toHaveLength(1);
    expect(transport.calls).toHaveLength(400);
  });

  test.each(['Bearer error="invalid_token"', ''])(
    'two resources that reject every token do not make each other refresh forever (%j)',
    async (challenge) => {
      const transport = transportThat(() => refused(challenge));
      const other = 'https://other.example.com/';
      const manager = await managerOn(transport, { protectedResources: [api, other] });
      for (let call = 0; call < 20; call++) await manager.fetch(call % 2 === 0 ? api : other);
      expect(transport.grants).toHaveLength(2);
    },
  );

  test('a rejection by one path does not keep the others from the existing token', async () => {
    const late = Promise.withResolvers<void>();
    const transport = transportThat(async ({ authorization, url }) => {
      if (url.endsWith('/forbidden')) return refused('');
      if (authorization !== 'Bearer access-0') return ok();
      await late.promise;
      return refused();
    });
    const manager = await managerOn(transport);
    const orders = manager.fetch(`${api}/orders`);
    expect((await manager.fetch(`${api}/forbidden`)).status).toBe(401);
    late.resolve();
    expect((await orders).status).toBe(200);
    expect(transport.grants).toHaveLength(1);
  });

  test.each([
    ['another token is no proof within a minute', 59_999, 2],
    ['after a minute it is', 60_000, 3],
  ])('after a new token was rejected, %s', async (_name, pause, refreshes) => {
    const clock = testClock();
    const transport = transportThat(() => refused());
    const manager = await managerOn(transport, { clock });
    await manager.fetch(api);
    expect(transport.grants).toHaveLength(1);
    await manager.getAccessToken({ rejectedToken: 'access-1' });
    expect(transport.grants).toHaveLength(2);
    await clock.advance(pause);
    expect((await manager.fetch(api)).status).toBe(401);
    expect(transport.grants).toHaveLength(refreshes);
  });

  test('a server that issues the very token again is asked once', async () => {
    const transport = transportThat(
      () => refused(),
      () => Response.json({ access_token: 'access-0', refresh_token: 'next', expires_in: 3600 }),
    );
    const manager = await managerOn(transport);
    for (let call = 0; call < 5; call++) expect((await manager.fetch(api)).status).toBe(401);
    expect([transport.calls.length, transport.grants.length]).toEqual([6, 1]);
  });

  test('a new token that was accepted can be rejected the next moment', async () => {
    const bad = new Set(['Bearer access-0']);
    const transport = transportThat(({ authorization }) => (bad.has(authorization ?? '') ? refused() : ok()));
    const manager = await managerOn(transport, { clock: testClock() });
    expect((await manager.fetch(api)).status).toBe(200);
    bad.add('Bearer access-1');
    expect((await manager.fetch(api)).status).toBe(200);
    expect(tokens(transport)).toEqual(['access-0', 'access-1', 'access-1', 'access-2']);
  });

  test('a login starts again', async () => {
    const transport = rejects('access-0', 'access-1', 'login');
    const manager = await managerOn(transport);
    expect((await manager.fetch(api)).status).toBe(401);
    await manager.setTokens({ access_token: 'login', refresh_token: 'r', expires_in: 3600 });
    expect((await manager.fetch(api)).status).toBe(200);
    expect(tokens(transport)).toEqual(['access-0', 'access-1', 'login', 'access-2']);
  });

  test('calls that overlap do not keep a resource that rejects everything supplied with tokens', async () => {
    const waiting: { url: string; answer: () => void }[] = [];
    const transport = transportThat(
      ({ url }) => new Promise((resolve) => waiting.push({ url, answer: () => resolve(refused('')) })),
    );
    const manager = await managerOn(transport);
    const running: Promise<Response>[] = [];
    for (let round = 0; round < 40; round++) {
      // The last call is answered first: it overtakes the replay of the one before it.
      running.push(manager.fetch(`${api}/${round}`));
      await vi.waitUntil(() => waiting.length > 0);
      waiting.pop()?.answer();
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    }
    const rest = setInterval(() => waiting.splice(0).map(({ answer }) => answer()), 0);
    await Promise.all(running);
    clearInterval(rest);
    expect(transport.grants.length).toBe(1);
  });

  test('a 401 that does not say why is what it is when there is nothing to refresh with', async () => {
    const transport = transportThat(() => refused(''));
    const manager = await managerOn(transport);
    await manager.setTokens({ access_token: 'alone', expires_in: 3600 });
    expect((await manager.fetch(api)).status).toBe(401);
    expect(transport.calls).toHaveLength(1);
  });

  test('but one that says so is a login, not a response, and its body is cancelled', async () => {
    const cancelled = vi.fn();
    const body = () => new ReadableStream({ cancel: cancelled });
    const transport = transportThat(() => new Response(body(), refused()));
    const manager = await managerOn(transport);
    await manager.setTokens({ access_token: 'alone', expires_in: 3600 });
    await expect(manager.fetch(api)).rejects.toMatchObject({ reason: 'no_refresh_token' });
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  test('a refresh that fails is not hidden behind the old 401', async () => {
    const transport = transportThat(
      () => refused(),
      () => new Response('', { status: 503 }),
    );
    const manager = await managerOn(transport);
    const error = await manager.fetch(api).catch((reason: unknown) => reason);
    expect(isTokenKeepError(error) && error.code).toBe('ERR_REFRESH_FAILED');
    expect(error).toMatchObject({ status: 503, sent: false });
  });
});

describe('no evidence against the token', () => {
  test.each([
    ['403', 403, 'Bearer error="invalid_token"'],
    ['403 without a challenge', 403, undefined],
    ['400 (6750-08)', 400, 'Bearer error="invalid_request"'],
    ['401 that blames the request', 401, 'Bearer error="invalid_request"'],
    ['401 that wants a proof with a nonce', 401, 'DPoP error="use_dpop_nonce"'],
    ['404', 404, 'Bearer error="invalid_token"'],
    ['407', 407, 'Bearer error="invalid_token"'],
    ['429', 429, undefined],
    ['500', 500, 'Bearer error="invalid_token"'],
    ['503', 503, undefined],
  ])('%s is returned, and nothing is sent twice (N43)', async (_name, status, challenge) => {
    const headers: HeadersInit = challenge ? { 'www-authenticate': challenge } : {};
    const transport = transportThat(() => new Response('as it is', { status, headers }));
    const manager = await managerOn(transport);
    for (const init of [{}, { method: 'POST', body: 'x' }]) {
      const answer = await manager.fetch(api, init);
      expect([answer.status, await answer.text()]).toEqual([status, 'as it is']);
    }
    expect(transport.calls).toHaveLength(2);
    expect(transport.grants).toHaveLength(0);
  });

  test.each(['GET', 'POST'])(
    'a network error of the API: %s is never sent again (9110-02)',
    async (method) => {
      const failure = new TypeError('fetch failed');
      const transport = transportThat(() => Promise.reject(failure));
      const manager = await managerOn(transport);
      await expect(manager.fetch(api, { method })).rejects.toBe(failure);
      expect([transport.calls.length, transport.grants.length]).toEqual([1, 0]);
    },
  );

  test('a network error of the second send is not sent a third time', async () => {
    const failure = new TypeError('fetch failed');
    const transport = transportThat(({ authorization }) =>
      authorization === 'Bearer access-0' ? refused() : Promise.reject(failure),
    );
    const manager = await managerOn(transport);
    await expect(manager.fetch(api)).rejects.toBe(failure);
    expect(transport.calls).toHaveLength(2);
  });

  test('a 401 to a call without a token (6750-05)', async () => {
    const transport = transportThat(() => refused());
    const manager = await managerOn(transport);
    expect((await manager.fetch('https://other.example.com/')).status).toBe(401);
    expect(transport.grants).toHaveLength(0);
  });
});

describe('a resource that wants more than a fresh token (6750-07, 9470-01)', () => {
  test.each<[string, number, string, Partial<TokenEvents['stepUpRequired']>]>([
    [
      'insufficient_scope',
      403,
      'Bearer error="insufficient_scope", scope="read admin"',
      { error: 'insufficient_scope', scope: ['read', 'admin'] },
    ],
    [
      'insufficient_user_authentication',
      401,
      'Bearer error="insufficient_user_authentication", acr_values="a b", max_age=5',
      { error: 'insufficient_user_authentication', acrValues: ['a', 'b'], maxAge: 5 },
    ],
    [
      'insufficient_claims',
      401,
      'Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="',
      { error: 'insufficient_claims', claims: 'eyJhIjoxfQ==' },
    ],
  ])('%s is an event, and the answer', async (_name, status, challenge, expected) => {
    const transport = transportThat(
      () => new Response('no', { status, headers: { 'www-authenticate': challenge } }),
    );
    const manager = await managerOn(transport);
    const heard = vi.fn();
    manager.on('stepUpRequired', heard);
    expect((await manager.fetch(`${api}/orders`)).status).toBe(status);
    expect(heard.mock.calls).toEqual([
      [
        {
          type: 'stepUpRequired',
          session: 'default',
          login: expect.any(String),
          url: `${api}/orders`,
          ...expected,
        },
      ],
    ]);
    expect([transport.calls.length, transport.grants.length]).toEqual([1, 0]);
  });
});

describe('isInvalidToken', () => {
  const slack = () => new Response(refusals.slack.body, { headers: { 'content-type': 'application/json' } });
  const saysExpired = async (response: Response) =>
    ((await response.json()) as { error?: string }).error === 'token_expired';

  test('finds a rejected token in a 200, and the body of the answer stays readable', async () => {
    const transport = transportThat(({ authorization }) =>
      authorization === 'Bearer access-0' ? slack() : Response.json({ ok: true }),
    );
    const manager = await managerOn(transport, { isInvalidToken: saysExpired });
    expect(await (await manager.fetch(api)).json()).toEqual({ ok: true });
    expect(tokens(transport)).toEqual(['access-0', 'access-1']);
  });

  test('a token that is rejected again is returned, readable, and refreshes nothing any more', async () => {
    const transport = transportThat(slack);
    const manager = await managerOn(transport, { isInvalidToken: saysExpired });
    for (let call = 0; call < 3; call++) {
      expect(await (await manager.fetch(api)).json()).toEqual({ ok: false, error: 'token_expired' });
    }
    expect(transport.grants).toHaveLength(1);
  });

  test('is asked beside the rules for 401, not instead of them', async () => {
    const transport = rejects('access-0');
    const manager = await managerOn(transport, { isInvalidToken: () => false });
    expect((await manager.fetch(api)).status).toBe(200);
    expect(transport.grants).toHaveLength(1);
  });

  test('may make a 403 or 400 one', async () => {
    const transport = transportThat(({ authorization }) =>
      authorization === 'Bearer access-0' ? new Response(null, { status: 403 }) : ok(),
    );
    const manager = await managerOn(transport, { isInvalidToken: ({ status }) => status === 403 });
    expect((await manager.fetch(api)).status).toBe(200);
  });

  test.each<[string, (response: Response) => unknown]>([
    ['read by no one', () => false],
    ['read by the predicate', async (response) => (await response.text()) === ''],
    ['read in part', async (response) => void (await response.body?.getReader().read())],
    ['cancelled by the predicate', (response) => void response.body?.cancel()],
  ])('leaves the answer whole: %s', async (_name, predicate) => {
    const manager = await managerOn(transportThat(ok), { isInvalidToken: predicate as () => boolean });
    const answer = await manager.fetch(api);
    expect([answer.bodyUsed, await answer.text()]).toEqual([false, 'fine']);
  });

  test('is not asked about calls without a token', async () => {
    const predicate = vi.fn(() => true);
    const manager = await managerOn(transportThat(ok), { isInvalidToken: predicate });
    await manager.fetch('https://other.example.com/');
    await manager.fetch(api, { headers: { authorization: 'Basic eA==' } });
    expect(predicate).not.toHaveBeenCalled();
  });
});

describe('a body that can be sent only once (law replay-once)', () => {
  const stream = () => ({ method: 'POST', body: new Response('x').body, duplex: 'half' }) as RequestInit;

  /** A token of an hour, of which so much is left. */
  async function withLeft(left: number) {
    const clock = testClock();
    const transport = transportThat(ok);
    const manager = await managerOn(transport, { clock });
    await clock.advance(3_600_000 - left);
    return { manager, transport };
  }

  test.each([
    ['a string goes out with a token that lasts 45 s', 45_000, { method: 'POST', body: 'x' }, 'access-0'],
    ['a stream gets another one first', 45_000, undefined, 'access-1'],
    ['a stream goes out with a token that lasts 90 s', 90_000, undefined, 'access-0'],
  ])('%s', async (_name, left, init, token) => {
    const { manager, transport } = await withLeft(left);
    expect((await manager.fetch(api, init ?? stream())).status).toBe(200);
    expect(tokens(transport)).toEqual([token]);
  });

  test('is not sent again: its 401 is returned, and the next call has another token', async () => {
    const transport = rejects('access-0');
    const manager = await managerOn(transport);
    expect((await manager.fetch(api, stream())).status).toBe(401);
    expect((await manager.fetch(api)).status).toBe(200);
    expect(tokens(transport)).toEqual(['access-0', 'access-1']);
  });

  test('refreshes nothing any more when the new token is rejected too', async () => {
    const transport = transportThat(() => refused());
    const manager = await managerOn(transport);
    for (let call = 0; call < 5; call++) expect((await manager.fetch(api, stream())).status).toBe(401);
    expect(tokens(transport)).toEqual(['access-0', ...Array(4).fill('access-1')]);
  });

  test('has its 401 also when no other token can be had, and when the caller has left', async () => {
    const transport = transportThat(
      () => refused(),
      () => new Promise<never>(() => undefined),
    );
    const manager = await managerOn(transport);
    const controller = new AbortController();
    const call = manager.fetch(api, { ...stream(), signal: controller.signal });
    await vi.waitUntil(() => transport.grants.length === 1);
    controller.abort();
    expect((await call).status).toBe(401);
  });
});

describe('a crowd that has waited is paced', () => {
  const crowd = (manager: TokenManager, size: number) =>
    Array.from({ length: size }, (_, index) => manager.fetch(`${api}/${index}`));

  test.each([
    [undefined, 64],
    [5, 5],
    [1, 1],
  ])('at most so many are sent at a time (replayConcurrency: %s)', async (replayConcurrency, limit) => {
    for (const expired of [true, false]) {
      let flying = 0;
      let most = 0;
      const transport = transportThat(async ({ authorization }) => {
        if (authorization === 'Bearer access-0') return refused();
        flying += 1;
        most = Math.max(most, flying);
        await new Promise(setImmediate);
        flying -= 1;
        return ok();
      });
      const manager = await managerOn(transport, { expired, replayConcurrency });
      const calls = crowd(manager, 150);
      expect((await Promise.all(calls)).every(({ status }) => status === 200)).toBe(true);
      expect(most).toBe(limit);
      expect(transport.grants).toHaveLength(1);
    }
  });

  test('answers that never come hold nobody up for longer than a second', async () => {
    const clock = testClock();
    const answered: string[] = [];
    const transport = transportThat(({ url }) => {
      if (/\/[01]$/.test(url)) return new Promise<never>(() => undefined);
      answered.push(url);
      return ok();
    });
    const manager = await managerOn(transport, { clock, expired: true, replayConcurrency: 2 });
    const calls = crowd(manager, 10);
    await vi.waitUntil(() => transport.calls.length === 2);
    await clock.advance(999);
    expect([transport.calls.length, answered]).toEqual([2, []]);
    await clock.advance(1);
    expect((await Promise.all(calls.slice(2))).map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(clock.timers).toBe(0);
  });

  test('an aborted call leaves the queue and is not sent', async () => {
    const clock = testClock();
    const transport = transportThat(() => new Promise<never>(() => undefined));
    const manager = await managerOn(transport, { clock, expired: true, replayConcurrency: 1 });
    const first = manager.fetch(`${api}/first`);
    const controller = new AbortController();
    const leaving = manager.fetch(`${api}/leaving`, { signal: controller.signal });
    void first;
    await vi.waitUntil(() => transport.calls.length === 1);
    controller.abort('gone');
    await expect(leaving).rejects.toBe('gone');
    await clock.advance(5_000);
    expect(transport.calls.map(({ url }) => url)).toEqual([`${api}/first`]);
  });

  test('calls with a fresh token do not queue', async () => {
    const transport = transportThat(({ authorization, url }) => {
      if (authorization === 'Bearer access-0') return refused();
      return url.endsWith('hangs') ? new Promise<never>(() => undefined) : ok();
    });
    const manager = await managerOn(transport, { replayConcurrency: 1, clock: testClock() });
    void manager.fetch(`${api}/hangs`);
    await vi.waitUntil(() => transport.calls.length === 2);
    expect((await manager.fetch(`${api}/fresh`)).status).toBe(200);
  });
});

describe('two resources, two variants', () => {
  test('a token that one of them rejects is refreshed for that one only', async () => {
    const orders = { url: 'https://orders.example.com/', scope: ['orders'] };
    const bills = { url: 'https://bills.example.com/', scope: ['bills'] };
    const transport = transportThat(
      ({ authorization }) => (authorization === 'Bearer access-1' ? refused() : ok()),
      granted,
    );
    const manager = await managerOn(transport, {
      protectedResources: [orders, bills],
      authorizationServer: as,
    });
    expect((await manager.fetch(orders.url)).status).toBe(200);
    expect((await manager.fetch(bills.url)).status).toBe(200);
    expect(tokens(transport)).toEqual(['access-1', 'access-2', 'access-3']);
    const scopes = transport.grants.map(({ init }) => new URLSearchParams(String(init?.body)).get('scope'));
    expect(scopes).toEqual(['orders', 'orders', 'bills']);
  });
});
