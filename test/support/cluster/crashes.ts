import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crew, mustGoOn, mustHaveLostTheAnswer } from '../processes/crew.ts';
import type { Point } from '../processes/critical-section.ts';
import { type Family, family } from '../processes/family.ts';
import { SessionProcess } from '../processes/session-processes.ts';
import type { Ground } from './ground.ts';

/** Processes are started all the time, which takes long where other work is done. */
const timeLimit = 90_000;

/** Tests the session after the process that refreshes it dies or stands still, at each of `points`. */
export function crashes(ground: () => Ground, points: readonly Point[]): void {
  describe('kill -9', () => kills(ground, points));
  describe('SIGSTOP, until the lease has expired and another process has refreshed', () =>
    stops(ground, points));
}

function kills(ground: () => Ground, points: readonly Point[]): void {
  const processes = crew();

  /** A session whose access token has expired, and a process that knows it and is about to refresh. */
  async function expired(shared: Family): Promise<SessionProcess> {
    const { survivor, waiter } = processes;
    const victim = processes.victim();
    // The clock stops: on a slow machine one that waits for the lock would look at the storage in between.
    const open = (one: SessionProcess, index: number) =>
      one.open({ ...shared.session, place: ground().place(index), stopsClock: true });
    await open(survivor, 0);
    await open(waiter, 1);
    await shared.signIn(survivor);
    await open(victim, 2);
    expect(await victim.call()).toBe(200);
    shared.server.expire();
    return victim;
  }

  /**
   * The process that left the marker may live, and wait for the response: others send nothing until its time has
   * passed.
   */
  async function nobodySendsAtOnce(
    { server }: Family,
    { sent, waits }: { readonly sent: number; readonly waits: boolean },
  ): Promise<void> {
    const { survivor, waiter } = processes;
    const those = waits ? [survivor, waiter] : [survivor];
    // They have had the lock, have seen the marker, and wait without the lock.
    await Promise.all(those.map((one) => one.reaches('unlocking')));
    expect(server.counts.tokenRequests).toBe(sent);
    for (const one of those) await one.do('advance', { ms: 35_000 });
  }

  test('the points are all awaits of the critical section', { timeout: timeLimit }, async () => {
    await using shared = await family();
    await using victim = await expired(shared);
    expect(await victim.call()).toBe(200);
    expect(await victim.do('points')).toEqual(points.map(({ at }) => at));
  });

  for (const { step, at, locked, token } of points) {
    test(`step ${step}, ${at}: the token is ${token}`, { timeout: timeLimit }, async () => {
      await using shared = await family();
      await using victim = await expired(shared);
      void victim.call({ standsAt: at });
      await victim.reaches(at);
      const before = await processes.waitBehind(locked && token !== 'stored');
      await victim.kill();
      await ground().bury();
      const calls = Promise.all([...before, processes.survivor.call()]);
      const sent = token === 'spent' ? 1 : 0;
      if (isMarked(at)) await nobodySendsAtOnce(shared, { sent, waits: before.length > 0 });
      const outcomes = await calls;
      if (token === 'spent') mustHaveLostTheAnswer(shared, outcomes);
      else mustGoOn(shared, outcomes);
    });
  }

  for (const commits of [false, true]) {
    const when = `within the POST, ${commits ? 'after' : 'before'} the server rotates`;
    test(`step 5, ${when}`, { timeout: timeLimit }, async () => {
      await using shared = await family();
      await using victim = await expired(shared);
      const held = shared.server.hold({ commits });
      void victim.call();
      await held.arrived();
      const before = await processes.waitBehind(true);
      await victim.kill();
      await ground().bury();
      const calls = Promise.all([...before, processes.survivor.call()]);
      await nobodySendsAtOnce(shared, { sent: 1, waits: true });
      await held.arrived(2); // the server takes them in the order in which they came
      await held();
      mustHaveLostTheAnswer(shared, await calls);
    });
  }
}

/** Between the marker and the successor. */
const isMarked = (at: string): boolean =>
  ['after write', 'before POST', 'after POST', 'body', 'before write 2'].includes(at);

function stops(ground: () => Ground, points: readonly Point[]): void {
  let holder: SessionProcess;
  let other: SessionProcess;
  beforeAll(() => {
    [holder, other] = [new SessionProcess(), new SessionProcess()];
  });
  afterAll(async () => {
    await Promise.all([holder, other].map((one) => one.kill()));
  });

  /** Stops the holder at a point of its refresh, and ends its lease. Returns a function that continues it. */
  async function late(shared: Family, at: string): Promise<() => Promise<number | string>> {
    await other.open({ ...shared.session, place: ground().place(0) });
    await shared.signIn(other);
    await holder.open({ ...shared.session, place: ground().place(1) });
    expect(await holder.call()).toBe(200);
    shared.server.expire();
    const call = holder.call({ standsAt: at });
    await holder.reaches(at);
    holder.stop();
    await ground().endLease();
    return async () => {
      holder.continue();
      await holder.do('goOn');
      return await call;
    };
  }

  for (const { step, at } of points.filter(({ locked }) => locked)) {
    test(`step ${step}, ${at}: it uses what the other one got`, { timeout: timeLimit }, async () => {
      const profile = { kind: 'idempotentReplay', ms: 60_000 } as const;
      await using shared = await family({ profile }, { reuseWindow: 60_000 });
      const { server } = shared;
      const goOn = await late(shared, at);
      expect(await other.call()).toBe(200);
      expect(await goOn()).toBe(200);
      for (const one of [holder, other])
        expect(await one.do('refreshToken')).toBe(server.currentRefreshToken());
      expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0, familiesRevoked: 0 });
    });

    test(`step ${step}, ${at}: a login meanwhile is not written over`, { timeout: timeLimit }, async () => {
      await using shared = await family();
      const { server } = shared;
      const goOn = await late(shared, at);
      await shared.signIn(other);
      const mine = server.currentRefreshToken() as string;
      expect(await goOn()).toBe(200);
      for (const one of [holder, other]) expect(await one.do('refreshToken')).toBe(mine);
      expect(server.isActive(mine)).toBe(true);
      expect(server.counts.reuses).toBe(0);
    });
  }
}
