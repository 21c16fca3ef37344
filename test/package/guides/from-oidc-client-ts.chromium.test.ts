/**
 * The same in a real Chromium, at a certified server: the real oidc-client-ts logs in and stores its user in `localStorage`, and
 * tabs with examples/from-oidc-client-ts/ take the session over, at once, and also when one of them is killed in between.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ExampleServer, openExampleServer } from '../../../examples/server/server.ts';
import { type DrivenBrowser, type DrivenTab, openBrowser } from '../../browser/support/browsers.ts';
import { times } from '../../support/promises.ts';
import { openTwoCodes, type TwoCodes } from './support/tabs-of-two-codes.ts';

let world: ExampleServer;
let site: TwoCodes;
let browser: DrivenBrowser;
beforeAll(async () => {
  [world, site, browser] = await Promise.all([
    openExampleServer({ accessTokenSeconds: 300 }),
    openTwoCodes('oidc-client-ts', 'examples/from-oidc-client-ts/session.ts'),
    openBrowser('chromium'),
  ]);
});
afterAll(async () => {
  await browser?.close();
  await Promise.all([site?.close(), world?.close()]);
});

const oldCode = () => `new old.UserManager({
  authority: '${world.server.issuer}',
  client_id: 'spa',
  redirect_uri: '${site.origin}/callback',
  scope: 'openid offline_access read',
  prompt: 'consent',
  userStore: new old.WebStorageStateStore({ store: localStorage }),
  automaticSilentRenew: false,
})`;
const item = () => `localStorage.getItem('oidc.user:${world.server.issuer}:spa')`;
const importSession = () => `fresh.openSession({
  authority: '${world.server.issuer}',
  issuer: '${world.server.issuer}',
  clientId: 'spa',
  store: localStorage,
  api: '${world.api}',
}).then(({ manager, taken }) => { globalThis.manager = manager; return taken.outcome; })`;
const fiveCalls = () =>
  `Promise.all(Array.from({ length: 5 }, () => manager.fetch('${world.api}').then(({ status }) => status)))`;

async function tabAt(path: string): Promise<DrivenTab> {
  const tab = await browser.newTab();
  await tab.goto(site.origin + path);
  return tab;
}

/** By redirect, with the old code. Leaves the user in `localStorage`. */
async function logIn(): Promise<string> {
  const tab = await tabAt('/');
  const back = site.asked('/callback');
  await tab.evaluate(`void ${oldCode()}.signinRedirect()`);
  await back;
  await expect.poll(() => tab.evaluate(`document.readyState + location.pathname`)).toBe('complete/callback');
  const refreshToken = await tab.evaluate(
    `${oldCode()}.signinCallback().then(({ refresh_token }) => refresh_token)`,
  );
  await tab.close();
  return String(refreshToken);
}

async function expectOneOwner(tabs: readonly DrivenTab[]): Promise<void> {
  const { counters } = world.server;
  const before = counters.refreshes;
  await world.server.endAccessTokens();
  const statuses = await Promise.all(tabs.map((tab) => tab.evaluate(fiveCalls())));
  expect(statuses.flat()).toEqual(times(5 * tabs.length, () => 200));
  expect([counters.refreshes - before, counters.reuses]).toEqual([1, 0]);
}

test('three tabs that start at once: one takes over, all go on, the old code finds nothing', async () => {
  await logIn();
  const tabs = await Promise.all(times(3, () => tabAt('/')));
  const outcomes = await Promise.all(tabs.map((tab) => tab.evaluate(importSession())));
  expect(outcomes.filter((outcome) => outcome === 'imported')).toHaveLength(1);
  await expect.poll(() => tabs[0]?.evaluate(item())).toBeNull();
  expect(await tabs[1]?.evaluate(`${oldCode()}.getUser()`)).toBeNull();
  await expectOneOwner(tabs);
  await tabs[0]?.evaluate('manager.signOut()');
  expect(await tabs[2]?.evaluate(importSession())).toBe('nothing');
  expect(await tabs[2]?.evaluate('manager.getTokens()')).toBeUndefined();
  for (const tab of tabs) await tab.close();
});

test('a tab that is killed after it has stored the session and before it has removed it: one owner anyway', async () => {
  const refreshToken = await logIn();
  const dying = await tabAt('/');
  const reached = site.asked('/reached');
  await dying.evaluate(`Storage.prototype.removeItem = () => {
    const request = new XMLHttpRequest();
    request.open('GET', '/reached', false);
    request.send();
    for (;;);
  }`);
  // After the response to this it ends in an endless loop.
  await dying.evaluate(`void setTimeout(() => ${importSession()})`);
  await reached;
  await dying.kill(() => undefined); // with the lock in its hands
  const next = await tabAt('/'); // only now: it could have had the same process
  expect(await next.evaluate(item())).not.toBeNull();
  expect(await next.evaluate(importSession())).toBe('not-needed');
  await expect.poll(() => next.evaluate(item())).toBeNull();
  expect(await next.evaluate('manager.getTokens().then(({ refreshToken }) => refreshToken)')).toBe(
    refreshToken,
  );
  await expectOneOwner([next]);
}, 30_000);
