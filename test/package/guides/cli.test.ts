/** The command line, as its user has it: processes that come and go, one session, a certified server that counts. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileStorage } from 'tokenkeep/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ExampleServer, openExampleServer } from '../../../examples/server/server.ts';
import { browse } from '../../support/certified-server/log-in.ts';
import { SecretService } from '../../support/servers/secret-service.ts';
import { type Ended, Program } from './support/program.ts';

let world: ExampleServer;
let ring: SecretService;
let folder: string;
let browser: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tokenkeep-cli-'));
  browser = join(folder, 'browser');
  writeFileSync(browser, '#!/bin/sh\nprintf %s "$1" > "$0.opened"\n', { mode: 0o755 });
  [world, ring] = await Promise.all([openExampleServer({ accessTokenSeconds: 600 }), SecretService.start()]);
});
afterAll(async () => {
  await Promise.all([world?.close(), ring?.[Symbol.asyncDispose]()]);
  rmSync(folder, { recursive: true, force: true });
});

/** A machine of its user: what the program finds in its environment. */
interface Machine {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
}
function machine(env: Readonly<Record<string, string>> = {}): Machine {
  return { home: mkdtempSync(join(folder, 'home-')), env };
}

/** Everything that was ever printed. */
let printed = '';

function start({ home, env }: Machine, ...parameters: string[]): Program {
  const { server, api } = world;
  const known = { ISSUER: server.issuer, API: api, MY_CLI_HOME: home, BROWSER: browser };
  return new Program(['examples/cli/main.ts', ...parameters], { ...known, ...env });
}
async function endOf(program: Program): Promise<Ended> {
  const ended = await program.ended;
  const said = ended.stdout + ended.stderr;
  printed += said;
  // The URL of a login holds nothing secret. Nothing else looks like a token.
  expect(said.replace(/^http\S+$/gm, '')).not.toMatch(/[\w-]{40}/);
  return ended;
}
const run = (on: Machine, ...parameters: string[]) => endOf(start(on, ...parameters));

/** The user agrees in the browser, which then comes back to the program. */
async function logIn(on: Machine): Promise<Ended> {
  const program = start(on, 'login');
  const url = await program.says(/^http/);
  const end = new URL(url).searchParams.get('redirect_uri') ?? '';
  const page = await fetch(`${end}?${await browse(url, end)}`);
  expect(await page.text()).toContain('go back to the application');
  return await endOf(program);
}
async function loggedIn(env: Readonly<Record<string, string>> = {}): Promise<Machine> {
  const on = machine(env);
  expect((await logIn(on)).code).toBe(0);
  return on;
}

/** Counts of the server since then. */
function counting(): () => Record<string, number> {
  const { counters } = world.server;
  const before = { ...counters };
  const names = ['refreshes', 'reuses', 'familiesRevoked', 'revocations'] as const;
  return () => Object.fromEntries(names.map((name) => [name, counters[name] - before[name]]));
}
const once = { refreshes: 1, reuses: 0, familiesRevoked: 0, revocations: 0 };
const ok = expect.objectContaining({ code: 0, stderr: '', stdout: expect.stringContaining('"user":"ada"') });
const nothing = new Promise<never>(() => {});

describe.each(['file', 'keyring'])('the session in MY_CLI_STORAGE=%s', (kind) => {
  let on: Machine;
  beforeAll(() => {
    on = machine({ MY_CLI_STORAGE: kind });
  });

  test('begins in the user’s browser, whose URL is printed and opened', async () => {
    const { code, stdout, stderr } = await logIn(on);
    const [, url, last] = stderr.split('\n');
    expect([code, stdout, last]).toEqual([0, '', 'Logged in as ada.']);
    await expect.poll(() => existsSync(`${browser}.opened`)).toBe(true);
    expect(readFileSync(`${browser}.opened`, 'utf8')).toBe(url);
    rmSync(`${browser}.opened`);
  });

  test('is shared by eight invocations at once: one refresh at an expiry, and all succeed', async () => {
    const counts = counting();
    await world.server.endAccessTokens();
    const ends = await Promise.all(Array.from({ length: 8 }, () => run(on, 'get', '/orders')));
    expect(ends).toEqual(ends.map(() => ok));
    expect(counts()).toEqual(once);
  });

  test('ends at the server too, and the next command says how to log in', async () => {
    const counts = counting();
    expect(await run(on, 'logout')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'Logged out on this machine.\n',
    });
    expect(counts()).toMatchObject({ revocations: 1 });
    const { code, stdout, stderr } = await run(on, 'get', '/orders');
    expect([code, stdout, stderr]).toEqual([77, '', 'You are not logged in. Run: my-cli login\n']);
  });
});

