/** K3a: when a resource rejects even a new token, its 401s start no refresh for a minute, or until it accepts the token (law judgements-end). */

import { memoryStorage, TokenManager } from 'tokenkeep';
import { testClock } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { completeClock } from '../../../src/async/abortable.ts';
import { TokenTrials } from '../../../src/request/token-trials.ts';
import { Session } from '../../../src/session/session.ts';
import { fc } from '../../support/properties.ts';
import { api, as, managerOn, refused, type Told, transportThat } from '../../support/transport.ts';

const minute = 60_000;
const ok = () => new Response('fine');
const tokenOf = ({ authorization }: Told) => authorization?.replace('Bearer ', '') ?? '';

/** An API that rejects the tokens in `ended`, and whatever `also` says. */
async function scene(
  also: (told: Told) => boolean = () => false,
  grant?: Parameters<typeof transportThat>[1],
) {
  const ended = new Set(['access-0']);
  const clock = testClock();
  const { watch: _watch, ...storage } = memoryStorage(); // no change events from another process
  const transport = transportThat(
    (told) => (ended.has(tokenOf(told)) || also(told) ? refused() : ok()),
    grant,
  );
  const manager = await managerOn(transport, { clock, storage });
  const events: unknown[] = [];
  manager.on('newTokenRejected', ({ type: _type, ...event }) => void events.push(event));
  const call = async (path = '', by: TokenManager = manager) => (await by.fetch(`${api}${path}`)).status;
  return {
    ended,
    clock,
    storage,
    transport,
    manager,
    events,
    call,
    refreshes: () => transport.grants.length,
  };
}

/** The API knows a new token only after its first rejection, as behind a replica that lags. */
function lagging() {
  const seen = new Set<string>();
  return (told: Told) => {
    const isNew = tokenOf(told) !== 'access-0' && !seen.has(tokenOf(told));
    seen.add(tokenOf(told));
    return isNew;
  };
}

test('the response of a page that the platform was redirected to is no acceptance of a new token', async () => {
  let isRedirected = false;
  const transport = transportThat(() =>
    isRedirected ? Object.defineProperty(ok(), 'redirected', { value: true }) : refused(),
  );
  const manager = await managerOn(transport, { clock: testClock() });
  const call = async () => (await manager.fetch(api)).status;
  expect(await call()).toBe(401);
  isRedirected = true;
  expect(await call()).toBe(200);
  isRedirected = false;
  expect(await call()).toBe(401);
  expect(transport.grants).toHaveLength(1);
});

test.each(['use_dpop_nonce', 'invalid_dpop_proof', 'invalid_request'])(
  'a 401 %s is no acceptance of a new token, because the resource has not judged it',
  async (error) => {
    let isAboutProof = false;
    const transport = transportThat(() =>
      isAboutProof
        ? new Response(null, { status: 401, headers: { 'www-authenticate': `DPoP error="${error}"` } })
        : refused(),
    );
    const manager = await managerOn(transport, { clock: testClock() });
    const call = async () => (await manager.fetch(api)).status;
    expect(await call()).toBe(401);
    isAboutProof = true;
    expect(await call()).toBe(401);
    isAboutProof = false;
    expect(await call()).toBe(401);
    expect(transport.grants).toHaveLength(1);
  },
);

describe('a new token that is rejected and accepted afterwards', () => {
  test('is refreshed when it ends', async () => {
    const { call, ended, refreshes } = await scene(lagging());
    expect(await call()).toBe(401);
    expect(await call()).toBe(200);
    ended.add('access-1');
    expect(await call()).toBe(401); // access-2 lags as well
    expect(await call()).toBe(200);
    expect(refreshes()).toBe(2);
  });

  test.each([
    ['GET', undefined],
    ['POST', new Response('x').body],
  ])('also when a call that waits for its body accepts it: %s', async (method, body) => {
    const { call, ended, manager, refreshes } = await scene(lagging());
    expect(await call()).toBe(401);
    const init = { method, body, duplex: 'half' } as RequestInit;
    expect((await manager.fetch(api, init)).status).toBe(200);
    ended.add('access-1');
    await call();
    expect(refreshes()).toBe(2);
  });

  test('is refreshed when it ends a year later, without an expires_in', async () => {
    const grant = (_told: Told, count: number) =>
      Response.json({ access_token: `access-${count}`, refresh_token: `refresh-${count}` });
    const { call, clock, ended, refreshes } = await scene(lagging(), grant);
    expect(await call()).toBe(401);
    await clock.advance(365 * 24 * 60 * minute);
    expect(await call()).toBe(200);
    ended.add('access-1');
    await call();
    expect(refreshes()).toBe(2);
    expect(await call()).toBe(200);
  });

  test('does not stick in another process that has adopted it', async () => {
    const stale = new Set<string>();
    const { storage, transport, clock, ended, call, refreshes } = await scene((told) =>
      stale.has(tokenOf(told)),
    );
    const other = new TokenManager({
      clientId: 'app',
      authorizationServer: as,
      protectedResources: [api],
      fetch: transport.fetch,
      clock,
      storage,
    });
    expect(await other.getAccessToken()).toBe('access-0');
    expect(await call()).toBe(200);
    stale.add('access-1'); // the API rejects the adopted token once
    expect(await call('', other)).toBe(401);
    stale.clear();
    expect(await call('', other)).toBe(200);
    expect(refreshes()).toBe(1);
    ended.add('access-1');
    expect(await call('', other)).toBe(200);
    expect(refreshes()).toBe(2);
  });
});

