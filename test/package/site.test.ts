/** The documentation site: built once, crawled, searched, and checked for everyone who reads it. */
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dirname, normalize } from 'node:path/posix';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { buildSite, type Site } from '../docs/build.ts';
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
    const page = await open('index.html', { viewport: { width: 360, height: 740 } });
    for (const url of [...site.pages.map((one) => one.url), ...pages]) {
      await page.goto(base + url);
      const sideways = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect([url, sideways]).toEqual([url, 0]);
    }
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
