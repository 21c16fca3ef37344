import { inspect } from 'node:util';
import { Pool, type PoolConfig } from 'pg';
import { TokenManager } from 'tokenkeep';
import {
  type PostgresPool,
  type PostgresStorageOptions,
  postgresStorage,
  postgresTable,
} from 'tokenkeep/postgres';
import { authorizationServer } from 'tokenkeep/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { until, watching } from '../../support/cluster/watching.ts';
import { openManager, optionsFor } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';
import { type PostgresProcess, startPostgres } from '../../support/servers/postgres.ts';

let postgres: PostgresProcess;
let administrator: Pool;
beforeAll(async () => {
  postgres = await startPostgres({ wal_writer_delay: '10s' });
  // One connection that stays: a server that stands still makes no new ones.
  administrator = new Pool({ connectionString: postgres.url, max: 1, idleTimeoutMillis: 0 });
  administrator.on('error', () => undefined);
  await administrator.query(postgresTable());
});
afterAll(async () => {
  await administrator.end();
  await postgres.close();
});

let pools: Pool[] = [];
beforeEach(() => administrator.query('DELETE FROM tokenkeep_sessions'));
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
});

function openPool(config: PoolConfig = {}): Pool {
  const pool = new Pool({ connectionString: postgres.url, max: 3, application_name: 'backend', ...config });
  pool.on('error', () => undefined);
  pools.push(pool);
  return pool;
}

const open = (options: Partial<PostgresStorageOptions> = {}) =>
  postgresStorage({ pool: openPool(), ...options });
const key = 'test-client/default';

/** The connections that listen: one of each backend, which also holds its locks. */
async function ownConnections(): Promise<number[]> {
  const { rows } = await administrator.query(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'backend' AND query ~ '^(LISTEN|SELECT 1|.*pg_(try_)?advisory)'",
  );
  return rows.map(({ pid }) => pid);
}

async function advisoryLocks(): Promise<number[]> {
  const { rows } = await administrator.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory'");
  return rows.map(({ pid }) => pid);
}

describe('the connection is killed while the lock is held', () => {
  test('and no other process comes: the refresh is stored anyway', async () => {
    await using user = await openManager({ isRealTime: true, manager: { storage: open() } });
    user.server.expire();
    const held = user.server.hold({ commits: true });
    const call = user.call();
    await held.arrived();
    const [pid, ...others] = await advisoryLocks();
    expect(others).toEqual([]);
    await administrator.query('SELECT pg_terminate_backend($1)', [pid]);
    await held();
    expect(await call).toBe(200);
    expect((await user.manager.getTokens())?.refreshToken).toBe(user.server.currentRefreshToken());
    expect(user.server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
    expect(await advisoryLocks()).toEqual([]);
  });

  test('and somebody else needs a token: nobody sends the refresh token again', async () => {
    await using user = await openManager({ isRealTime: true, manager: { storage: open() } });
    const { server } = user;
    const storage = open();
    const { results } = vi.spyOn(storage.lock, 'request').mock;
    const other = user.open({ storage });
    const url = `${server.apiOrigin}/orders`;
    expect((await other.fetch(url)).status).toBe(200);
    server.expire();
    const held = server.hold({ commits: true });
    const call = user.call();
    await held.arrived();
    for (const pid of await advisoryLocks())
      await administrator.query('SELECT pg_terminate_backend($1)', [pid]);
    const theirs = other.fetch(url);
    await expect.poll(() => results.length).toBe(1);
    await results[0]?.value; // they had the lock, have seen that somebody is at it, and wait without it
    await held();
    expect(await call).toBe(200);
    expect((await theirs).status).toBe(200);
    expect(server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1, reuses: 0 });
  });

  test('and somebody else signs in under the lock: the late holder finds out by its version', async () => {
    const storage = open();
    await using user = await openManager({ isRealTime: true, manager: { storage: open() } });
    const other = user.open({ storage });
    user.server.expire();
    const held = user.server.hold({ commits: true });
    const call = user.call();
    await held.arrived();
    for (const pid of await advisoryLocks())
      await administrator.query('SELECT pg_terminate_backend($1)', [pid]);
    await storage.lock.request(`tokenkeep:${key}`, {}, async () => {
      await other.setTokens(user.server.signIn());
      await held();
      // It began under the login before, so the API's answer to its own token is the answer (law one-login).
      expect(await call).toBe(401);
      // The late one has not unlocked what is not its own.
      expect(await advisoryLocks()).toHaveLength(1);
    });
    for (const manager of [user.manager, other]) {
      expect((await manager.getTokens())?.refreshToken).toBe(user.server.currentRefreshToken());
    }
    expect(await advisoryLocks()).toEqual([]);
  });

  test('waiters on a connection that is killed too get it over another one', async () => {
    const [one, other] = [open(), open()];
    let waiting: Promise<unknown> = Promise.resolve();
    const order: string[] = [];
    await one.lock.request('name', {}, async () => {
      waiting = other.lock.request('name', {}, async () => order.push('other'));
      await until(async () => (await ownConnections()).length === 2);
      const [holder] = await advisoryLocks();
      for (const pid of await ownConnections()) {
        if (pid !== holder) await administrator.query('SELECT pg_terminate_backend($1)', [pid]);
      }
      order.push('one');
    });
    await waiting;
    expect(order).toEqual(['one', 'other']);
  });
});

