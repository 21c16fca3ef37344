/** The tasks of a single-page app of the guides, with any framework. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, preview } from 'vite';
import { expect, vi } from 'vitest';
import { type ExampleServer, openExampleServer } from '../../../../examples/server/server.ts';
import type { DrivenBrowser, Engine } from '../../../browser/support/browsers.ts';
import { requireBuild } from '../../../support/package/built.ts';
import { Guest, noting } from './guest.ts';

/** A server of its own, to which the pages that are built from now on talk. */
export async function openServer(): Promise<ExampleServer> {
  requireBuild();
  const opened = await openExampleServer({ accessTokenSeconds: 300 });
  process.env['VITE_ISSUER'] = opened.server.issuer;
  process.env['VITE_API'] = opened.api;
  return opened;
}

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** A guide as it goes into production: built by Vite, served as files. */
export async function openBuilt(root: string): Promise<Site> {
  const outDir = mkdtempSync(join(tmpdir(), 'tokenkeep-guide-'));
  const options = { root, logLevel: 'warn', build: { outDir, emptyOutDir: true } } as const;
  // The runner's own NODE_ENV would have React built in for developers.
  vi.stubEnv('NODE_ENV', 'production');
  await build({ ...options, plugins: [noting] });
  vi.unstubAllEnvs();
  const server = await preview({ ...options, preview: { port: 0, host: 'localhost' } });
  return {
    url: server.resolvedUrls?.local[0] ?? '',
    async close() {
      await server.close();
      rmSync(outDir, { recursive: true });
    },
  };
}

/** The text of a page after a response of the API to an access token: to any, or to this one. */
export const orders = (generation: number | string = '\\d+') =>
  new RegExp(`Hello ada, said the API to access token (${generation})\\.`);

/** Two tabs: a login, calls, an expiry for both at once, a reload, a sign-out. Then nothing is left behind. */
export async function useInTwoTabs(
  browser: DrivenBrowser,
  { url }: Site,
  { server }: ExampleServer,
): Promise<void> {
  const before = { ...server.counters };
  const [here, there] = [await Guest.open(browser, url), await Guest.open(browser, url)];
  for (const tab of [here, there]) await tab.sees('You are signed out.');

  await here.press('Sign in');
  for (const tab of [here, there]) await tab.sees('You are signed in.');
  expect(await here.tab.evaluate('location.href')).toBe(url);
  await here.press('Call the API');
  await here.sees(orders());
  const first = Number(orders().exec(await here.text())?.[1]);
  await there.press('Call the API');
  await there.sees(orders(first));

  await server.endAccessTokens();
  await Promise.all([here, there].map((tab) => tab.press('Call the API')));
  for (const tab of [here, there]) await tab.sees(orders(first + 1));
  await here.tab.goto(url);
  await here.sees('You are signed in.');
  await here.press('Call the API');
  await here.sees(orders(first + 1));
  expect(await here.violations()).toEqual([]);

  await there.press('Sign out everywhere');
  for (const tab of [here, there]) await tab.sees('You are signed out.');
  await expect.poll(() => server.counters.revocations - before.revocations).toBe(1);
  expect(server.counters.logins - before.logins).toBe(1);
  expect(server.counters.refreshes - before.refreshes).toBe(1);
  expect(server.counters.reuses).toBe(0);
  expect(server.pendingHiccups).toEqual([]);
  expect(await here.locks()).toEqual([]);
  for (const tab of [here, there]) {
    expect(await tab.complaints()).toBe('');
    await tab.tab.close();
  }
}

/** Checks that the page shows a failed login, also in dark mode where the driver can, and removes the response from the URL. */
export async function refuseLogin(browser: DrivenBrowser, { url }: Site, engine: Engine): Promise<void> {
  const answers = {
    '?error=access_denied&state=nobody': /You are signed out\..*belongs to no pending login/s,
    '?error=unauthorized_client&error_description=Call+555': /You are signed out\..*refused the login/s,
  };
  for (const [answer, said] of Object.entries(answers)) {
    const guest = await Guest.open(browser, url + answer);
    await guest.sees(said);
    expect(await guest.tab.evaluate('location.href')).toBe(url);
    expect(await guest.text()).not.toContain('555'); // an attacker may have written it
    if (engine === 'chromium') await guest.tab.prefer?.({ 'prefers-color-scheme': 'dark' });
    expect(await guest.violations()).toEqual([]);
    expect(await guest.complaints()).toBe('');
    await guest.tab.close();
  }
}
