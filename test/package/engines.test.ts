/** Other engines than Node, for real: what is published is installed, and they run it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { ListeningServer, TestAuthorizationServer } from 'tokenkeep/testing';
import { authorizationServer } from 'tokenkeep/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { packed } from '../support/package/built.ts';
import { installPackages, installTimeout } from '../support/package/install.ts';
import { doors } from '../support/package/manifest.ts';
import { workerd } from './support/engines/workerd.ts';

/** Engines are large: they have a manifest of their own. */
const folder = resolve('test/package/engines');
const bin = (name: string) => join(folder, 'node_modules/.bin', name);
const engines: Record<string, readonly [string, ...string[]]> = {
  Node: [process.execPath],
  Bun: [bin('bun')],
  Deno: [bin('deno'), 'run', '--allow-all'],
};
const others = ['Bun', 'Deno'];

let pack: ReturnType<typeof packed>;
let program: string;
let server: TestAuthorizationServer;
let http: ListeningServer;
beforeAll(async () => {
  await installPackages(folder, { scripts: true });
  pack = packed();
  for (const file of ['story.ts', 'program.ts'])
    copyFileSync(join('test/package/support/engines', file), join(pack.folder, file));
  writeFileSync(join(pack.folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  program = join(pack.folder, 'program.ts');
}, installTimeout);
afterAll(() => pack?.remove());
beforeEach(async () => {
  server = authorizationServer();
  http = await server.listen();
});
afterEach(() => http?.close());

/** A login of which others have used up the access token. */
function loggedIn(): object {
  const tokens = server.signIn();
  server.expire();
  return { issuer: http.url, apiUrl: http.apiUrl, tokens };
}

function commandOf(engine: string, deed: string, given: object): [string, string[]] {
  const [file, ...options] = engines[engine] ?? [''];
  return [file, [...options, program, deed, JSON.stringify(given)]];
}

const env = { ...process.env, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' };

async function run(engine: string, deed: string, given: object): Promise<unknown> {
  const options = { cwd: pack.folder, env: { ...env, DENO_DIR: join(pack.folder, 'deno') } };
  const { stdout } = await promisify(execFile)(...commandOf(engine, deed, given), options);
  return JSON.parse(stdout);
}

/** The result of a session, and the counts of the server. */
const oneDay = { statuses: Array(20).fill(200), revoked: true, afterwards: 'signed_out' };
const unharmed = { refreshes: 1, tokenRequests: 1, reuses: 0, replays: 0, familiesRevoked: 0 };

describe.each(others)('%s', (engine) => {
  test('opens every door as Node does', async () => {
    const given = { doors: [...doors.keys()] };
    expect(await run(engine, 'doors', given)).toEqual(await run('Node', 'doors', given));
  });

  test('refreshes once for 20 calls, replays their bodies, and signs out', async () => {
    expect(await run(engine, 'story', loggedIn())).toEqual(oneDay);
    expect(server.counts).toMatchObject({ ...unharmed, revocations: 1, familiesRevoked: 1 });
  });

  test('fileStorage() and its lock keep every law, also when a holder is killed', async () => {
    const { count, broken } = (await run(engine, 'laws', {})) as { count: number; broken: string[] };
    expect(broken).toEqual([]);
    expect(count).toBeGreaterThan(45);
  });
});

test('two processes each of Node, Bun and Deno share one file: one refresh, and nobody fails', async () => {
  const { tokens, ...session } = loggedIn() as { tokens: object };
  const given = { ...session, path: join(pack.folder, 'private', 'tokens') };
  await using children = new AsyncDisposableStack();
  const start = async (engine: string, own: object = {}) => {
    const [file, parameters] = commandOf(engine, 'share', { ...given, ...own });
    const child = spawn(file, parameters, { cwd: pack.folder, env, stdio: ['pipe', 'pipe', 'inherit'] });
    children.defer(() => void child.kill('SIGKILL'));
    expect(await said(child)).toBe('ready');
    return child;
  };
  const first = await start('Node', { tokens });
  const rest = ['Node', 'Bun', 'Bun', 'Deno', 'Deno'].map((engine) => start(engine));
  const all = [first, ...(await Promise.all(rest))];
  const statuses = all.map(said);
  for (const child of all) child.stdin?.write('go\n');
  expect(await Promise.all(statuses)).toEqual(all.map(() => 200));
  expect(server.counts).toMatchObject({ ...unharmed, peakConcurrentRefreshes: 1 });
});

/** The next line of a process. */
async function said({ stdout }: ChildProcess): Promise<unknown> {
  if (stdout === null) return undefined;
  const [line] = await once(stdout, 'data');
  return JSON.parse(String(line));
}

test('workerd: an edge runtime opens what has nothing of Node, and one refresh is enough for all requests', async () => {
  await using edge = await workerd(pack.folder);
  const names = (await edge.ask('/doors', {})) as [string, boolean][];
  expect(names).toHaveLength(doors.size - 3); // electron, node and testing have something of Node
  expect(names.filter(([, isOpen]) => !isOpen)).toEqual([]);

  expect(await edge.ask('/story', loggedIn())).toEqual(oneDay);
  expect(server.counts).toMatchObject({ ...unharmed, revocations: 1, familiesRevoked: 1 });

  server.reset();
  const session = loggedIn();
  await edge.ask('/open', session);
  // Requests that wait for a refresh that another request has begun, and that goes away in the middle of it.
  const hold = server.hold();
  const gone = new AbortController();
  const first = edge.ask('/call', session, gone.signal).catch(() => 'gone');
  await hold.arrived();
  const others = [1, 2, 3].map(() => edge.ask('/call', session));
  gone.abort();
  expect(await first).toBe('gone');
  await hold();
  expect(await Promise.all(others)).toEqual([200, 200, 200]);
  expect(server.counts).toMatchObject({ reuses: 0, familiesRevoked: 0 });
});