test('a watcher on a connection that is killed learns that there may have been a change, and continues to watch', async () => {
  const storage = open();
  const told = watching(storage, key);
  await told.next();
  for (const pid of await ownConnections())
    await administrator.query('SELECT pg_terminate_backend($1)', [pid]);
  await told.next();
  await open().write(key, {}, undefined);
  await told.next();
  told.stop();
});

test('1000 sessions are refreshed by two backends, each through a pool of 5, and a waiting lock takes no connection', async () => {
  const server = authorizationServer({ log: false });
  const backends = [openPool({ max: 5 }), openPool({ max: 5 })].map(
    (pool) =>
      new TokenManager({
        ...optionsFor(server),
        storage: postgresStorage({ pool, timeout: 120_000 }), // a thousand wait for five connections
      }),
  );
  const sessions = Array.from({ length: 1000 }, (_, index) => `user${index}`);
  const [first] = backends as [TokenManager];
  await Promise.all(sessions.map((id) => first.forSession(id).setTokens(server.signIn())));
  server.expire();
  const calls = sessions.flatMap((id) =>
    backends.map(async (one) => (await one.forSession(id).fetch(`${server.apiOrigin}/orders`)).status),
  );
  expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
  expect(server.counts).toMatchObject({ refreshes: 1000, tokenRequests: 1000, reuses: 0 });
  for (const pool of pools) expect(pool.totalCount).toBeLessThanOrEqual(5);
  expect(await advisoryLocks()).toEqual([]);
  for (const one of backends) await one.close();
}, 120_000);

test('everybody behind a lock waits over one connection', async () => {
  const [holder, pool] = [open(), openPool({ max: 2 })];
  const storage = postgresStorage({ pool });
  const waiting: Promise<void>[] = [];
  await holder.lock.request('name', {}, async () => {
    for (let index = 0; index < 50; index++)
      waiting.push(storage.lock.request('name', {}, async () => undefined));
    // The pool is free for everything else meanwhile.
    for (let index = 0; index < 20; index++) await storage.read(key);
    expect(pool.totalCount).toBe(2);
  });
  await Promise.all(waiting);
});

test('a written record survives a crash of the server, also where someone has turned that off', async () => {
  const storage = open({ pool: openPool({ options: '-c synchronous_commit=off' }) });
  const version = await storage.write(key, { step: 1 }, undefined);
  await postgres.end('SIGQUIT');
  await postgres.start();
  expect(await open().read(key)).toEqual({ record: { step: 1 }, version });
});

test('Postgres takes no writes at the commit: the tokens are in use, and stored as soon as it does', async () => {
  const storage = open();
  await using user = await openManager({ isRealTime: true, manager: { storage } });
  user.server.expire();
  const held = user.server.hold({ commits: true });
  const call = user.call();
  await held.arrived();
  // As on a disk that is full.
  const refusing = `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER refusing BEFORE INSERT OR UPDATE ON tokenkeep_sessions EXECUTE FUNCTION refuse()`;
  await administrator.query(refusing);
  try {
    await held();
    expect(await call).toBe(200);
    expect(user.types()).toContain('storeFailed');
  } finally {
    await administrator.query('DROP FUNCTION refuse CASCADE');
  }
  await user.until('stored');
  expect((await user.open({ storage: open() }).getTokens())?.refreshToken).toBe(
    user.server.currentRefreshToken(),
  );
  expect(user.server.counts).toMatchObject({ refreshes: 1, reuses: 0, familiesRevoked: 0 });
});

