/**
 * `npm run docs`: the documentation site, into .build/docs. With `--serve` it is also served and opened in the browser; a number
 * after that is the port.
 */
import type { AddressInfo } from 'node:net';
import { openSystemBrowser } from '../../src/login/system-browser.ts';
import { buildSite } from './build.ts';
import { serveSite } from './serve.ts';

const folder = '.build/docs';
const started = performance.now();
const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
const { pages, exports } = await buildSite(
  folder,
  GITHUB_REPOSITORY === undefined ? undefined : `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`,
);
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${folder}: ${pages.length} pages and ${exports.length} exports in ${seconds} s`);

const at = process.argv.indexOf('--serve');
if (at !== -1) {
  const server = await serveSite(folder, Number(process.argv[at + 1] ?? 4300));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  console.log(`${url} (Ctrl+C ends it)`);
  if (process.stdout.isTTY) await openSystemBrowser(url);
}