describe('the file', () => {
  test('is for its owner only, and what is in it is not printed', async () => {
    const on = await loggedIn();
    const path = join(on.home, 'tokens');
    for (const name of [path, `${path}-wal`]) {
      if (existsSync(name)) expect([name, statSync(name).mode & 0o777]).toEqual([name, 0o600]);
    }
    using storage = fileStorage({ path });
    const stored = JSON.stringify(await storage.read('cli/default'));
    const tokens = stored.match(/[\w-]{43,}(\.[\w-]+)*/g) ?? [];
    expect(tokens.length).toBeGreaterThanOrEqual(2);
    await run(on, 'get', '/orders');
    for (const token of tokens) expect(printed.includes(token)).toBe(false);
  });

  test('that others can read is refused, with the remedy', async () => {
    const on = await loggedIn();
    chmodSync(join(on.home, 'tokens'), 0o644);
    const { code, stdout, stderr } = await run(on, 'get', '/orders');
    expect([code, stdout]).toEqual([74, '']);
    expect(stderr).toContain('chmod');
  });
});

describe('an invocation that ends in the middle of a refresh', () => {
  test('by kill -9: those that wait for it, and those after it, go on', async () => {
    const on = await loggedIn();
    const counts = counting();
    await world.server.endAccessTokens();
    const isSending = world.server.hiccup({ hold: 'before', until: nothing });
    const killed = start(on, 'get', '/orders');
    await isSending;
    const waiting = Array.from({ length: 3 }, () => run(on, 'get', '/orders'));
    expect(await killed.kill()).toMatchObject({ signal: 'SIGKILL', stdout: '', stderr: '' });
    const ends = [...(await Promise.all(waiting)), await run(on, 'get', '/orders')];
    expect(ends).toEqual(ends.map(() => ok));
    expect(counts()).toEqual(once);
  });

  test('by kill -9 after the server has answered: the session has ended, and a login begins a new one', async () => {
    const on = await loggedIn();
    await world.server.endAccessTokens();
    const isAnswered = world.server.hiccup({ hold: 'after', until: nothing });
    const killed = start(on, 'get', '/orders');
    await isAnswered;
    await killed.kill();
    const { code, stdout, stderr } = await run(on, 'get', '/orders');
    expect([code, stdout, stderr]).toEqual([
      77,
      '',
      'Your session has ended (response_lost). Run: my-cli login\n',
    ]);
    expect((await logIn(on)).code).toBe(0);
    expect(await run(on, 'get', '/orders')).toEqual(ok);
  });

  test('by Ctrl+C: what the server answers is stored first', async () => {
    const on = await loggedIn();
    const counts = counting();
    await world.server.endAccessTokens();
    const answer = Promise.withResolvers<void>();
    const isAnswered = world.server.hiccup({ hold: 'after', until: answer.promise });
    const stopped = start(on, 'get', '/orders');
    await isAnswered;
    stopped.child.kill('SIGINT');
    await stopped.says(/^Stopping/);
    answer.resolve();
    expect(await endOf(stopped)).toMatchObject({ code: 130, stdout: '' });
    expect(await run(on, 'get', '/orders')).toEqual(ok);
    expect(counts()).toEqual(once);
  });
});

