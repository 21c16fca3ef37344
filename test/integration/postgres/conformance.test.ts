import { Pool } from 'pg';
import { postgresStorage, postgresTable } from 'tokenkeep/postgres';
import { lockConformance, register, storageConformance } from 'tokenkeep/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { conformanceTimeout } from '../../support/conformance-timeout.ts';
import { type PostgresProcess, startPostgres } from '../../support/servers/postgres.ts';

let postgres: PostgresProcess;
let administrator: Pool;
beforeAll(async () => {
  postgres = await startPostgres();
  administrator = new Pool({ connectionString: postgres.url });
});
afterAll(async () => {
  await administrator.end();
  await postgres.close();
});

let count = 0;

/** A table for each test: they share a server and nothing else. Each handle has a pool of its own, as in another process. */
async function fixture(options?: string) {
  const table = `test_${++count}`;
  await administrator.query(postgresTable(table));
  const pools: Pool[] = [];
  const openPool = () => {
    const pool = new Pool({ connectionString: postgres.url, max: 3, ...(options && { options }) });
    pool.on('error', () => undefined);
    pools.push(pool);
    return pool;
  };
  const open = () => postgresStorage({ pool: openPool(), table });
  const close = async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    await administrator.query(`DROP TABLE ${table}`);
  };
  return { table, openPool, open, close };
}

describe.each([
  ['as it comes', undefined],
  ['with serializable transactions', '-c default_transaction_isolation=serializable'],
])('%s', (_name, options) => {
  describe('postgresStorage() keeps the laws of a storage', () => {
    const cases = storageConformance(async () => {
      const { table, open, close } = await fixture(options);
      const breakDown = async () => {
        await administrator.query(`ALTER TABLE ${table} RENAME TO moved_away`);
        return () => administrator.query(`ALTER TABLE moved_away RENAME TO ${table}`);
      };
      return { storage: open(), reopen: open, breakDown, close };
    }, conformanceTimeout);
    register(test, cases);
  });
});

describe('its lock keeps the laws of a lock', () => {
  const cases = lockConformance(async () => {
    const { table, open, openPool, close } = await fixture();
    const abandon = async (lock: string): Promise<void> => {
      const pool = openPool();
      const mortal = postgresStorage({ pool, table });
      await new Promise<void>((resolve) => {
        const never = () => new Promise<void>(() => resolve());
        void mortal.lock.request(lock, {}, never);
      });
      const { rows } = await administrator.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory'");
      for (const { pid } of rows) await administrator.query('SELECT pg_terminate_backend($1)', [pid]);
    };
    return { lock: open().lock, reopen: () => open().lock, abandon, close };
  }, conformanceTimeout);
  register(test, cases);
});
