/** HTTP, where the wrapper of `fetch` relies on it. */
import { faults } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { api, openManager } from '../support/open-manager.ts';
import { rejection } from '../support/promises.ts';
import { wire } from '../support/wire.ts';
import { client, done } from './support/client.ts';

const day = 86_400_000;

describe('repeated requests', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    '9110-02: a %s that a 401 proves unprocessed, and only that one',
    async (method) => {
      const { server, call } = await openManager();
      const init = { method, ...(method === 'GET' ? {} : { body: 'x' }) };
      server.expire();
      expect(await call(api, init)).toBe(200);
      expect(server.requests.map((one) => [one.method, one.status])).toEqual([
        [method, 401],
        [method, 200],
      ]);
    },
  );

  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    '9110-02: never a %s whose connection died',
    async (method) => {
      const { server, manager } = await openManager();
      server.fail({ drop: true }, { on: 'api' });
      await expect(manager.fetch(api, { method })).rejects.toThrow(TypeError);
      expect(server.counts).toMatchObject({ apiCalls: 1, tokenRequests: 0 });
    },
  );

  test.each([500, 502, 503, 504, 408, 425, 429])('9110-02: never one that got a %d', async (status) => {
    const { server, call } = await openManager();
    server.fail({ response: { status, headers: { 'retry-after': '0' } } }, { on: 'api' });
    expect(await call(api, { method: 'POST', body: 'x' })).toBe(status);
    expect(server.counts).toMatchObject({ apiCalls: 1, tokenRequests: 0 });
  });
});

describe('Retry-After of the token endpoint', () => {
  test.each([
    ['seconds', (_: number) => '120'],
    ['a date', (now: number) => new Date(now + 120_000).toUTCString()],
  ])('9110-03: as %s: nothing is sent before', async (_, retryAfter) => {
    const { server, clock, call } = await openManager();
    await clock.advance(400_000);
    server.fail(faults.rateLimited(retryAfter(clock.now())));
    expect(await rejection(call())).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      status: 429,
      retryAfter: 120_000,
    });
    await clock.advance(119_000);
    expect(await rejection(call())).toMatchObject({ code: 'ERR_REFRESH_FAILED', retryAfter: 1_000 });
    expect(server.counts.tokenRequests).toBe(1);
    await clock.advance(1_000);
    expect(await call()).toBe(200);
    expect(server.counts.tokenRequests).toBe(2);
  });

  test('9110-03: nobody is locked out for longer than an hour', async () => {
    const { server, clock, call } = await openManager();
    await clock.advance(400_000);
    server.fail(faults.rateLimited(99_999_999));
    expect(await rejection(call())).toMatchObject({ retryAfter: 3_600_000 });
    await clock.advance(3_600_000);
    expect(await call()).toBe(200);
  });

  test.each([day, -day])(
    '9110-05: a date is read by the clock of the server, ahead by %d ms',
    async (clockOffset) => {
      const { server, clock, call } = await openManager({ server: { clockOffset } });
      await clock.advance(400_000);
      const date = new Date(clock.now() + clockOffset + 120_000).toUTCString();
      server.fail(faults.rateLimited(date));
      expect(await rejection(call())).toMatchObject({ retryAfter: 120_000 });
    },
  );
});

test.each([day, -day])(
  '9110-05: a Retry-After that is a time is read by the clock of the server, ahead by %d ms',
  async (clockOffset) => {
    const { server, clock, call, manager } = await openManager({ server: { clockOffset } });
    const end = clock.now() + clockOffset + 300_000;
    server.fail({ members: { expires_in: undefined, expires_at: end / 1000 } });
    server.expire();
    expect(await call()).toBe(200);
    expect((await manager.getTokens())?.expiresAt).toBe(clock.now() + 300_000);
  },
);

test.each([301, 302, 303, 307, 308])(
  '9110-04: a %d takes the token along to named places only',
  async (status) => {
    const [start, inside, outside] = ['https://api.test/1', 'https://api.test/2', 'https://elsewhere.test/'];
    const to = (location: string) => () => new Response(null, { status, headers: { location } });
    const net = wire({ [start]: to(inside), [inside]: to(outside), [outside]: done });
    const manager = await client(net);
    expect((await manager.fetch(start)).status).toBe(200);
    expect(net.sent.map(({ url, headers }) => [url, headers.get('authorization')])).toEqual([
      [start, 'Bearer access-0'],
      [inside, 'Bearer access-0'],
      [outside, null],
    ]);
  },
);
