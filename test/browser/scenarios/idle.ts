import { expect, test } from 'vitest';
import type { Scenarios } from '../support/describe.ts';
import { Scene, type Tab, type World } from '../support/world.ts';

const after = 600_000;
const warn = 60_000;

/** Two tabs of a user who has signed in, and in which the time until the idle sign-out runs. */
async function openTabs(world: World, scene: Scene): Promise<[Tab, Tab]> {
  const tabs: [Tab, Tab] = [await world.openTab(), await world.openTab()];
  for (const tab of tabs) await scene.join(tab);
  await tabs[0].call('signIn', scene.login());
  for (const tab of tabs) {
    expect(await tab.call('callApi')).toEqual(['200 at1']);
    expect(await tab.call('watchIdle', after, warn)).toEqual({ kind: 'active' });
  }
  return tabs;
}

/** Idle sign-out. The clock of the pages is moved; the user's input is real. */
export const idle: Scenarios = (_engine, world) => {
  test('the user of one tab keeps the session of both, and an idle one is signed out once', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('indexedDb');
    const [one, other] = await openTabs(world(), scene);
    await one.show(); // counts as activity
    await one.call('passIdle', after - warn / 2);
    for (const tab of [one, other]) await tab.call('untilIdle', 'warning');
    await one.run(() => void document.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true })));
    expect(await one.call('idleState')).toBe('warning');
    await one.click('button');
    for (const tab of [one, other]) await tab.call('untilIdle', 'active');
    await one.call('passIdle', after - warn / 2);
    for (const tab of [one, other]) await tab.call('untilIdle', 'warning');
    await one.call('passIdle', warn);
    for (const tab of [one, other]) {
      await tab.call('untilIdle', 'signed-out');
      expect(await tab.call('tryApi')).toBe('ERR_LOGIN_REQUIRED signed_out');
    }
    expect(scene.server.counts).toMatchObject({ revocations: 1, refreshAttempts: 0 });
  });

  test('a page that is loaded after the end signs out before its first call', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('localStorage');
    const [one, other] = await openTabs(world(), scene);
    await other.close();
    await one.close();
    const later = await world().openTab();
    await scene.join(later);
    await later.call('passIdle', after + warn);
    expect(await later.call('watchIdle', after, warn)).toEqual({ kind: 'signed-out' });
    expect(await later.call('tryApi')).toBe('ERR_LOGIN_REQUIRED signed_out');
    expect(scene.server.counts).toMatchObject({ apiCalls: 2 });
  });
};

/** Background tabs that the browser freezes. Only the driver of Chromium can trigger that. */
export const frozenIdle: Scenarios = (_engine, world) => {
  test('a tab that was frozen past the end signs out before its first call', {
    timeout: 60_000,
  }, async () => {
    await using scene = await Scene.open('indexedDb');
    const [hidden, shown] = [await world().openTab(), await world().openTab()];
    await scene.join(hidden);
    await hidden.call('signIn', scene.login());
    expect(await hidden.call('watchIdle', after, warn)).toEqual({ kind: 'active' });
    const wake = await hidden.suspend('frozen');
    await shown.call('passIdle', after);
    await wake();
    expect(await hidden.call('tryApi')).toBe('ERR_LOGIN_REQUIRED signed_out');
    expect(scene.server.counts).toMatchObject({ apiCalls: 0, refreshAttempts: 0 });
  });
};
