/** The page, bundled when the backend starts. In production your build does that. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const build = await rolldown({
  input: join(import.meta.dirname, 'page.ts'),
  platform: 'browser',
  tsconfig: false, // `tokenkeep` is what its exports map says
});
const { output } = await build.generate({ format: 'esm', codeSplitting: false });
const page = await readFile(join(import.meta.dirname, 'index.html'), 'utf8');

const html = { type: 'text/html; charset=utf-8', body: page };
/** By path. The callback is the page as well: it hands its URL to the backend. */
export const assets = new Map([
  ['/', html],
  ['/callback', html],
  ['/page.js', { type: 'text/javascript; charset=utf-8', body: output[0].code }],
]);
