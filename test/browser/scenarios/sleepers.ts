import { expect, test } from 'vitest';
import type { Suspension } from '../support/browsers.ts';
import type { Scenarios } from '../support/describe.ts';

import { Scene, type Tab } from '../support/world.ts';

interface Sleep {
  /** What the server knows of it, or the page. */
  readonly point: 'before the mark' | 'after the mark' | 'before the commit' | 'after the commit';
  readonly reuseWindow?: number;
  readonly counts: object;
}

/** Where holders fall asleep, each in a session of its own: a lease takes its time, so they sleep side by side. */
const sleeps: readonly Sleep[] = [
  { point: 'before the mark', counts: { refreshAttempts: 1, refreshes: 1 } },
  { point: 'after the mark', counts: { refreshAttempts: 1, refreshes: 1 } },
  { point: 'before the commit', reuseWindow: 60_000, counts: { refreshAttempts: 2, replays: 1 } },
  { point: 'after the commit', counts: { refreshAttempts: 1, refreshes: 1 } },
];

/** The shortest that the core takes: a lease outlasts the timeout by ten seconds. */
const timeout = 3_000;
const lease = timeout + 10_000;

const suspensions = (engine: string): Suspension[] =>
  engine === 'chromium' ? ['frozen', 'stopped'] : ['stopped'];

/** A tab sleeps while it refreshes, with the lock in its hands. */
export const sleepers: Scenarios = (engine, world) => {
  test.each(suspensions(engine))(
    'law 11: the holder is %s: others take over after the lease, and it does no harm when it wakes up',
    {
      timeout: 120_000,
    },
    async (how) => {
      const trials = await Promise.all(sleeps.map((sleep) => begin(sleep)));
      // Frozen are only tabs that nobody sees.
      for (const { waiter } of trials) await waiter.show();
      const wakings: (() => Promise<void>)[] = [];
      for (const { holder, release } of trials) {
        wakings.push(await holder.suspend(how));
        void release();
      }
      // All of them at once: the slowest takes a lease.
      const served = await Promise.all(trials.map(({ waiter }) => waiter.call('callApi')));
      for (const wake of wakings) await wake();
      for (const [index, { waiter, scene, calling, counts }] of trials.entries()) {
        expect(served[index]).toEqual(await calling);
        expect(await waiter.call('callApi')).toEqual(served[index]);
        expect(scene.server.counts).toMatchObject({ ...counts, reuses: 0, familiesRevoked: 0 });
        await scene[Symbol.asyncDispose]();
      }
    },
  );

  async function begin(sleep: Sleep): Promise<
    Sleep & {
      scene: Scene;
      holder: Tab;
      waiter: Tab;
      calling: Promise<string[]>;
      release: () => Promise<void>;
    }
  > {
    const { point, reuseWindow } = sleep;
    const profile = reuseWindow === undefined ? 'strict' : ({ kind: 'leeway', ms: reuseWindow } as const);
    const scene = await Scene.open('indexedDb', { profile });
    const [holder, waiter] = [await world().openTab(), await world().openTab()];
    const setup = { timeout, lease, ...(reuseWindow !== undefined && { reuseWindow }) };
    for (const tab of [holder, waiter]) await scene.join(tab, setup);
    await waiter.call('signIn', scene.login());
    expect(await waiter.call('callApi')).toEqual(['200 at1']);
    expect(await holder.call('callApi')).toEqual(['200 at1']);
    const { server } = scene;
    server.expire();
    if (point === 'after the mark' || point === 'after the commit') {
      await holder.call('stopAt', point);
      const calling = holder.call('callApi');
      await holder.call('reached');
      return { ...sleep, scene, holder, waiter, calling, release: async () => undefined };
    }
    // The holder finds out about the server under the lock.
    const hold =
      point === 'before the mark' ? server.hold({ on: 'metadata' }) : server.hold({ commits: true });
    const calling = holder.call('callApi');
    await hold.arrived();
    return { ...sleep, scene, holder, waiter, calling, release: hold };
  }
};
