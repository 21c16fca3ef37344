/**
 * `npm run bench`: what tokenkeep costs, as ratios in one run. `npm run bench -- hot storm` runs only those.
 * Fails when something is wrong (a second refresh, a failed call), never because something is slow.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus, loadavg } from 'node:os';
import type { Row } from './row.ts';
import { table } from './table.ts';

const titles = {
  hot: 'A call with a fresh token, stubbed fetch: time and bytes more than the bare stub, minimum of the rounds',
  token: 'getAccessToken() with a fresh token: minimum of the rounds',
  loopback: 'Over loopback to another process, against bare fetch (undisturbed rounds)',
  storm:
    'Parallel 401s, strict server in the process: time against 2 N bare calls and 1 refresh, minimum of the rounds',
  expiry: '200 expiries with 50 calls always in flight',
  memory: '10 000 idle sessions',
  fleet:
    'Processes that share sessions, strict server over loopback: time against one bare token request, medians',
  tabs: 'Tabs of Chromium that share a session: the same',
  bundle: 'import { TokenManager } with everything it pulls in, minified and gzipped',
};
type Name = keyof typeof titles;

const asked = process.argv.slice(2);
const names = (Object.keys(titles) as Name[]).filter((name) => asked.length === 0 || asked.includes(name));
const unknown = asked.filter((name) => !Object.hasOwn(titles, name));
if (unknown.length > 0) {
  console.error(`No measurement ${unknown.join(', ')}. There are ${Object.keys(titles).join(', ')}.`);
  process.exit(1);
}

console.log(
  `Node ${process.version}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} at a time, load ${loadavg()[0]?.toFixed(1)}`,
);
for (const name of names) {
  const start = performance.now();
  const rows = await measure(name);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`\n${name}: ${titles[name]} (${seconds} s)\n${rows.length === 0 ? 'failed' : table(rows)}`);
}

/** Each measurement has a process of its own: what one leaves behind is not the next one's burden. */
async function measure(name: Name): Promise<Row[]> {
  const child = fork(new URL('measure.ts', import.meta.url), [name], { execArgv: ['--expose-gc'] });
  let rows: Row[] = [];
  child.on('message', (message) => {
    rows = message as Row[];
  });
  const [code] = await once(child, 'exit');
  if (code !== 0 || rows.length === 0) process.exitCode = 1;
  return code === 0 ? rows : [];
}
