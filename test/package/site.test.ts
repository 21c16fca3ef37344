/** The documentation site: built once, crawled, searched, and checked for everyone who reads it. */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dirname, normalize } from 'node:path/posix';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { errorPages } from '../../src/core/error-pages.ts';
import { buildSite, type Site } from '../docs/build.ts';
import { textOf } from '../docs/html/escape.ts';
import { errorCodes, reasons } from '../docs/pages/errors.ts';
import { splitSections } from '../docs/pages/page.ts';
import { providerNames } from '../docs/pages/providers.ts';
import { serveSite } from '../docs/serve.ts';
import { doors } from '../support/package/manifest.ts';

let folder: string;
let site: Site;
let server: Server;
let browser: Browser;
let base: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tokenkeep-site-'));
  site = await buildSite(folder);
  server = await serveSite(folder, 0);
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
});
afterAll(async () => {
  await browser?.close();
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const read = (url: string) => readFileSync(join(folder, url), 'utf8');
const files = () => globSync('**/*.html', { cwd: folder }).map((file) => file.replaceAll('\\', '/'));

describe('the site', () => {
  test('has every entry point in its navigation, under the name that it is imported with, and each once', () => {
    const navigation = /<nav id="navigation".*?<\/nav>/s.exec(read('changelog.html'))?.[0] ?? '';
    const names = [...navigation.matchAll(/<code>(tokenkeep[^<]*)<\/code>/g)].map(([, name]) => name);
    expect(names).toEqual([...doors.keys()].sort());
  });

  test('has no link that leads nowhere, also within a page', () => {
    const anchors = new Map(files().map((file) => [file, idsOf(read(file))]));
    const dead = [...anchors.keys()].flatMap((file) =>
      linksOf(read(file)).flatMap((href) => {
        const [path = '', anchor = ''] = href.split('#');
        const target =
          path === '' ? file : normalize(join(dirname(file), path)).replace(/\/$/, '/index.html');
        const ids = anchors.get(target);
        if (ids === undefined) return [`${file}: ${href}`];
        return anchor === '' || ids.has(decodeURIComponent(anchor)) ? [] : [`${file}: ${href}`];
      }),
    );
    expect(dead).toEqual([]);
  });

  test('names no id twice on a page', () => {
    const twice = files().flatMap((file) => {
      const ids = [...read(file).matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
      return ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `${file}: ${id}`);
    });
    expect(twice).toEqual([]);
  });

  test('groups every export of the package by a task', () => {
    const loose = [...doors.keys()].filter((door) => read(doorUrl(door)).includes('>Other exports</h2>'));
    expect(loose, 'name the task in test/docs/reference/groups.ts').toEqual([]);
  });
});

describe('nothing is missing, and nothing is stale:', () => {
  const pagesUnder = (parent: string) => site.pages.filter((page) => page.parent === parent);
  const titles = (parent: string) => pagesUnder(parent).map(({ title }) => title.replaceAll('`', ''));

  test('every error code has its page, where production messages link to', () => {
    const codes = site.pages.filter(
      ({ section, title }) => section === 'Errors' && title.startsWith('`ERR_'),
    );
    expect(codes.map(({ title }) => title.replaceAll('`', '')).sort()).toEqual([...errorCodes].sort());
    for (const code of Object.keys(errorPages)) expect(read(`errors/${code}.html`)).toContain('<h1>');
  });

  test.each([...reasons])('every reason of %s has its page', (code, known) => {
    expect(known.size).toBeGreaterThan(1);
    const mistakes = Object.values(errorPages).map(({ title }) => title);
    const found = titles(`errors/${code}.html`).filter((title) => !mistakes.includes(title));
    expect(found.sort()).toEqual([...known.keys()].sort());
  });

  test('each page of an error says what it means, its cause, what to do, and shows an example', () => {
    const parents = new Set(site.pages.map(({ parent }) => parent));
    const leaves = site.pages.filter(
      ({ url, section }) => section === 'Errors' && /ERR_/.test(url) && !parents.has(url),
    );
    expect(leaves.length).toBeGreaterThan(15);
    for (const { url, markdown } of leaves) {
      const headings = [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading);
      expect([url, headings]).toEqual([url, ['Cause', 'What to do', 'Example']]);
      expect(read(url)).toContain('<blockquote>');
    }
  });

  test('every provider has its page, with its endpoints and its profile', () => {
    expect(
      titles('providers.html')
        .map((title) => title.toLowerCase())
        .sort(),
    ).toEqual(providerNames);
    for (const { url, markdown } of pagesUnder('providers.html')) {
      const headings = splitSections(markdown).sections.map(({ heading }) => heading);
      expect([url, headings]).toEqual([url, ['What to switch on', 'What to expect', 'Endpoints', 'Profile']]);
    }
  });

  test('every guide and every example is a page', () => {
    const sources = new Set(site.pages.map(({ source }) => source));
    const written = globSync('examples/**/*.md').map((file) => file.replaceAll('\\', '/'));
    expect(written.filter((file) => !sources.has(file) && file !== 'examples/guides/README.md')).toEqual([]);
  });

  test('every option, event and law has its line', () => {
    const text =
      read('reference/tokenkeep/TokenManagerOptions.html') + read('reference/tokenkeep/TokenEvents.html');
    for (const name of ['clientId', 'protectedResources', 'refreshBefore', 'sessionEnded', 'storeFailed'])
      expect(text).toMatch(new RegExp(`id="${name}"`, 'i'));
    const laws = splitSections(readFileSync('CONTRIBUTING.md', 'utf8')).sections.find(
      ({ heading }) => heading === 'The laws',
    );
    const names = [...(laws?.body ?? '').matchAll(/^\| `([a-z]+(?:-[a-z]+)+)` \|/gm)].map(([, name]) => name);
    expect(names).toHaveLength(14);
    const proofs = read('the-laws.html').split('id="tests-of-each-law"')[1] ?? '';
    for (const name of names) expect(proofs).toMatch(new RegExp(`<code>${name}</code></td>\\s*<td><code>`));
  });

  test('variants are shown as differences from the code before them', () => {
    const html = read('guides/signing-in.html');
    const differences = html.match(/<code class="diff">.*?<\/code>/gs) ?? [];
    expect(differences.length).toBeGreaterThanOrEqual(5);
    for (const one of differences) expect(textOf(one)).toMatch(/ \+/);
    expect(textOf(differences[0] ?? '')).toContain('+ dpop: dpop({ keys: indexedDbKeys() }),');
  });

  test('tools get an index, and everything in one file', () => {
    const index = read('llms.txt');
    for (const { url } of site.pages) expect(index).toContain(`](${url})`);
    const all = read('llms-full.txt');
    for (const { title } of site.pages) expect(all).toContain(title);
    for (const name of ['TokenManager', 'indexedDbStorage', 'authorizedKy'])
      expect(all).toContain(`- \`${name}\`: `);
  });
});

describe('a reader', () => {
  test.each([
    ['redis', 'guides/storages.html#redis'],
    ['ERR_REFRESH_FAILED', 'errors/ERR_REFRESH_FAILED.html'],
    ['keycloak-js', 'examples/from-keycloak-js.html'],
    ['response_lost', 'errors/ERR_LOGIN_REQUIRED-response_lost.html'],
    ['indexedDbStorage', 'reference/browser/indexedDbStorage.html'],
    ['sign out', 'guides/sign-out.html'],
    ['auth0', 'providers/auth0.html'],
    ['refreshBefore', 'reference/tokenkeep/TokenManagerOptions.html#refreshbefore'],
  ])('a search for %s finds %s, by keyboard alone', async (words, url) => {
    const page = await open('index.html');
    await page.keyboard.press('/');
    await page.keyboard.type(words);
    await page.locator('.found [role=option] a').first().waitFor();
    const found = await page
      .locator('.found a')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    expect(found.slice(0, 4)).toContain(url);
    for (let steps = found.indexOf(url); steps > 0; steps -= 1) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(base + url);
  });

  test('a search without results says so', async () => {
    const page = await open('index.html');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.keyboard.type('xyzzy');
    await page.getByText('Nothing found for').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.locator('dialog[open]').count()).toBe(0);
  });

  test('chooses a platform once: all pages show it, also after a reload', async () => {
    const page = await open('start.html');
    const shown = () =>
      page
        .locator('.variants[data-kind=platform] > .variant:visible')
        .evaluateAll((all) => all.map((one) => one.dataset['variant']));
    expect(new Set(await shown())).toEqual(new Set(['Page']));
    await page.getByRole('tab', { name: 'Node' }).first().click();
    expect(new Set(await shown())).toEqual(new Set(['Node']));
    await page.reload();
    expect(new Set(await shown())).toEqual(new Set(['Node']));
    expect(await page.locator('.platform select').inputValue()).toBe('Node');
  });

  test('chooses dark or light once', async () => {
    const page = await open('start.html');
    const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    const light = await ground();
    await page.getByLabel('Colours').selectOption('Dark');
    await page.goto(`${base}changelog.html`);
    expect(await ground()).not.toBe(light);
  });

  test('without script sees the navigation and every variant', async () => {
    const page = await open('start.html', { javaScriptEnabled: false });
    const variants = page.locator('.variants').nth(1).locator('.variant:visible');
    expect(await variants.count()).toBe(5);
    expect(await page.locator('.pages a:visible').count()).toBeGreaterThan(3);
  });

  test('opens a file of an example by its link', async () => {
    const page = await open('examples/spa-vanilla.html');
    await page.locator('main a[href="#file-main-ts"]').first().click();
    await page.locator('#file-main-ts:visible').waitFor();
  });
});

/** Questions of readers, and the pages that answer them. */
const questions: readonly [question: string, answer: string][] = [
  ['How do I keep a session in Redis?', 'guides/storages.html'],
  ['What do I do with ERR_REFRESH_FAILED?', 'errors/ERR_REFRESH_FAILED.html'],
  ['What does response_lost mean?', 'errors/ERR_LOGIN_REQUIRED-response_lost.html'],
  ['How do I migrate from keycloak-js?', 'examples/from-keycloak-js.html'],
  ['How does a command line sign in?', 'examples/cli.html'],
  ['What do I switch on at Auth0?', 'providers/auth0.html'],
  ['How do I sign out everywhere?', 'guides/sign-out.html'],
  ['How does a backend serve many users?', 'guides/many-users.html'],
  ['How do I use DPoP?', 'guides/dpop.html'],
  ['How do I test my application?', 'examples/testing-your-app.html'],
  ['What if a response is lost?', 'concepts/lost-responses.html'],
  ['How does it work with React?', 'examples/spa-react.html'],
];

describe('from the README, three clicks lead to the answer:', () => {
  test.each(questions)('%s', (_, answer) => {
    let reached = new Set(['overview.html']);
    for (let clicks = 0; clicks < 3; clicks += 1) reached = new Set([...reached].flatMap(contentLinksOf));
    expect(reached).toContain(answer);
  });

  /** The page itself, and the pages that its content links to. The navigation, which has everything, does not count. */
  function contentLinksOf(file: string): string[] {
    const [, main = ''] = /<h1\b(.*?)<nav class="neighbours"/s.exec(read(file)) ?? [];
    const targets = linksOf(main).map((href) => normalize(join(dirname(file), href.replace(/#.*/, ''))));
    return [file, ...targets.filter((target) => /\.html$/.test(target))];
  }
});

describe('everyone can read it', () => {
  const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
  const pages = [
    'index.html',
    'changelog.html',
    'reference/tokenkeep.html',
    'reference/tokenkeep/TokenManager.html',
  ];

  test.each(['light', 'dark'] as const)('by rules, in %s (axe)', async (colorScheme) => {
    for (const url of pages) {
      const page = await open(url, { colorScheme });
      await page.evaluate(axe);
      const found = await page.evaluate(`axe.run().then(({ violations }) =>
        violations.map(({ id, nodes }) => [id, ...nodes.slice(0, 5).map(({ html, failureSummary }) => html.slice(0, 200) + failureSummary)]))`);
      expect([url, found]).toEqual([url, []]);
    }
  });

  test('on a phone of 360 px: no page is wider than the screen', async () => {
    const page = await open('start.html', { viewport: { width: 360, height: 740 } });
    // The header and the navigation are those of every page, so only the content changes.
    const wide = await page.evaluate(async (urls) => {
      const found: string[] = [];
      for (const url of urls) {
        const html = await (await fetch(url)).text();
        const main = new DOMParser().parseFromString(html, 'text/html').querySelector('main');
        if (main) document.querySelector('main')?.replaceWith(main);
        const sideways = document.documentElement.scrollWidth - innerWidth;
        if (!main || sideways > 0) found.push(`${url}: ${sideways}`);
      }
      return found;
    }, files());
    expect(wide).toEqual([]);
  });
});

async function open(url: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  onTestFinished(() => expect(errors).toEqual([]));
  await page.goto(base + url);
  return page;
}

function doorUrl(door: string): string {
  return `reference/${door.replace(/^tokenkeep\//, '')}.html`;
}

function idsOf(html: string): Set<string> {
  return new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id = '']) => id));
}

function linksOf(html: string): string[] {
  return [...html.matchAll(/\s(?:href|src)="([^"]*)"/g)]
    .map(([, href = '']) => href.replaceAll('&amp;', '&'))
    .filter((href) => href !== '' && !/^(?:https?:|mailto:|data:)|\/?assets\/|\.txt$/.test(href));
}
