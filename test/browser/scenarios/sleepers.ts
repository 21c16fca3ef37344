import { expect, test } from 'vitest';
import type { Suspension } from '../support/browsers.ts';
import type { Scenarios } from '../support/describe.ts';

import { Scene, type Tab } from '../support/world.ts';

interface Sleep {
  /** The knowledge of the server, or of the page, about it. */
  readonly point: 'before the marker' | 'after the marker' | 'before the commit' | 'after the commit';
  readonly reuseWindow?: number;
  readonly counts: object;
}

/** Where holders fall asleep, each in a session of its own: a lease takes its time, so they sleep side by side. */
const sleeps: readonly Sleep[] = [
  { point: 'before the marker', counts: { refreshAttempts: 1, refreshes: 1 } },
  { point: 'after the marker', counts: { refreshAttempts: 1, refreshes: 1 } },
  { point: 'before the commit', reuseWindow: 60_000, counts: { refreshAttempts: 2, replays: 1 } },
  { point: 'after the commit', counts: { refreshAttempts: 1, refreshes: 1 } },
];

/** A lease outlasts the timeout by ten seconds, and tests wait for it: short, but not too short for a busy machine. */
const timeout = 5_000;
const lease = timeout + 10_000;

/** Only the driver of Chromium freezes tabs as the browser does; a process that is stopped does nothing either, in any engine. */
const suspensions = (engine: string): Suspension[] =>
  engine === 'chromium' ? ['frozen', 'stopped'] : ['stopped'];

interface Trial extends Sleep {
  readonly scene: Scene;
  readonly holder: Tab;
  readonly waiter: Tab;
}

/** A tab sleeps while it refreshes, with the lock in its hands. */
export const sleepers: Scenarios = (engine, world) => {
  test.each(suspensions(engine))(
    'law bounded-locks: the holder is %s: others take over after the lease, and it does no harm when it wakes up',
    {
      timeout: 120_000,
    },
    async (how) => {
      const trials = await Promise.all(sleeps.map((sleep) => prepare(sleep)));
      // Frozen are only tabs that nobody sees.
      for (const { waiter } of trials) await waiter.show();
      const asleep: { calling: Promise<string[]>; wake: () => Promise<void> }[] = [];
      for (const trial of trials) asleep.push(await fallAsleep(trial, how));
      // All of them at once: the slowest takes a lease.
      const served = await Promise.all(trials.map(({ waiter }) => waiter.call('callApi')));
      for (const { wake } of asleep) await wake();
      for (const [index, { waiter, scene, counts }] of trials.entries()) {
        expect(served[index]).toEqual(await asleep[index]?.calling);
        expect(await waiter.call('callApi')).toEqual(served[index]);
        expect(scene.server.counts).toMatchObject({ ...counts, reuses: 0, familiesRevoked: 0 });
        await scene[Symbol.asyncDispose]();
      }
    },
  );

  /** Two tabs with the first access token, which has just expired. */
  async function prepare(sleep: Sleep): Promise<Trial> {
    const { reuseWindow } = sleep;
    const profile = reuseWindow === undefined ? 'strict' : ({ kind: 'leeway', ms: reuseWindow } as const);
    const scene = await Scene.open('indexedDb', { profile });
    const [holder, waiter] = [await world().openTab(), await world().openTab()];
    const setup = { timeout, lease, ...(reuseWindow !== undefined && { reuseWindow }) };
    for (const tab of [holder, waiter]) await scene.join(tab, setup);
    await waiter.call('signIn', scene.login());
    expect(await waiter.call('callApi')).toEqual(['200 at1']);
    expect(await holder.call('callApi')).toEqual(['200 at1']);
    scene.server.expire();
    return { ...sleep, scene, holder, waiter };
  }

  /** The holder refreshes, and sleeps at its point: at once, because a request that waits for its response times out. */
  async function fallAsleep({ point, scene: { server }, holder }: Trial, how: Suspension) {
    if (point === 'after the marker' || point === 'after the commit') {
      await holder.call('stopAt', point);
      const calling = holder.call('callApi');
      await holder.call('reached');
      return { calling, wake: await holder.suspend(how) };
    }
    // The holder finds out about the server under the lock.
    const hold =
      point === 'before the marker' ? server.hold({ on: 'metadata' }) : server.hold({ commits: true });
    const calling = holder.call('callApi');
    await hold.arrived();
    const wake = await holder.suspend(how);
    void hold();
    return { calling, wake };
  }
};
