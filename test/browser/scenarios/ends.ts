import { expect, test } from 'vitest';
import type { Scenarios } from '../support/describe.ts';
import type { StorageName } from '../support/page/commands.ts';
import { type Agent, Scene, type Tab, type World } from '../support/world.ts';

type End = 'closed' | 'killed';

/** How a holder ends, and on which storage. */
const ends: { end: End; storage: StorageName }[] = [
  { end: 'closed', storage: 'localStorage' },
  { end: 'killed', storage: 'indexedDb' },
];

const endOf: Record<End, (tab: Tab) => Promise<void>> = {
  closed: (tab) => tab.close(),
  killed: (tab) => tab.kill(),
};

/** A holder and two others of one session, all with the first access token, which has just expired. */
async function trio(world: World, scene: Scene, reuseWindow?: number): Promise<[Tab, Tab, Tab]> {
  const holder = await world.openTab();
  const others = [await world.openTab(), await world.openTab()] as const;
  const all: [Tab, Tab, Tab] = [holder, ...others];
  for (const tab of all) await scene.join(tab, reuseWindow === undefined ? {} : { reuseWindow });
  await holder.call('signIn', scene.login());
  for (const tab of all) expect(await tab.call('callApi')).toEqual(['200 at1']);
  scene.server.expire();
  return all;
}

const call = (agents: readonly Agent[]): Promise<string[][]> =>
  Promise.all(agents.map((agent) => agent.call('callApi')));

/** A tab ends while it refreshes. */
export const endings: Scenarios = (_engine, world) => {
  for (const { end, storage } of ends) {
    for (const point of ['before the marker', 'after the marker', 'before the commit'] as const) {
      const isLost = point === 'before the commit';
      const how = isLost ? 'a server with a reuse window' : 'a strict server';
      test(`law response-lost: the holder is ${end} ${point}, ${storage}, ${how}: the others go on`, {
        timeout: 60_000,
      }, async () => {
        const profile = isLost ? ({ kind: 'leeway', ms: 60_000 } as const) : 'strict';
        await using scene = await Scene.open(storage, { profile });
        const { server } = scene;
        const [holder, ...others] = await trio(world(), scene, isLost ? 60_000 : undefined);
        await holder.call('stopAt', point);
        void holder.call('callApi');
        await holder.call('reached');
        const waiting = call(others);
        await endOf[end](holder);
        const token = isLost ? '200 at3' : '200 at2';
        expect(await waiting).toEqual([[token], [token]]);
        expect(server.counts).toMatchObject({
          refreshes: 1,
          replays: isLost ? 1 : 0,
          reuses: 0,
          familiesRevoked: 0,
        });
      });
    }

    test(`law response-lost: the holder is ${end} after the POST, ${storage}, a strict server: one careful attempt, and the response was lost`, {
      timeout: 60_000,
    }, async () => {
      await using scene = await Scene.open(storage);
      const { server } = scene;
      const [holder, ...others] = await trio(world(), scene);
      const hold = server.hold({ commits: true });
      void holder.call('callApi');
      await hold.arrived();
      await endOf[end](holder);
      await hold();
      const answers = others.map((tab) =>
        tab.call('callApi').catch((error: { reason?: string }) => error.reason),
      );
      expect((await Promise.all(answers)).sort()).toEqual(['response_lost', 'signed_out'].slice(0, 2));
      expect(server.counts).toMatchObject({
        refreshAttempts: 2,
        refreshes: 1,
        reuses: 1,
        familiesRevoked: 1,
      });
    });

    test(`law commit-before-use: the holder is ${end} after the commit, ${storage}: the others have what it stored`, {
      timeout: 60_000,
    }, async () => {
      await using scene = await Scene.open(storage);
      const { server } = scene;
      const [holder, ...others] = await trio(world(), scene);
      await holder.call('stopAt', 'after the commit');
      void holder.call('callApi');
      await holder.call('reached');
      // Before it ends, and although it has the lock: what is stored is adopted.
      expect(await call(others.slice(0, 1))).toEqual([['200 at2']]);
      await endOf[end](holder);
      expect(await call(others)).toEqual([['200 at2'], ['200 at2']]);
      expect(server.counts).toMatchObject({ refreshAttempts: 1, refreshes: 1, reuses: 0 });
    });
  }
};
