import { describe, expect, test } from 'vitest';
import { crew, mustGoOn, mustHaveLostTheAnswer } from '../../support/processes/crew.ts';
import { points } from '../../support/processes/critical-section.ts';
import { type Family, family, leftovers } from '../../support/processes/family.ts';
import type { SessionProcess } from '../../support/processes/session-processes.ts';

const processes = crew();

/** A session whose access token has expired, and a process that knows it and is about to refresh. */
async function expired(shared: Family): Promise<SessionProcess> {
  const { survivor, waiter } = processes;
  const victim = processes.victim();
  await survivor.open(shared.session);
  await waiter.open(shared.session);
  await shared.signIn(survivor);
  // Its clock stops: on a slow machine one that waits for the lock would look at the storage in between.
  await victim.open({ ...shared.session, stopsClock: true });
  expect(await victim.call()).toBe(200);
  shared.server.expire();
  return victim;
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
      const waiting = await processes.waitBehind(locked && token !== 'stored');
      await victim.kill();
      const outcomes = await Promise.all([...waiting, processes.survivor.call()]);
      if (token === 'spent') mustHaveLostTheAnswer(shared, outcomes);
      else mustGoOn(shared, outcomes);
      // Files that dead processes have left of the lock are removed when it is next used.
      if (token === 'stored' && locked) {
        server.expire();
        expect(await processes.survivor.call()).toBe(200);
      }
      await Promise.all([processes.survivor.do('idle'), processes.waiter.do('idle')]);
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
      const waiting = await processes.waitBehind(true);
      await victim.kill();
      // The server takes them in the order in which they came.
      await held.arrived(2);
      await held();
      const outcomes = await Promise.all([...waiting, processes.survivor.call()]);
      mustHaveLostTheAnswer(shared, outcomes);
      await Promise.all([processes.survivor.do('idle'), processes.waiter.do('idle')]);
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
      const waiting = await processes.waitBehind(true);
      await victim.kill();
      expect(await Promise.all([...waiting, processes.survivor.call()])).toEqual([200, 200]);
      expect(shared.server.counts).toMatchObject({
        tokenRequests: 2,
        replays: 1,
        reuses: 0,
        familiesRevoked: 0,
      });
    });
  }
});
