import { expect, test } from 'vitest';
import type { Scenarios } from '../support/describe.ts';
import { Scene, type Tab } from '../support/world.ts';

/** Shorter than any wait for a frozen tab. */
const timeout = 8_000;

/** Background tabs that the browser freezes. Only the driver of Chromium can trigger that. */
export const frozen: Scenarios = (_engine, world) => {
  test.each(['hears of a change', 'reads', 'writes'] as const)(
    'a tab frozen while it %s does not prevent another tab from storing',
    { timeout: 60_000 },
    async (does) => {
      await using scene = await Scene.open('indexedDb');
      const { hidden, shown } = await open(scene);
      if (does !== 'hears of a change') await hidden.call('whenFrozen', does);
      const wake = await freeze(hidden);
      for (let expiry = 2; expiry <= 4; expiry++) {
        scene.server.expire();
        expect(await shown.call('callApi')).toEqual([`200 at${expiry}`]);
      }
      expect((await shown.call('told')).filter((event) => event === 'storeFailed')).toEqual([]);
      expect((await shown.call('tokens'))?.refreshToken).toBe(scene.server.currentRefreshToken());
      await wake();
      expect(await hidden.call('callApi')).toEqual(['200 at4']);
      expect(scene.server.counts).toMatchObject({ refreshes: 3, refreshAttempts: 3, reuses: 0 });
    },
  );

  test('a tab that waits for the lock as it is frozen leaves the queue, and comes back when it wakes up', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('indexedDb');
    const { hidden, shown } = await open(scene);
    scene.server.expire();
    const hold = scene.server.hold({ commits: true });
    const holding = shown.call('callApi');
    await hold.arrived();
    const waiting = hidden.call('callApi');
    await hidden.call('isQueued');
    const wake = await freeze(hidden);
    await hold();
    expect(await holding).toEqual(['200 at2']);
    scene.server.expire();
    expect(await shown.call('callApi')).toEqual(['200 at3']);
    await wake();
    expect(await waiting).toEqual(['200 at3']);
    expect(scene.server.counts).toMatchObject({ refreshes: 2, refreshAttempts: 2, reuses: 0 });
  });

  test('a tab that asks for the lock while it is frozen does not get it', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('indexedDb');
    const { hidden, shown } = await open(scene);
    await hidden.call('whenFrozen', 'waits for the lock');
    const wake = await freeze(hidden);
    expect(await shown.call('count', 'indexedDb', 'counter', 1)).toEqual([0]);
    await wake();
  });

  test('a frozen tab does not keep a newer version of the page from migrating the database', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('encrypted');
    const { hidden, shown } = await open(scene);
    const wake = await freeze(hidden);
    expect(await shown.call('deleteDatabase', 'encrypted')).toBe('deleted');
    await wake();
  });

  /** Two tabs that are signed in and have looked at the database, one of them behind the other. */
  async function open(scene: Scene): Promise<{ hidden: Tab; shown: Tab }> {
    const [hidden, shown] = [await world().openTab(), await world().openTab()];
    for (const tab of [hidden, shown]) await scene.join(tab, { timeout });
    await shown.call('signIn', scene.login());
    for (const tab of [hidden, shown]) expect(await tab.call('callApi')).toEqual(['200 at1']);
    await shown.show();
    return { hidden, shown };
  }

  /** Freezes a tab. Resolves with how to wake it up, which checks that it has slept all the time. */
  async function freeze(tab: Tab): Promise<() => Promise<void>> {
    await tab.call('startTicking');
    const wake = await tab.suspend('frozen');
    const before = await tab.peek('ticks');
    return async () => {
      expect(await tab.peek('ticks')).toBe(before);
      await wake();
    };
  }
};
