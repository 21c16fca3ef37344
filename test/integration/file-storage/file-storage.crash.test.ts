import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { points } from '../../support/processes/critical-section.ts';
import { type Family, family, leftovers } from '../../support/processes/family.ts';
import { SessionProcess } from '../../support/processes/session-processes.ts';

/** Two processes that live through everything, and the next one to be killed, which is started ahead of its time. */
let survivor: SessionProcess;
let waiter: SessionProcess;
let next: SessionProcess;
beforeAll(() => {
  [survivor, waiter, next] = [new SessionProcess(), new SessionProcess(), new SessionProcess()];
});
afterAll(async () => {
  await Promise.all([survivor, waiter, next].map((one) => one.kill()));
});

/** A session whose access token has expired, and a process that knows it and is about to refresh. */
async function expired(shared: Family): Promise<SessionProcess> {
  const victim = next;
  next = new SessionProcess();
  await survivor.open(shared.session);
  await waiter.open(shared.session);
  await shared.signIn(survivor);
  await victim.open(shared.session);
  expect(await victim.call()).toBe(200);
  shared.server.expire();
  return victim;
}

/** Someone who waits for the lock when its holder dies: there is one unless it is free, or what it guards is done. */
async function waitBehind(isNeeded: boolean): Promise<Promise<number | string>[]> {
  if (!isNeeded) return [];
  const call = waiter.call();
  await waiter.reaches('waiting');
  return [call];
}

test('the points are all awaits of the critical section', async () => {
  await using shared = await family();
  await using victim = await expired(shared);
  expect(await victim.call()).toBe(200);
  expect(await victim.do('points')).toEqual(points.map(({ at }) => at));
});

describe('kill -9', () => {
  for (const { step, at, locked, token } of points) {
    test(`step ${step}, ${at}: the token is ${token}`, async () => {
      await using shared = await family();
      const { server } = shared;
      await using victim = await expired(shared);
      void victim.call({ standsAt: at });
      await victim.reaches(at);
      expect(server.counts.refreshes).toBe(token === 'unspent' ? 0 : 1);
      const waiting = await waitBehind(locked && token !== 'stored');
      await victim.kill();
      const outcomes = await Promise.all([...waiting, survivor.call()]);
      if (token === 'spent') mustHaveLostTheAnswer(shared, outcomes);
      else mustGoOn(shared, outcomes);
      // Files that dead processes have left of the lock are removed when it is next used.
      if (token === 'stored' && locked) {
        server.expire();
        expect(await survivor.call()).toBe(200);
      }
      await Promise.all([survivor.do('idle'), waiter.do('idle')]);
      expect(leftovers(shared.file)).toEqual([]);
    });
  }

  for (const commits of [false, true]) {
    test(`step 5, within the POST, ${commits ? 'after' : 'before'} the server rotates`, async () => {
      await using shared = await family();
      await using victim = await expired(shared);
      const held = shared.server.hold({ commits });
      void victim.call();
      await held.arrived();
      const waiting = await waitBehind(true);
      await victim.kill();
      // The server takes them in the order in which they came.
      await held.arrived(2);
      await held();
      const outcomes = await Promise.all([...waiting, survivor.call()]);
      mustHaveLostTheAnswer(shared, outcomes);
      await Promise.all([survivor.do('idle'), waiter.do('idle')]);
      expect(leftovers(shared.file)).toEqual([]);
    });
  }

  for (const { at } of points.filter(({ token }) => token === 'spent')) {
    test(`${at}, with a declared reuse window: the token is sent again and nothing is lost`, async () => {
      const profile = { kind: 'idempotentReplay', ms: 60_000 } as const;
      await using shared = await family({ profile }, { reuseWindow: 60_000 });
      await using victim = await expired(shared);
      void victim.call({ standsAt: at });
      await victim.reaches(at);
      const waiting = await waitBehind(true);
      await victim.kill();
      expect(await Promise.all([...waiting, survivor.call()])).toEqual([200, 200]);
      expect(shared.server.counts).toMatchObject({
        tokenRequests: 2,
        replays: 1,
        reuses: 0,
        familiesRevoked: 0,
      });
    });
  }
});

/** The answer is nowhere: one careful attempt is made, by one of all, and it ends the session with its true reason. */
function mustHaveLostTheAnswer({ server }: Family, outcomes: (number | string)[]): void {
  const [reason, ...others] = outcomes.sort().map(String);
  expect(reason).toBe('ERR_LOGIN_REQUIRED response_lost');
  for (const other of others) {
    expect(other).toMatch(/^ERR_LOGIN_REQUIRED (response_lost|signed_out|no_tokens)$/);
  }
  expect(server.counts).toMatchObject({ tokenRequests: 2, refreshes: 1, reuses: 1 });
}

/** Nothing was lost: all go on, with one rotation in all. */
function mustGoOn({ server }: Family, outcomes: (number | string)[]): void {
  expect(outcomes).toEqual(outcomes.map(() => 200));
  expect(server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1, reuses: 0, familiesRevoked: 0 });
}
