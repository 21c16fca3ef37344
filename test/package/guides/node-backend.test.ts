/** The backend as it is run: a supervisor, four workers, a real Redis, and users who have really logged in. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ExampleServer, openExampleServer } from '../../../examples/server/server.ts';
import { freePort } from '../../support/servers/child.ts';
import { type RedisProcess, startRedis } from '../../support/servers/redis.ts';
import { Program } from './support/program.ts';
import { type Seen, Visitor } from './support/visitor.ts';

interface User {
  readonly name: string;
  readonly browser: Visitor;
}

let world: ExampleServer;
let redis: RedisProcess;
let origin: string;
let backend: Program;
beforeAll(async () => {
  [world, redis] = await Promise.all([openExampleServer({ accessTokenSeconds: 600 }), startRedis()]);
  origin = `http://127.0.0.1:${await freePort()}`;
  backend = await start();
});
afterAll(async () => {
  await backend?.[Symbol.asyncDispose]();
  await Promise.all([world?.close(), redis?.close()]);
});

const listens = /^Worker (\d+) listens\.$/;

function launch(env: Readonly<Record<string, string>> = {}): Program {
  const { port } = new URL(origin);
  const places = { ISSUER: world.server.issuer, API: world.api, REDIS_URL: redis.url, PORT: port };
  return new Program(['examples/node-backend/main.ts'], { ...places, ...env });
}
/** Starts it, and waits until all four workers are there. A token request may take so many milliseconds. */
async function start(timeout = 30_000): Promise<Program> {
  const program = launch({ TIMEOUT: `${timeout}` });
  await program.says(listens, 4);
  return program;
}

/** Twenty, and nobody else. */
async function logIn(): Promise<User[]> {
  await redis.command('FLUSHALL');
  const users = Array.from({ length: 20 }, (_, index) => ({ name: `user-${index}`, browser: new Visitor() }));
  const login = ({ name, browser }: User) => browser.follow(`${origin}/login?login_hint=${name}`);
  expect(await Promise.all(users.map(login))).toEqual(users.map(own));
  return users;
}
const orders = ({ browser }: User) => browser.visit(`${origin}/orders`);
/** The answer that is a user's own. */
const own = ({ name }: User) =>
  expect.objectContaining({ status: 200, body: expect.stringContaining(`"user":"${name}"`) });
const keyOf = ({ browser }: User): string => {
  const name = createHash('sha256')
    .update(browser.cookie(origin, 'session') ?? '')
    .digest('base64url');
  return `tokenkeep{:backend/${name}}`;
};
const keys = async () => ((await redis.command('KEYS', '*')) as string[]).sort();

/** Counts of the server since then. */
function counting(): () => Record<string, number> {
  const { counters } = world.server;
  const before = { ...counters };
  const names = ['refreshes', 'reuses', 'familiesRevoked', 'revocations'] as const;
  return () => Object.fromEntries(names.map((name) => [name, counters[name] - before[name]]));
}
const onceEach = { refreshes: 20, reuses: 0, familiesRevoked: 0, revocations: 0 };
const nothing = new Promise<never>(() => {});

test('users log in, each at whichever workers they meet; Redis has a key for each, under no cookie', async () => {
  const users = await logIn();
  expect(await keys()).toEqual(users.map(keyOf).sort());
  expect(Number(await redis.command('TTL', keyOf(users[0] as User)))).toBeGreaterThan(29 * 24 * 3600);
});

test('a cookie holds no token, and a login is ended by the browser that has begun it', async () => {
  await redis.command('FLUSHALL');
  const [eve, alice] = [new Visitor(), new Visitor()];
  const { headers } = await eve.visit(`${origin}/login?login_hint=eve`);
  expect(headers['set-cookie']?.[0]).toMatch(
    /^login=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/,
  );
  // Eve agrees, keeps the address that she is sent back to, and makes Alice go there.
  let url = headers.location ?? '';
  while (!url.startsWith(origin)) url = new URL((await eve.visit(url)).headers.location ?? '', url).href;
  expect((await alice.visit(url)).status).toBe(403);
  expect((await alice.visit(`${origin}/orders`)).status).toBe(401);
  const ended = await eve.visit(url);
  expect(ended.headers['set-cookie']?.[0]).toMatch(/^session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; /);
  expect(eve.cookie(origin, 'session')).not.toBe(eve.cookie(origin, 'login'));
  expect((await eve.visit(url)).status).toBe(403); // once
  expect((await eve.visit(`${origin}/logout`, { method: 'POST' })).status).toBe(303);
  expect(await keys()).toEqual([]);
});

test('an expiry, and requests of every user at every worker: one refresh a user', async () => {
  const users = await logIn();
  const counts = counting();
  await world.server.endAccessTokens();
  const seen = await Promise.all(users.flatMap((user) => Array.from({ length: 8 }, () => orders(user))));
  expect(seen).toEqual(users.flatMap((user) => Array.from({ length: 8 }, () => own(user))));
  expect(counts()).toEqual(onceEach);
  expect(new Set(seen.map(({ headers }) => headers['x-worker'])).size).toBe(4);
});

