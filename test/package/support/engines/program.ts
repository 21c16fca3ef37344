/** A program that Node, Bun and Deno run: `program.ts <deed> <JSON>`. It prints lines of JSON. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileStorage } from 'tokenkeep/node';
import { type ConformanceCase, lockConformance, storageConformance } from 'tokenkeep/testing';
import { open, story } from './story.ts';

const [deed = '', argument = '{}'] = process.argv.slice(2);
const given = JSON.parse(argument);
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

const deeds = {
  async doors() {
    const names: Record<string, string[]> = {};
    for (const door of given.doors) names[door] = Object.keys(await import(door)).sort();
    say(names);
  },
  story: async () => say(await story(given)),
  /** One of several processes with one file: calls on request. */
  async share() {
    const storage = fileStorage({ path: given.path });
    const manager = open(given, storage);
    if (given.tokens !== undefined) await manager.setTokens(given.tokens);
    say('ready');
    await once(process.stdin, 'data');
    say((await manager.fetch(`${given.apiUrl}/orders`)).status);
    await manager.close();
    storage.close();
    process.stdin.destroy();
  },
  /** Holds the lock until it is killed. */
  hold: () =>
    fileStorage({ path: given.path }).lock.request(given.name, {}, () => {
      say('held');
      return new Promise(() => setInterval(() => {}, 1000));
    }),
  async laws() {
    const cases = [...storageConformance(storage, timeLimit), ...lockConformance(lock, timeLimit)];
    const broken: string[] = [];
    for (const one of cases) await prove(one, broken);
    say({ count: cases.length, broken });
  },
};

/** Of a busy machine. */
const timeLimit = { timeout: 30_000 };

async function prove({ name, run }: ConformanceCase, broken: string[]): Promise<void> {
  try {
    await run();
  } catch (error) {
    broken.push(`${name}: ${error}`);
  }
}

function file() {
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-engine-'));
  const path = join(folder, 'private', 'tokens');
  const handles: Disposable[] = [];
  const reopen = () => {
    const storage = fileStorage({ path });
    handles.push(storage);
    return storage;
  };
  const close = () => {
    for (const handle of handles) handle[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  };
  return { path, reopen, close };
}

function storage() {
  const { path, reopen, close } = file();
  const breakDown = () => {
    chmodSync(path, 0o640);
    return () => chmodSync(path, 0o600);
  };
  return { storage: reopen(), reopen, close, breakDown };
}

function lock() {
  const { path, reopen, close } = file();
  const again = () => reopen().lock;
  return { lock: again(), reopen: again, close, abandon: (name: string) => takeAndDie(path, name) };
}

/** Another process of this engine takes the lock and is killed while it holds it. */
async function takeAndDie(path: string, name: string): Promise<void> {
  const options = 'Deno' in globalThis ? ['run', '--allow-all'] : [];
  const program = [...options, process.argv[1] ?? '', 'hold', JSON.stringify({ path, name })];
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

await deeds[deed as keyof typeof deeds]();
