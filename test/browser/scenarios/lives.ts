import { expect, test } from 'vitest';
import type { Engine } from '../support/browsers.ts';
import type { Scenarios } from '../support/describe.ts';
import { Remote } from '../support/remote.ts';
import { Agent, Scene, type Tab } from '../support/world.ts';

const expiries = 50;
/** At how many of them a tab opens and another one closes: one in so many. Some engines take long for that. */
const change: Record<Engine, number> = { chromium: 1, firefox: 3, webkit: 2 };

/** Tabs and workers that come and go. */
export const lives: Scenarios = (engine, world) => {
  test(`${expiries} expiries in a row with tabs opening and closing: one refresh each, nobody fails`, {
    timeout: 120_000,
  }, async () => {
    await using scene = await Scene.open(engine === 'firefox' ? 'indexedDb' : 'localStorage');
    const { server } = scene;
    const tabs: Tab[] = [];
    const open = async (): Promise<void> => {
      const tab = await world().openTab();
      await scene.join(tab);
      tabs.push(tab);
    };
    await open();
    await open();
    await tabs[0]?.call('signIn', scene.login());
    for (let expiry = 1; expiry <= expiries; expiry++) {
      server.expire();
      const calls = tabs.map((tab) => tab.call('callApi', 2));
      const changes = expiry % change[engine] === 0;
      // One more opens while they refresh, and the oldest closes when it is served.
      if (changes) {
        await open();
        calls.push((tabs.at(-1) as Tab).call('callApi', 2));
      }
      expect(new Set((await Promise.all(calls)).flat())).toEqual(new Set([`200 at${expiry + 1}`]));
      if (changes) await tabs.shift()?.close();
    }
    expect(server.counts).toMatchObject({
      refreshAttempts: expiries,
      refreshes: expiries,
      reuses: 0,
      familiesRevoked: 0,
      peakConcurrentRefreshes: 1,
    });
  });

  test('B39: a page that comes back from the back/forward cache looks before it acts', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('indexedDb');
    const { server } = scene;
    const [page, other] = [await world().openTab(), await world().openTab()];
    for (const tab of [page, other]) await scene.join(tab);
    await page.call('signIn', scene.login());
    await page.call('callApi');
    const back = await page.leave();
    server.expire();
    expect(await other.call('callApi')).toEqual(['200 at2']);
    const { apiRejected } = server.counts;
    back();
    expect(await page.call('wasKept')).toBe(true);
    expect(await page.call('callApi')).toEqual(['200 at2']);
    expect(server.counts).toMatchObject({ refreshAttempts: 1, reuses: 0, apiRejected });
    const backAgain = await page.leave();
    await other.call('signOut');
    backAgain();
    expect(await page.call('accessToken')).toBe('ERR_LOGIN_REQUIRED signed_out');
    expect(server.counts).toMatchObject({ refreshAttempts: 1, apiRejected });
  });

  test.each(['shared worker', 'service worker'] as const)(
    'a %s refreshes for its pages, and they for it',
    {
      timeout: 60_000,
    },
    async (kind) => {
      await using scene = await Scene.open('indexedDb');
      const { server } = scene;
      const remote = new Remote();
      const worker = new Agent(remote);
      const url = `/agent.js?control=${await remote.open()}`;
      const [page, other] = [await world().openTab(), await world().openTab()];
      await page.call('start', kind, url);
      for (const agent of [page, other, worker]) await scene.join(agent);
      await worker.call('signIn', scene.login());
      server.expire();
      const served = await Promise.all([worker, page, other].map((agent) => agent.call('callApi', 3)));
      expect(new Set(served.flat())).toEqual(new Set(['200 at2']));
      server.expire();
      await worker.call('stopAt', 'after the marker');
      const held = worker.call('callApi');
      await worker.call('reached');
      const waiting = other.call('callApi');
      if (kind === 'shared worker') await page.close();
      else await worker.call('goOn');
      expect(await waiting).toEqual(['200 at3']);
      if (kind === 'service worker') expect(await held).toEqual(['200 at3']);
      expect(server.counts).toMatchObject({ refreshAttempts: 2, refreshes: 2, reuses: 0 });
      await other.call('stop');
      await remote.close();
    },
  );
};