test('SIGTERM in a storm: what has come is answered, refreshes are finished; a new start continues', async () => {
  const users = await logIn();
  const [gone, waiting, ...others] = users as [User, User, ...User[]];
  const counts = counting();
  const ok = world.counters.ok;
  await world.server.endAccessTokens();
  const answer = Promise.withResolvers<void>();
  const held = [1, 2].map(() => world.server.hiccup({ hold: 'after', until: answer.promise }));
  const lost = gone.browser.visit(`${origin}/orders`, { keeps: true });
  const answered = orders(waiting);
  await Promise.all(held);
  gone.browser.close(); // nobody waits for this refresh any more
  await expect(lost).rejects.toMatchObject({ code: 'ECONNRESET' });
  const storm = others.map(storming);
  await expect.poll(() => world.counters.ok).toBeGreaterThan(ok + 2 * others.length);

  backend.child.kill('SIGTERM');
  await expect.poll(isClosed).toBe(true);
  answer.resolve();
  expect(await answered).toEqual(own(waiting));
  expect(await backend.ended).toMatchObject({ code: 0, signal: null });
  const answers = (await Promise.all(storm)).flat();
  // Responses of the API have reached their callers; only the caller that had left may have asked in vain.
  const inVain = world.counters.ok - ok - answers.length - 1;
  expect([0, 1]).toContain(inVain);

  backend = await start(5_000);
  expect(await Promise.all(users.map(orders))).toEqual(users.map(own));
  expect(counts()).toEqual(onceEach);
});

/** Nobody listens any more. */
async function isClosed(): Promise<boolean> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1');
  const connected = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return !connected;
}

/** Calls and calls, until nobody takes its calls any more. */
async function storming(user: User): Promise<Seen[]> {
  const answers: Seen[] = [];
  let refusal: string | undefined;
  while (refusal === undefined) {
    const seen = await orders(user).catch(({ code }) => String(code));
    if (typeof seen === 'string') refusal = seen;
    else answers.push(seen);
  }
  // Reset: it came when the last worker had just stopped listening, and none has read it.
  expect(['ECONNREFUSED', 'ECONNRESET']).toContain(refusal);
  expect(answers).toEqual(answers.map(() => own(user)));
  return answers;
}

test('kill -9 of a worker in the middle of refreshes: another starts, and every session continues', async () => {
  const users = await logIn();
  const counts = counting();
  const kept = ({ browser }: User) => browser.visit(`${origin}/orders`, { keeps: true });
  const [first] = users as [User];
  const pid = String((await kept(first)).headers['x-worker']);
  const workers = await Promise.all(users.map(async (user) => (await kept(user)).headers['x-worker']));
  const victims = users.filter((_, index) => workers[index] === pid);
  await world.server.endAccessTokens();
  const sending = victims.map(() => world.server.hiccup({ hold: 'before', until: nothing }));
  const lost = Promise.allSettled(victims.map(kept));
  await Promise.all(sending);
  process.kill(Number(pid), 'SIGKILL');
  expect((await lost).map(({ status }) => status)).toEqual(victims.map(() => 'rejected'));
  await backend.says(new RegExp(`^Worker ${pid} has ended: SIGKILL\\.$`));
  await backend.says(listens, 5); // in place of it, which has left its locks: they end by themselves after 15 s
  expect(await Promise.all(users.map(orders))).toEqual(users.map(own));
  expect(counts()).toEqual(onceEach);
  for (const { browser } of users) browser.close();
});

test('a sign-out, and an end by the server, leave nothing in Redis', async () => {
  const [leaving, ended, ...others] = (await logIn()) as [User, User, ...User[]];
  const counts = counting();
  const before = keyOf(leaving);
  await leaving.browser.visit(`${origin}/logout`, { method: 'POST' });
  expect(counts()).toMatchObject({ revocations: 1 });
  expect((await orders(leaving)).status).toBe(401);
  await world.server.endAccessTokens();
  const { hiccup } = world.server;
  void hiccup({ status: 400, body: JSON.stringify({ error: 'invalid_grant' }) });
  expect((await orders(ended)).status).toBe(401);
  expect(await keys()).toEqual(others.map(keyOf).sort());
  expect(before).not.toBe(keyOf(leaving));
});

test('without a Redis it waits for one, and can be stopped; one that goes away is said, and stops nobody from stopping', async () => {
  const waiting = launch({ PORT: `${await freePort()}`, REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
  await waiting.says(/^Redis: .*ECONNREFUSED/, 4);
  expect(await waiting.kill('SIGTERM')).toMatchObject({ code: 0, signal: null });
  await redis.end('SIGKILL');
  await backend.says(/^Redis: /, 4);
  expect(await backend.kill('SIGTERM')).toMatchObject({ code: 0, signal: null });
});
