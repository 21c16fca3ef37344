/** The guide `examples/worker-isolation/`: the session is in the worker, and the page works anyway. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ExampleServer, openExampleServer } from '../../../examples/server/server.ts';
import { type DrivenBrowser, type DrivenTab, openBrowser } from '../../browser/support/browsers.ts';
import { requireBuild } from '../../support/package/built.ts';
import { type IsolatedSite, openIsolatedSite } from './support/isolated-site.ts';

let stage: ExampleServer;
let browser: DrivenBrowser;
beforeAll(async () => {
  requireBuild();
  [stage, browser] = await Promise.all([
    openExampleServer({ accessTokenSeconds: 600 }),
    openBrowser('chromium'),
  ]);
});
afterAll(async () => {
  await browser?.close();
  await stage?.close();
});

const text = (selector: string) => `document.querySelector('${selector}').textContent`;
const shows = (tab: DrivenTab, what: RegExp) =>
  vi.waitFor(async () => expect(await tab.evaluate(text('output'))).toMatch(what), {
    timeout: 20_000,
    interval: 20,
  });
/** Only text that it shows from now on counts. */
const wipe = (tab: DrivenTab) =>
  tab.evaluate(`for (const one of document.querySelectorAll('output, img, video')) {
    one.replaceChildren();
    one.removeAttribute('src');
  }`);
/** The picture and the sound have arrived. */
const plays = (tab: DrivenTab) =>
  vi.waitFor(
    async () => {
      const state = `[document.querySelector('img').naturalWidth, Math.round(document.querySelector('video').duration)]`;
      expect(await tab.evaluate(state)).toEqual([3, 2_000]);
    },
    { timeout: 20_000, interval: 20 },
  );
async function signIn(site: IsolatedSite): Promise<DrivenTab> {
  const tab = await browser.newTab();
  await tab.goto(site.url);
  await tab.click('#sign-in');
  await shows(tab, /^Hello ada\.$/);
  return tab;
}

describe('with a service worker', () => {
  let site: IsolatedSite;
  let tab: DrivenTab;
  beforeAll(async () => {
    site = await openIsolatedSite('service', stage);
    tab = await signIn(site);
  });
  afterAll(() => site?.close());

  test('one refresh for fetch, plain fetch, a picture and a sound after an expiry', async () => {
    await stage.server.endAccessTokens();
    const plain = `Promise.all(Array.from({ length: 5 }, async () => (await fetch('${stage.api}orders')).status))`;
    const [statuses] = await Promise.all([tab.evaluate(plain), tab.click('#load')]);
    await shows(tab, /^200 .*"user":"ada"/);
    await plays(tab);
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    expect(stage.server.counters).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('a worker that is killed in the middle of a refresh loses nothing', async () => {
    const { refreshes } = stage.server.counters;
    await stage.server.endAccessTokens();
    const sent = stage.server.hiccup({ hold: 'before', until: new Promise(() => undefined) });
    await wipe(tab);
    await tab.click('#load');
    await sent;
    await tab.stopServiceWorkers?.();
    await shows(tab, /^200 .*"user":"ada"/);
    await plays(tab);
    expect(stage.server.counters).toMatchObject({ refreshes: refreshes + 1, reuses: 0 });
  });

  test('a reload continues with the session; a sign-out ends it for everything', async () => {
    await tab.goto(site.url);
    await tab.click('#load');
    await plays(tab);
    await tab.click('#sign-out');
    await shows(tab, /^Signed out\.$/);
    const plain = `fetch('${stage.api}orders').then(({ status }) => status, ({ name }) => name)`;
    expect(await tab.evaluate(plain)).toBe('TypeError');
    await wipe(tab);
    await tab.click('#load');
    await shows(tab, /^The user has signed out\./);
    const { issuedTokens, introspect } = stage.server;
    for (const token of issuedTokens) expect(await introspect(token)).toEqual({ active: false });
  });
});

describe('with a shared worker', () => {
  let site: IsolatedSite;
  beforeAll(async () => {
    site = await openIsolatedSite('shared', stage);
  });
  afterAll(() => site?.close());

  test('script in the page finds no token: not on its way, not in messages, nowhere that is stored', async () => {
    const tab = await signIn(site);
    await stage.server.endAccessTokens();
    await tab.click('#load');
    await shows(tab, /^200 .*"user":"ada"/);
    const tokens = JSON.stringify(stage.server.issuedTokens);
    expect(stage.server.issuedTokens.length).toBeGreaterThan(3);
    const find = async () =>
      (await tab.evaluate(`attacker.search(${tokens})`)) as { places: string[]; overheard: number };
    const found = await find();
    expect(found.places).toEqual([]);
    expect(found.overheard).toBeGreaterThan(2);
    await tab.evaluate(`localStorage.setItem('planted', ${JSON.stringify(stage.server.issuedTokens[0])})`);
    expect((await find()).places).toContain('localStorage');
    await tab.evaluate('localStorage.clear()');
  });

  test('messages of its own get what the page gets: no token, no other address, no other origin', async () => {
    const tab = await signIn(site);
    const ask = async (message: object, to?: string) =>
      JSON.parse(
        (await tab.evaluate(
          `attacker.ask({ url: '/worker.js', to: ${JSON.stringify(to)} }, ${JSON.stringify(message)})`,
        )) as string,
      );
    const { value: name } = await ask({ type: 'hello' });
    const get = (url: string) =>
      ask({ type: 'fetch', id: url, url, method: 'GET', headers: [], redirect: 'follow' }, name);
    const refused = { error: { code: 'REFUSED' } };
    expect(await ask({ type: 'accessToken', request: {} }, name)).toMatchObject(refused);
    expect(await ask({ type: 'getTokens' }, name)).toMatchObject(refused);
    for (const url of ['https://attacker.test/', stage.server.tokenEndpoint, `${site.url}attacker.js`]) {
      expect(await get(url), url).toMatchObject(refused);
    }
    expect(await get(`${stage.api}orders`)).toMatchObject({ value: { status: 200 } });
    const elsewhere = await browser.newTab();
    await elsewhere.goto(site.url.replace('127.0.0.1', 'localhost'));
    const connect = `(() => { try { new SharedWorker('${site.url}worker.js'); } catch ({ name }) { return name; } })()`;
    expect(await elsewhere.evaluate(connect)).toBe('SecurityError');
    await tab.show();
    await tab.click('#sign-out');
    await shows(tab, /^Signed out\.$/);
    expect(await get(`${stage.api}orders`)).toMatchObject({ error: { code: 'ERR_LOGIN_REQUIRED' } });
  });
});