test('while Postgres is away everything ends in time with a StorageError that says nothing secret, and nothing is sent', async () => {
  const storage = open({ timeout: 1_500 }); // the steps before have the same limit
  await using user = await openManager({ isRealTime: true, manager: { storage } });
  const secrets = [user.server.currentRefreshToken(), user.server.currentAccessToken()] as string[];
  user.server.expire();
  await until(async () => (await ownConnections()).length === 1); // and makes no other one
  const goOn = await standStill();
  try {
    const attempts = [
      user.call(),
      storage.write('other', { token: secrets[0] }, undefined),
      storage.lock.request('name', {}, async () => undefined),
    ];
    for (const error of await Promise.all(attempts.map(rejection))) {
      expect(error).toMatchObject({ name: 'StorageError', code: 'ERR_STORAGE', conflict: false });
      for (const secret of secrets)
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(secret);
    }
  } finally {
    goOn(); // or every test after this one waits for it too
  }
  expect(user.server.counts.tokenRequests).toBe(0);
  expect(await user.call()).toBe(200);
  expect(user.server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
});

/** Stops the server and every process of it that serves a backend. Returns a function that continues them. */
async function standStill(): Promise<() => void> {
  postgres.signal('SIGSTOP');
  const { rows } = await administrator.query(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'backend'",
  );
  const pids = rows.map(({ pid }) => Number(pid));
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  return () => {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    postgres.signal('SIGCONT');
  };
}

describe('the table', () => {
  test('may have another name and schema, and is created once', async () => {
    await administrator.query('CREATE SCHEMA IF NOT EXISTS auth');
    for (let time = 0; time < 2; time++) await administrator.query(postgresTable('auth.Select'));
    const storage = open({ table: 'auth.Select' });
    const told = watching(storage, key);
    await told.next();
    await storage.write(key, { step: 1 }, undefined);
    await told.next();
    expect((await administrator.query('SELECT key, record FROM auth."Select"')).rows).toEqual([
      { key, record: '{"step":1}' },
    ]);
    await storage.lock.request('name', {}, () => open().lock.request('name', {}, async () => undefined));
    told.stop();
  });

  test.each(['', 'a b', 'a;b', '"a"', 'a.b.c', '.a', 'a.', "a'--", '1a', 'x'.repeat(64), 17])(
    '%o is no name of one',
    (table) => {
      const refused = expect.objectContaining({ code: 'ERR_CONFIGURATION' });
      expect(() => postgresTable(table as string)).toThrow(refused);
      expect(() => open({ table: table as string })).toThrow(refused);
    },
  );

  test('that is missing is named with the remedy', async () => {
    const error = await rejection(open({ table: 'nowhere' }).read(key));
    expect(error).toMatchObject({ code: 'ERR_STORAGE', message: expect.stringContaining('postgresTable()') });
  });

  test('says when a session may be deleted', async () => {
    const day = 24 * 60 * 60 * 1000;
    const expiry = async () => {
      const { rows } = await administrator.query(
        'SELECT extract(epoch FROM expires_at - updated_at) * 1000 AS left FROM tokenkeep_sessions',
      );
      return rows[0].left === null ? null : Number(rows[0].left);
    };
    const storage = open();
    const first = await storage.write(key, { step: 1 }, undefined);
    expect(await expiry()).toBeNull();
    const second = await open({ expireAfter: 5 * day }).write(key, { step: 2 }, first);
    expect(await expiry()).toBe(5 * day);
    await storage.write(key, { refreshTokenExpiresAt: Date.now() + 2 * day }, second);
    expect(await expiry()).toBeGreaterThan(2.9 * day);
    expect(await expiry()).toBeLessThanOrEqual(3 * day);
  });
});

test('a connection of its own is there while somebody watches, and does not keep pool.end() waiting', async () => {
  const pool = openPool();
  const storage = postgresStorage({ pool });
  const told = watching(storage, key);
  await told.next();
  expect(await ownConnections()).toHaveLength(1);
  told.stop();
  await until(async () => (await ownConnections()).length === 0);
  const again = watching(storage, key);
  await again.next();
  pools = pools.filter((one) => one !== pool);
  await pool.end();
  expect(await ownConnections()).toEqual([]);
});

test('a pooler that hands statements to several backends is found out: there is no lock, and nothing runs', async () => {
  let backend = 0;
  const query = async (text: string) => {
    backend += 1;
    const granted = text.includes('WHEN $2') ? [] : undefined;
    return { rows: [{ backend, granted }] };
  };
  const client = { query, on: () => undefined, release: () => undefined };
  const pool: PostgresPool = { query, connect: async () => client };
  let hasRun = false;
  const request = postgresStorage({ pool }).lock.request('name', {}, async () => {
    hasRun = true;
  });
  expect(await rejection(request)).toMatchObject({
    code: 'ERR_STORAGE',
    message: expect.stringContaining('session mode'),
  });
  expect(hasRun).toBe(false);
});

test.each<[string, unknown]>([
  ['pool', {}],
  ['pool', { pool: { query() {} } }],
  ['pool', { pool: { query() {}, connect() {}, options: { max: 1 } } }],
  ['lease', { lease: 0 }],
  ['lease', { lease: 2 ** 31 }],
  ['timeout', { timeout: '1' }],
  ['expireAfter', { expireAfter: 1.5 }],
  ['tabel', { tabel: 'x' }],
])('the option %s is refused: %o', (name, options) => {
  const all = { ...(name === 'pool' ? {} : { pool: openPool() }), ...(options as object) };
  expect(() => postgresStorage(all as PostgresStorageOptions)).toThrow(
    expect.objectContaining({
      code: 'ERR_CONFIGURATION',
      message: expect.stringContaining(`the option ${name} `),
    }),
  );
});