test('Ctrl+C during a login: nothing listens any more, and the session before it lives', async () => {
  const on = await loggedIn();
  const program = start(on, 'login');
  const url = await program.says(/^http/);
  program.child.kill('SIGINT');
  expect(await endOf(program)).toMatchObject({ code: 130, stdout: '' });
  const port = new URL(url).searchParams.get('redirect_uri') ?? '';
  await expect(fetch(port)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  expect(await run(on, 'get', '/orders')).toEqual(ok);
});

describe('exit codes for scripts, and messages on stderr for people', () => {
  let on: Machine;
  beforeAll(async () => {
    on = await loggedIn();
  });
  const told = (code: number, stderr: RegExp) =>
    expect.objectContaining({ code, stdout: '', stderr: expect.stringMatching(stderr) });

  test('a server in trouble, then one that is back: still logged in', async () => {
    await world.server.endAccessTokens();
    void world.server.hiccup({ status: 503, body: 'maintenance' });
    expect(await run(on, 'get', '/orders')).toEqual(told(75, /answered 503.* You are still logged in\.\n$/));
    await expect.poll(async () => (await run(on, 'get', '/orders')).code).toBe(0);
  });

  test('a server that asks for conformanceTimeout: how much is said, and the next invocation has it as well', async () => {
    const patient = await loggedIn();
    const { requests } = world.server;
    await world.server.endAccessTokens();
    void world.server.hiccup({ status: 429, headers: { 'retry-after': '600' } });
    const asked = requests.token;
    const busy = told(75, /\(in \d{3} s\) You are still logged in\.\n$/);
    expect(await run(patient, 'get', '/orders')).toEqual(busy);
    expect(await run(patient, 'get', '/orders')).toEqual(busy);
    expect(requests.token).toBe(asked + 1);
  });

  test('no network: neither to the API nor to the server', async () => {
    const offline = { ...on, env: { ISSUER: world.server.issuer, API: 'http://127.0.0.1:9/' } };
    expect(await run(offline, 'get', '/orders')).toEqual(
      told(75, /^The API cannot be reached\. You are still/),
    );
    const login = await run({ ...on, env: { ISSUER: 'http://127.0.0.1:9' } }, 'login');
    expect(login).toEqual(told(75, /no_response/));
    expect(await run(on, 'get', '/orders')).toEqual(ok);
  });

  test('a user who says no', async () => {
    const program = start(on, 'login');
    const url = new URL(await program.says(/^http/));
    const back = new URL(url.searchParams.get('redirect_uri') ?? '');
    back.searchParams.set('state', url.searchParams.get('state') ?? '');
    back.searchParams.set('error', 'access_denied');
    back.searchParams.set('iss', world.server.issuer);
    await fetch(back);
    expect(await endOf(program)).toEqual(told(77, /access_denied.*my-cli login\n$/));
  });

  test('an answer of the API that is none of these', async () => {
    const { issuer } = world.server;
    const wrong = { ...on, env: { API: `${issuer}/` } };
    expect(await run(wrong, 'get', '/nothing')).toEqual(told(1, /^The API answered 404\.\n$/));
  });

  test.each([[], ['help'], ['toString']])('a command that there is not: %o', async (...parameters) => {
    expect(await run(on, ...parameters)).toEqual(told(64, /^Usage: /));
  });

  test('a configuration that is wrong', async () => {
    const wrong = { ...on, env: { ISSUER: 'http://as.example.com' } };
    expect(await run(wrong, 'get', '/orders')).toEqual(told(78, /discover\(issuer\)/));
  });

  test('no keyring where one was asked for: nothing is written elsewhere', async () => {
    const env = { MY_CLI_STORAGE: 'keyring', DBUS_SESSION_BUS_ADDRESS: `unix:path=${folder}/no-bus` };
    const bare = machine(env);
    expect(await run(bare, 'get', '/orders')).toEqual(told(74, /No keyring service/));
    expect(existsSync(join(bare.home, 'tokens'))).toBe(false);
  });
});
