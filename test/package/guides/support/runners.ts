/** Test runners as a user starts them, in the repository or in a project of one's own that a guide was copied to. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';

/** Results of the tests, by name. */
export interface Outcome {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** The runner's output, for people. */
  readonly output: string;
}

/** `node --test <file>`; of them those that `only` names. */
export async function nodeTest(file: string, folder = '.', only = ''): Promise<Outcome> {
  const pattern = only === '' ? [] : [`--test-name-pattern=${only}`];
  const output = await run(folder, ['--test', '--test-reporter=tap', ...pattern, file]);
  const named = (line: RegExp) => [...output.matchAll(line)].map(([, name = '']) => name);
  return { passed: named(/^ *ok \d+ - (.*)$/gm), failed: named(/^ *not ok \d+ - (.*)$/gm), output };
}

/** `npx vitest run <filter>` */
export async function vitest(filter: string, folder = '.'): Promise<Outcome> {
  const place = mkdtempSync(join(tmpdir(), 'tokenkeep-report-'));
  const report = join(place, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const output = await run(folder, [resolve('node_modules/vitest/vitest.mjs'), 'run', ...reporters, filter]);
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  rmSync(place, { recursive: true });
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const named = (status: string) => tests.filter((one) => one.status === status).map(({ title }) => title);
  return { passed: named('passed'), failed: named('failed'), output };
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[];
  }[];
}

/** Where files that are synced all the time are not waited for, if there is such a place. */
const memory: NodeJS.ProcessEnv = existsSync('/dev/shm') ? { TMPDIR: '/dev/shm' } : {};

async function run(cwd: string, parameters: readonly string[]): Promise<string> {
  // The runner that this test runs under is nobody's business there.
  const own = { NODE_OPTIONS: undefined, NODE_TEST_CONTEXT: undefined, VITEST: undefined };
  const env = { ...process.env, ...memory, ...own };
  const child = spawn(process.execPath, parameters, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, complaints] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return output + complaints;
}

/** A guide in a project of its own, where it can be broken. */
export interface Copy extends Disposable {
  readonly folder: string;
  /** Replaces what stands in a file, once. */
  break(file: string, what: string, by: string): void;
}

export function copyOf(guide: string): Copy {
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-guide-'));
  cpSync(`examples/${guide}`, folder, { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(resolve('.'), join(folder, 'node_modules/tokenkeep'), 'junction');
  symlinkSync(resolve('node_modules/vitest'), join(folder, 'node_modules/vitest'), 'junction');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  return {
    folder,
    break(file, what, by) {
      const path = join(folder, file);
      const parts = readFileSync(path, 'utf8').split(what);
      if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${what}`);
      writeFileSync(path, parts.join(by));
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
