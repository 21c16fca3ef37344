/** Chromium whose user has blocked site data, for sites or for frames of other sites. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openWorld, Scene, type World } from './support/world.ts';

/** As a user sets it: sites are not allowed to save data on the device. */
const blocked = { profile: { default_content_setting_values: { cookies: 2 } } };

let world: World;
beforeAll(async () => {
  world = await openWorld('chromium', blocked);
}, 60_000);
afterEach(() => world.closeTabs());
afterAll(() => world?.close());

test.each([
  ['/', 'site data blocked'],
  ['/sandbox', 'opaque origin'],
])(
  'a page at %s with whereAllowed() keeps sessions in memory and emits the reason: %s',
  { timeout: 60_000 },
  async (path, reason) => {
    await using scene = await Scene.open('whereAllowed');
    const tab = await world.openTab(path);
    await scene.join(tab);
    await tab.call('signIn', scene.login());
    expect(await tab.call('callApi')).toEqual(['200 at1']);
    for (let expiry = 2; expiry <= 3; expiry++) {
      scene.server.expire();
      expect(await tab.call('callApi', 5)).toEqual([`200 at${expiry}`]);
    }
    expect(await tab.call('told')).toEqual([
      `storageUnavailable: ${reason}`,
      'signedIn: here',
      'refreshed',
      'refreshed',
    ]);
    expect(await tab.call('signOut')).toMatchObject({ revoked: true });
    expect(scene.server.counts).toMatchObject({ refreshes: 2, refreshAttempts: 2, reuses: 0 });
  },
);

test.each([
  ['/', 'The browser blocks site data'],
  ['/sandbox', 'This page has no origin, as in a sandboxed frame'],
])(
  'without whereAllowed() a page at %s gets errors with the reason and the remedy',
  { timeout: 60_000 },
  async (path, why) => {
    const words = await (await world.openTab(path)).call('refusalWords');
    for (const message of words) expect(message).toContain(why);
    for (const message of words)
      expect(message).toContain('whereAllowed(indexedDbStorage(), memoryStorage())');
  },
);

test('a worker of such a page keeps sessions in memory as well', { timeout: 60_000 }, async () => {
  const tab = await world.openTab();
  expect(await tab.call('refusalInWorker')).toBe('site data blocked');
});