describe('a resource that rejects every token', () => {
  test('gets one more refresh a minute, and its response is the caller’s', async () => {
    const { call, clock, refreshes } = await scene(() => true);
    for (let second = 0; second < 600; second++) {
      expect(await call()).toBe(401);
      await clock.advance(1_000);
    }
    expect(refreshes()).toBe(10);
  });

  test('at one of its paths, too, though it accepts the token at the others', async () => {
    const { call, clock, refreshes } = await scene(({ url }) => url.endsWith('/forbidden'));
    for (let second = 0; second < 1_200; second++) {
      expect(await call('/orders')).toBe(200);
      expect(await call('/forbidden')).toBe(401);
      await clock.advance(1_000);
    }
    expect(refreshes()).toBeLessThanOrEqual(23);
  });

  test('starts a refresh again after a minute without a call', async () => {
    const { call, clock, ended, refreshes } = await scene();
    ended.add('access-1');
    expect(await call()).toBe(401);
    await clock.advance(minute - 1);
    expect(await call()).toBe(401);
    expect(refreshes()).toBe(1);
    await clock.advance(1);
    expect(await call()).toBe(200);
    expect(refreshes()).toBe(2);
  });

  test('is reported once for each token, with the status and without the token', async () => {
    const { call, clock, events } = await scene(() => true);
    await Promise.all(Array.from({ length: 50 }, () => call()));
    const event = { session: 'default', login: expect.any(String), resource: api, status: 401 };
    expect(events).toEqual([event]);
    await call();
    expect(events).toHaveLength(1);
    await clock.advance(minute);
    await call();
    expect(events).toEqual([event, event]);
  });

  test('a new token that is accepted is not reported', async () => {
    const { call, ended, events } = await scene();
    expect(await call()).toBe(200);
    ended.add('access-1');
    expect(await call()).toBe(200);
    expect(events).toEqual([]);
  });
});

describe('the remembered rejection of a resource', () => {
  type Step = 'sent' | 'rejected' | 'accepted' | 'login' | number;
  const steps = fc.array(
    fc.oneof(
      fc.constantFrom<Step>('sent', 'rejected', 'accepted', 'login'),
      fc.integer({ min: 0, max: 3 * minute }),
    ),
    { maxLength: 40 },
  );

  function play(all: readonly Step[]) {
    const clock = { time: 0, now: () => clock.time };
    const session = new Session('a', 'a');
    const rejections = new TokenTrials(completeClock(clock));
    let token = 0;
    for (const step of all) {
      if (typeof step === 'number') clock.time += step;
      else if (step === 'login')
        session.beginLogin({ login: undefined, issuer: undefined, subject: undefined });
      else if (step === 'sent') rejections.sent(session, 'r', `t${++token}`);
      else rejections[step](session, 'r', `t${token}`);
    }
    return { clock, session, rejections, token: `t${token}` };
  }

  test('ends a minute after the last rejection', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { clock, session, rejections } = play(all);
        clock.time += minute;
        expect(rejections.isResourceSuspect(session, 'r')).toBe(false);
      }),
    );
  });

  test('ends with a login', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { session, rejections } = play([...all, 'login']);
        expect(rejections.isResourceSuspect(session, 'r')).toBe(false);
      }),
    );
  });

  test('ends when the resource accepts the token, unless it rejected one in the last ten minutes', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const { session, rejections } = play([...all, 10 * minute, 'sent', 'rejected', 'accepted']);
        expect(rejections.isResourceSuspect(session, 'r')).toBe(false);
      }),
    );
  });

  test('allows at most two fruitless refreshes in any minute', () => {
    const calls = fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), fc.boolean()), { maxLength: 60 });
    fc.assert(
      fc.property(calls, (all) => {
        const { clock, session, rejections } = play([]);
        const refreshes: number[] = [];
        for (const [pause, accepts] of all) {
          clock.time += pause;
          if (accepts) rejections.accepted(session, 'r', `t${refreshes.length}`);
          if (rejections.isResourceSuspect(session, 'r')) continue;
          refreshes.push(clock.time);
          rejections.sent(session, 'r', `t${refreshes.length}`);
          rejections.rejected(session, 'r', `t${refreshes.length}`);
        }
        for (const [index, at] of refreshes.entries()) {
          expect((refreshes[index + 2] ?? Number.POSITIVE_INFINITY) - at).toBeGreaterThanOrEqual(minute);
        }
      }),
    );
  });
});
