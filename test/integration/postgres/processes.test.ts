import { Pool } from 'pg';
import { postgresTable } from 'tokenkeep/postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { differingClocks } from '../../support/cluster/clocks.ts';
import { crashes } from '../../support/cluster/crashes.ts';
import type { Ground } from '../../support/cluster/ground.ts';
import { oneExpiry } from '../../support/cluster/one-expiry.ts';
import { points } from '../../support/processes/critical-section.ts';
import { family } from '../../support/processes/family.ts';
import { SessionProcess } from '../../support/processes/session-processes.ts';
import { type PostgresProcess, startPostgres } from '../../support/servers/postgres.ts';

let postgres: PostgresProcess;
let administrator: Pool;
beforeAll(async () => {
  postgres = await startPostgres();
  administrator = new Pool({ connectionString: postgres.url });
  await administrator.query(postgresTable());
});
afterAll(async () => {
  await administrator.end();
  await postgres.close();
});
beforeEach(() => administrator.query('DELETE FROM tokenkeep_sessions'));

const holders = "SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory'";
const ground: Ground = {
  place: () => ({ kind: 'postgres', url: postgres.url }),
  /** The server closes the connection of a process that stands still. */
  endLease: async () =>
    void (await administrator.query(`SELECT pg_terminate_backend(pid) FROM (${holders}) AS all_of_them`)),
  /** The connection of a process that died is closed, and its lock may be somebody else's already. */
  bury: async () => undefined,
  locks: async () => (await administrator.query(holders)).rows.length,
};

describe('a fleet', () => {
  oneExpiry(
    () => ground,
    [
      [8, 5],
      [32, 2],
    ],
  );
});

differingClocks((index) => ({ place: ground.place(index) }));

describe('a holder that dies or stands still', () => crashes(() => ground, points));

test('the server itself ends the lease of a process that stands still', { timeout: 90_000 }, async () => {
  await using shared = await family();
  await using holder = new SessionProcess();
  await using other = new SessionProcess();
  const place = { ...ground.place(0), lease: 1000 };
  await other.open({ ...shared.session, place });
  await shared.signIn(other);
  await holder.open({ ...shared.session, place });
  expect(await holder.call()).toBe(200);
  shared.server.expire();
  const call = holder.call({ standsAt: 'locked' });
  await holder.reaches('locked');
  holder.stop();
  expect(await other.call()).toBe(200);
  holder.continue();
  await holder.do('goOn');
  expect(await call).toBe(200);
  expect(shared.server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1, reuses: 0 });
});
