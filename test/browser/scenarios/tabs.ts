import { expect, test } from 'vitest';
import type { Scenarios } from '../support/describe.ts';
import type { StorageName } from '../support/page/commands.ts';
import { Scene, type Tab, type World } from '../support/world.ts';

const shared: StorageName[] = ['localStorage', 'indexedDb', 'encrypted'];

async function openTabs(world: World, count: number): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (let index = 0; index < count; index++) tabs.push(await world.openTab());
  return tabs;
}

/** One session in several tabs. */
export const tabs: Scenarios = (_engine, world) => {
  test.each(shared)(
    'B9, B13, B15: 8 tabs on %s at one expiry: 1 refresh, 8 working tabs',
    { timeout: 60_000 },
    async (storage) => {
      await using scene = await Scene.open(storage);
      const { server } = scene;
      const all = await openTabs(world(), 8);
      for (const tab of all) await scene.join(tab);
      await all[0]?.call('signIn', scene.login());
      const before = await Promise.all(all.map((tab) => tab.call('callApi')));
      expect(new Set(before.flat())).toEqual(new Set(['200 at1']));
      server.expire();
      const after = await Promise.all(all.map((tab) => tab.call('callApi', 3)));
      expect(new Set(after.flat())).toEqual(new Set(['200 at2']));
      expect(server.counts).toMatchObject({
        refreshAttempts: 1,
        refreshes: 1,
        reuses: 0,
        familiesRevoked: 0,
      });
    },
  );

  test.each(shared)(
    'a record that one tab has stored on %s under the lock is read by the next one',
    {
      timeout: 60_000,
    },
    async (storage) => {
      const all = await openTabs(world(), 4);
      const key = `numbers ${Date.now()}`;
      const seen = await Promise.all(all.map((tab) => tab.call('count', storage, key, 50)));
      const numbers = seen.flat().sort((one, other) => one - other);
      expect(numbers).toEqual(Array.from({ length: 200 }, (_, index) => index));
    },
  );
};
