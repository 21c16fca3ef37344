/** The guide examples/bff/ in a real browser: tabs of one user, and pages of others that want something of it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ExampleServer, openExampleServer } from '../../../examples/server/server.ts';
import { type DrivenBrowser, type DrivenTab, openBrowser } from '../../browser/support/browsers.ts';
import { type Backend, startBackend } from './support/bff/backend.ts';

let world: ExampleServer;
let backend: Backend;
let browser: DrivenBrowser;
/** Pages of somebody else. */
let elsewhere: Server;

beforeAll(async () => {
  world = await openExampleServer({ accessTokenSeconds: 300 });
  elsewhere = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>elsewhere</title>');
  }).listen(0, 'localhost');
  [backend, browser] = await Promise.all([
    startBackend(world),
    openBrowser('chromium'),
    once(elsewhere, 'listening'),
  ]);
});
afterAll(async () => {
  await browser?.close();
  elsewhere?.close();
  expect(await backend?.stop()).toBe(0);
  await world?.close();
});

const statusOf = (tab: DrivenTab) =>
  tab.evaluate("document.querySelector('#status')?.textContent ?? ''").catch(() => '');
const says = (tab: DrivenTab, text: string) => expect.poll(() => statusOf(tab)).toBe(text);
const press = (tab: DrivenTab, id: string) => tab.evaluate(`document.querySelector('#${id}').click()`);
const ada = 'Signed in as ada.';

async function openTab(path = '/'): Promise<DrivenTab> {
  const tab = await browser.newTab();
  await tab.goto(backend.origin + path);
  return tab;
}

/** A tab of ada, who may be signed in already. */
async function openAdasTab(): Promise<DrivenTab> {
  const tab = await openTab();
  await expect.poll(() => statusOf(tab)).toMatch(/^Signed/);
  if ((await statusOf(tab)) === ada) return tab;
  await press(tab, 'sign-in');
  await says(tab, ada);
  return tab;
}

/** Whatever script can see that is kept here. */
const kept = `(async () => {
  const databases = {};
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve) => {
      indexedDB.open(name).onsuccess = ({ target }) => resolve(target.result);
    });
    for (const store of database.objectStoreNames) {
      databases[name + ' ' + store] = await new Promise((resolve) => {
        database.transaction(store).objectStore(store).getAll().onsuccess = ({ target }) => resolve(target.result);
      });
    }
    database.close();
  }
  return JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, databases, location.href]);
})()`;

/** The response that the page gets when it asks as its own script does. */
const asked = `(async () => {
  const headers = { 'token-handler-version': '1' };
  const answers = [await fetch('/api/', { headers }), await fetch('/session/refresh', { method: 'POST', headers })];
  const texts = answers.map(async (answer) => [answer.status, [...answer.headers], await answer.text()]);
  return JSON.stringify(await Promise.all(texts));
})()`;

test('login, calls of two tabs across an expiry with one refresh, no token in sight, and a sign-out for all', async () => {
  const one = await openTab('/?order=7');
  await says(one, 'Signed out.');
  const two = await openTab();
  await says(two, 'Signed out.');
  await press(one, 'sign-in');
  await says(one, ada);
  expect(await one.evaluate('location.href')).toBe(`${backend.origin}/?order=7`);
  await press(two, 'call');
  await says(two, ada);

  await world.server.endAccessTokens();
  const before = world.server.counters.refreshes;
  const calls = `Promise.all(Array.from({ length: 5 }, () => fetch('/api/', { headers: { 'token-handler-version': '1' } })))
    .then((answers) => { document.querySelector('#call').click(); return answers.map(({ status }) => status); })`;
  expect((await Promise.all([one.evaluate(calls), two.evaluate(calls)])).flat()).toEqual(Array(10).fill(200));
  await Promise.all([says(one, ada), says(two, ada)]);
  expect(world.server.counters).toMatchObject({ refreshes: before + 1, reuses: 0 });

  const seen = (await Promise.all([one.evaluate(kept), one.evaluate(asked), two.evaluate(kept)])).join('\n');
  expect(seen).toContain('ada');
  expect(seen).not.toContain('session=');
  for (const candidate of new Set(seen.match(/[\w-]{43}/g))) {
    expect((await world.server.introspect(candidate)).active).toBe(false);
  }

  await press(two, 'sign-out');
  await Promise.all([says(one, 'Signed out.'), says(two, 'Signed out.')]);
  await expect.poll(() => world.server.requests.revocation).toBeGreaterThan(0);
  expect(await one.evaluate(asked)).toContain('session_expired');
  await press(one, 'sign-in');
  await says(one, ada);
  expect(world.server.counters.reuses).toBe(0);
  expect(backend.said()).toBe(`Open ${backend.origin}\n`);
});

test('a session that the backend does not know any more has ended in all tabs', async () => {
  const tabs = [await openAdasTab(), await openAdasTab()] as const;
  expect(await backend.stop()).toBe(0); // its storage is its memory
  backend = await startBackend(world, { PORT: String(backend.port) });
  await press(tabs[1], 'call');
  await Promise.all(tabs.map((tab) => says(tab, 'Signed out.')));
});

test.each(['localhost', '127.0.0.1'])(
  'a page of %s, whose requests bring the cookie if it is of this site, moves nothing',
  async (host) => {
    const own = await openAdasTab();
    const { port } = elsewhere.address() as AddressInfo;
    const tab = await browser.newTab();
    if (host === 'localhost') await tab.goto(`http://localhost:${port}/`);
    else await tab.goto(`${world.api}`); // a page of another site
    const to = JSON.stringify(`${backend.origin}/session/logout`);
    const send = (init: string) =>
      tab.evaluate(`fetch(${to}, ${init}).then(({ status, type }) => status + type, ({ name }) => name)`);
    expect(await send(`{ method: 'POST', credentials: 'include' }`)).toBe('TypeError');
    const header = `headers: { 'token-handler-version': '1' }`;
    expect(await send(`{ method: 'POST', credentials: 'include', ${header} }`)).toBe('TypeError');
    expect(await send(`{ method: 'POST', credentials: 'include', mode: 'no-cors' }`)).toBe('0opaque');
    const read = `fetch(${JSON.stringify(`${backend.origin}/api/`)}, { credentials: 'include', ${header} })`;
    expect(await tab.evaluate(`${read}.catch(({ name }) => name)`)).toBe('TypeError');
    await tab.evaluate(`(() => {
      const form = document.createElement('form');
      Object.assign(form, { method: 'post', action: ${to} });
      document.documentElement.append(form);
      form.submit();
    })()`);
    await expect
      .poll(() => tab.evaluate('document.body?.textContent ?? ""').catch(() => ''))
      .toContain('unauthorized_request');
    await press(own, 'call');
    await says(own, ada);
    expect(await own.evaluate(asked)).toContain('ada');
  },
);
