/**
 * The guide examples/electron/, with all its files as they are built: its main process in a process, its pages in a real
 * Chromium, its preload script in a world of its own. Electron itself could not be had: what stands for it is in
 * support/electron/.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ExampleServer, openExampleServer } from '../../../examples/server/server.ts';
import { type Application, type Installed, install } from './support/electron/running.ts';

let world: ExampleServer;
let installed: Installed;
beforeAll(async () => {
  world = await openExampleServer({ accessTokenSeconds: 300 });
  installed = await install(world);
});
afterAll(async () => {
  await installed?.[Symbol.asyncDispose]();
  await world?.close();
});

const ada = 'Signed in as ada.';
const says = (one: Application, text: string, window = 0) => expect.poll(() => one.status(window)).toBe(text);

async function signedIn(user: string): Promise<Application> {
  const one = await installed.start(user);
  await says(one, 'Signed out.');
  await one.click('#sign-in');
  await says(one, ada);
  return one;
}

test('the build says nothing: preload script and page get what is for them', () => {
  expect(installed.said).toBe('');
});

test('a login in one window signs in both, across an expiry, with one refresh; a sign-out signs out both', async () => {
  const one = await signedIn('both');
  expect(await one.windows()).toBe(2);
  await says(one, ada, 1);

  await world.server.endAccessTokens();
  const before = world.server.counters.refreshes;
  const page = `Promise.all(Array.from({ length: 5 }, () => document.querySelector('#call').click()))`;
  await Promise.all([one.evaluate(page, 0), one.evaluate(page, 1)]);
  await expect.poll(() => world.server.counters.refreshes).toBe(before + 1);
  await Promise.all([says(one, ada), says(one, ada, 1)]);

  // Nothing that has crossed is a token that the server knows.
  const crossed = [...(await one.crossed(0)), ...(await one.crossed(1))].join('\n');
  const candidates = new Set(crossed.match(/[\w-]{43}/g));
  for (const candidate of candidates) expect((await world.server.introspect(candidate)).active).toBe(false);
  expect(crossed).toContain('ada');

  await one.click('#sign-out', 1);
  await Promise.all([says(one, 'Signed out.'), says(one, 'Signed out.', 1)]);
  // Windows receive the sign-out at once, while the request that revokes the tokens is on its way.
  await expect.poll(() => world.server.requests.revocation).toBeGreaterThan(0);
  expect(world.server.counters.reuses).toBe(0);
  expect(one.errors).toBe('');
});

test('two running copies share the session, and what they know of it', async () => {
  const first = await signedIn('copies');
  const second = await installed.start('copies');
  await says(second, ada);

  await world.server.endAccessTokens();
  const before = world.server.counters.refreshes;
  await Promise.all([first.click('#call'), second.click('#call'), first.click('#call', 1)]);
  await expect.poll(() => world.server.counters.refreshes).toBe(before + 1);
  await Promise.all([says(first, ada), says(second, ada)]);
  await first.click('#sign-out');
  await says(second, 'Signed out.');
  await second.click('#sign-in', 1);
  await Promise.all([says(second, ada), says(second, ada, 1), says(first, ada), says(first, ada, 1)]);
  expect(world.server.counters).toMatchObject({ refreshes: before + 1, reuses: 0 });
});

test('quitting in the middle of a refresh loses nothing', async () => {
  const one = await signedIn('quits');
  await world.server.endAccessTokens();
  const before = world.server.counters.refreshes;
  const { promise: until, resolve: answer } = Promise.withResolvers<void>();
  const sent = world.server.hiccup({ hold: 'after', until });
  await one.click('#call');
  await sent; // the server has rotated, and its answer is on its way
  one.quit();
  // Its windows are gone, and it waits.
  await expect.poll(() => one.isEnding()).toBe(true);
  answer();
  expect(await one.exited).toBe(0);

  const again = await installed.start('quits');
  await says(again, ada);
  expect(world.server.counters).toMatchObject({ refreshes: before + 1, reuses: 0 });
});

test('the last window that is closed quits the application', async () => {
  const one = await installed.start('closes');
  await says(one, 'Signed out.');
  await one.close(1);
  await says(one, 'Signed out.');
  await one.close().catch(() => undefined); // it may be gone before it has an answer
  expect(await one.exited).toBe(0);
});

test('a login whose tab was closed is started again', async () => {
  const nobody = await installed.start('again', { ELECTRON_NO_BROWSER: '1' });
  await says(nobody, 'Signed out.');
  await nobody.click('#sign-in');
  await nobody.click('#sign-in', 1);
  await says(nobody, 'Another login was started, or the application is closing.');
  nobody.quit(); // the one that still waits does not keep it
  expect(await nobody.exited).toBe(0);
});

test('a page shows this application and nothing else, and reaches the API through the main process alone', async () => {
  const one = await signedIn('walls');
  const page = (code: string) => one.evaluate(code);
  await page(`void window.open(${JSON.stringify(world.api)})`);
  await expect.poll(() => one.judged()).toEqual(['window: deny']);
  await page(`void (location.href = ${JSON.stringify(world.api)})`);
  await expect.poll(() => one.judged()).toEqual(['window: deny', 'page: prevented']);
  expect(await page('document.title')).toBe('tokenkeep in Electron');
  expect(await page(`fetch(${JSON.stringify(world.api)}).catch((error) => error.name)`)).toBe('TypeError');
  for (const path of ['preload.cjs', 'main.mjs', '..%2fmain.mjs', '%2e%2e/main.mjs', '']) {
    const load = `new Promise((resolve) => {
      const script = document.createElement('script');
      script.onload = () => resolve('loaded');
      script.onerror = () => resolve('refused');
      script.src = '/${path}';
      document.head.append(script);
    })`;
    expect([path, await page(load)]).toEqual([path, 'refused']);
  }
  // Globals of the preload script are not the page's.
  const names = ['require', 'process', 'module', 'ipcRenderer', 'hear', 'sendToMainProcess'];
  expect(await page(`${JSON.stringify(names)}.filter((name) => name in window)`)).toEqual([]);
  expect(await page('Object.keys(tokenkeep).sort()')).toEqual(['call', 'listen']);
  const elsewhere = { type: 'fetch', id: '1', url: world.server.issuer, method: 'GET', headers: [] };
  const asked = `tokenkeep.call(${JSON.stringify({ ...elsewhere, redirect: 'follow' })})`;
  expect(await page(asked)).toMatchObject({ error: { code: 'REFUSED' } });
  expect(await page(`tokenkeep.call({ type: 'getAccessToken', id: '1' })`)).toMatchObject({
    error: { code: 'REFUSED' },
  });
  // The file on the disk is encrypted.
  const file = readFileSync(join(installed.folder, 'walls', 'tokenkeep', 'tokens'), 'latin1');
  expect(file).not.toMatch(/refresh_?token/i);
});
