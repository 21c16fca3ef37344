/** `examples/spa-vanilla/`, built and used. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExampleServer } from '../../../examples/server/server.ts';
import { type DrivenBrowser, type Engine, openBrowser } from '../../browser/support/browsers.ts';
import { openBuilt, openServer, refuseLogin, type Site, useInTwoTabs } from './support/single-page-app.ts';

let opened: ExampleServer;
let site: Site;

beforeAll(async () => {
  opened = await openServer();
  site = await openBuilt('examples/spa-vanilla');
});
afterAll(async () => {
  await site?.close();
  await opened?.close();
});

describe.each<Engine>(['chromium', 'firefox'])('%s', (engine) => {
  let browser: DrivenBrowser;
  beforeAll(async () => {
    browser = await openBrowser(engine);
  });
  afterAll(() => browser?.close());

  test('two tabs: a login, one refresh for both, sign-out everywhere', async () => {
    await useInTwoTabs(browser, site, opened);
  });

  test('a login that came to nothing is said', async () => {
    await refuseLogin(browser, site, engine);
    expect(opened.server.errors).toEqual([]);
  });
});
