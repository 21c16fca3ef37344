/**
 * Runs public test suites of `fetch` with `manager.fetch` in its place, in three states of a manager, and
 * compares the results with those of the suite's own `fetch`. None of the suites' code is in this repository, and `npm test` does not run this.
 *
 * Get undici with what it vendors: its own tests of fetch, those of node-fetch, and web-platform-tests.
 *
 *     git clone --depth 1 --branch v6.21.0 https://github.com/nodejs/undici.git /tmp/undici
 *     cd /tmp/undici && npm install --ignore-scripts
 *
 * Then, in this repository after `npm run build`, all suites or the ones named (`undici`, `node-fetch`, `wpt`):
 *
 *     node .ci/with-node.mjs test/fetch-suites/main.ts /tmp/undici
 *     node .ci/with-node.mjs test/fetch-suites/main.ts /tmp/undici wpt
 *
 * It prints how many tests passed and failed in each state, and every test whose result differs from that with bare `fetch`.
 * `differences.ts` lists the intended differences and their reasons. Any other difference fails the run.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explanationOf } from './differences.ts';
import { portsEach, type State, states } from './states.ts';

const [root = '', ...asked] = process.argv.slice(2);
const checkout = resolve(root);
const preload = fileURLToPath(new URL('preload.ts', import.meta.url));

/** The result of each test by its name, which has the file in front. */
type Results = Map<string, boolean>;

const firstPort = 20_000;
let port = firstPort;

function output(state: State, args: readonly string[], limit: number): Promise<string> {
  port += portsEach;
  const env = {
    ...process.env,
    NODE_OPTIONS: `--import ${preload} --disable-warning=ExperimentalWarning`,
    STRANGERS_STATE: state,
    STRANGERS_ROOT: checkout,
    STRANGERS_PORT: String(port),
  };
  const child = spawn(process.execPath, args, { cwd: checkout, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), limit);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (piece) => (text += piece));
  }
  return new Promise((done) =>
    child.on('close', (code) => {
      clearTimeout(timer);
      done(`${text}\n# exit ${code}`);
    }),
  );
}

/** Files of `node:test`, one process each. */
function nodeTests(folder: string) {
  const files = readdirSync(join(checkout, folder)).filter((name) => name.endsWith('.js'));
  return async (state: State): Promise<Results> => {
    const results: Results = new Map();
    const left = [...files];
    const work = async () => {
      for (let file = left.shift(); file !== undefined; file = left.shift()) {
        const text = await output(state, ['--expose-gc', '--test-reporter=tap', join(folder, file)], 40_000);
        for (const [name, isPassed] of readTap(text)) results.set(`${file} > ${name}`, isPassed);
      }
    };
    await Promise.all([work(), work(), work(), work()]);
    return results;
  };
}

/** Each subtest counts as a test, prefixed with its parents' names. A file without subtests counts as one test. */
function readTap(text: string): Results {
  const results: Results = new Map();
  const path: string[] = [];
  for (const line of text.split('\n')) {
    const [, inside = '', subtest] = /^(\s*)# Subtest: (.*)$/.exec(line) ?? [];
    if (subtest !== undefined) path[inside.length / 4] = subtest;
    const [, indent = '', isNot, name = ''] = /^(\s*)(not )?ok \d+ - (.*?)(?: # .*)?$/.exec(line) ?? [];
    if (name !== '')
      results.set([...path.slice(0, indent.length / 4), name].join(' > '), isNot === undefined);
  }
  if (results.size === 0) results.set('the file itself', text.includes('# exit 0'));
  return results;
}

/** web-platform-tests as undici runs them. Failures in its list of expectations count as failures too. */
async function wpt(state: State): Promise<Results> {
  const { STRANGERS_WPT: only } = process.env;
  const text = await output(state, [join('test/wpt', only ?? 'start-fetch.mjs')], 1_800_000);
  const results: Results = new Map();
  for (const line of text.split('\n')) {
    const [, isNot, name = ''] = /^STRANGERS (not )?ok (.*)$/.exec(line) ?? [];
    if (name !== '') results.set(name, isNot === undefined);
  }
  return results;
}

/** Names of tests have ports in them. */
function from<T>(run: (state: State) => T): (state: State) => T {
  return (state) => {
    port = firstPort;
    return run(state);
  };
}

const suites = { undici: nodeTests('test/fetch'), 'node-fetch': nodeTests('test/node-fetch'), wpt };
let isUnexplained = false;
for (const [suite, run] of Object.entries(suites)) {
  if (asked.length > 0 && !asked.includes(suite)) continue;
  const runFrom = from(run);
  const bare = await runFrom('bare');
  for (const state of states) {
    const results = state === 'bare' ? bare : await runFrom(state);
    const passed = [...results.values()].filter(Boolean).length;
    console.log(`${suite}, ${state}: ${results.size} run, ${passed} passed, ${results.size - passed} failed`);
    for (const name of new Set([...bare.keys(), ...results.keys()])) {
      const [before, after] = [bare, results].map((one) => one.get(name));
      if (before === after) continue;
      const explanation = explanationOf(state, name);
      isUnexplained ||= explanation === undefined && after !== true;
      const word = (one: boolean | undefined) => (one === undefined ? 'not run' : one ? 'passed' : 'failed');
      console.log(`  ${word(before)} -> ${word(after)}: ${name}${explanation ? ` (${explanation})` : ''}`);
    }
  }
}
process.exitCode = isUnexplained ? 1 : 0;
