/** The scripts of pages in the README and in the guides, built by Vite and run in Chromium against a real server. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExampleServer } from '../../../examples/server/server.ts';
import { type DrivenBrowser, openBrowser } from '../../browser/support/browsers.ts';
import { type Example, isForBrowsers, pageExamples } from '../support/examples.ts';
import { Guest } from './support/guest.ts';
import { openBuilt, openServer, type Site } from './support/single-page-app.ts';

const scripts = pageExamples().filter(isForBrowsers);
let opened: ExampleServer;
let browser: DrivenBrowser;
beforeAll(async () => {
  opened = await openServer();
  browser = await openBrowser('chromium');
});
afterAll(async () => {
  await browser?.close();
  await opened?.close();
});

/** Puts the addresses of the test, its client and its scope into an example, as its reader does with their own. */
function adapted({ code }: Example): string {
  return code
    .replaceAll('https://auth.example.com', opened.server.issuer)
    .replaceAll('https://api.example.com/', opened.api)
    .replaceAll("'my-app'", "'spa'")
    .replaceAll("'offline_access'", "'offline_access', 'read'"); // the API asks for it
}

async function built(example: Example): Promise<Site & { remove(): void }> {
  mkdirSync('.build', { recursive: true });
  const root = mkdtempSync('.build/readme-page-'); // inside the package, so that its own name resolves
  writeFileSync(join(root, 'main.ts'), adapted(example));
  writeFileSync(
    join(root, 'index.html'),
    '<!doctype html><title>x</title><h1>x</h1><script type="module" src="./main.ts"></script>',
  );
  const site = await openBuilt(root);
  return { ...site, remove: () => rmSync(root, { recursive: true }) };
}

describe('a script of a page', () => {
  test.each(scripts)('$where starts without a complaint', async (example) => {
    const site = await built(example);
    const guest = await Guest.open(browser, site.url);
    await expect.poll(() => guest.tab.evaluate('document.readyState').catch(() => '')).toBe('complete');
    expect(await guest.complaints()).toBe('');
    await guest.tab.close();
    await site.close();
    site.remove();
  });
});

test('the first code of the README signs in, calls the API, and stays signed in over a reload', async () => {
  const [first] = scripts;
  expect(first?.where).toMatch(/^README\.md:/);
  const site = await built(first as Example);
  const before = opened.server.counters.logins;
  const guest = await Guest.open(browser, site.url);
  await guest.sees(/"user":"ada"/);
  expect(await guest.tab.evaluate('location.href')).toBe(site.url);
  await guest.tab.goto(site.url);
  await guest.sees(/"user":"ada"/);
  expect(await guest.complaints()).toBe('');
  expect(opened.server.counters.logins - before).toBe(1);
  expect(opened.server.counters.refreshes).toBe(0);
  await guest.tab.close();
  await site.close();
  site.remove();
});
