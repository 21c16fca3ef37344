/** The guide `examples/bring-your-own-storage/`: by its own proof, and by processes that are really killed. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { lockConformance, storageConformance } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { lockFixture, storageFixture } from '../../../examples/bring-your-own-storage/fixtures.ts';
import { sqliteStorage } from '../../../examples/bring-your-own-storage/sqlite-storage.ts';
import { requireBuild } from '../../support/package/built.ts';
import { type Family, family, processes } from '../../support/processes/family.ts';
import { folder } from '../../support/processes/file-fixture.ts';
import { SessionProcess } from '../../support/processes/session-processes.ts';
import { copyOf, nodeTest, vitest } from './support/runners.ts';

requireBuild();
const guide = 'examples/bring-your-own-storage/';
const laws = [...storageConformance(storageFixture, { watch: false }), ...lockConformance(lockFixture)].map(
  ({ name }) => name,
);

describe('its proof', () => {
  test('runs under vitest, every law of it', async () => {
    const { passed, failed, output } = await vitest(guide);
    expect([failed, output]).toEqual([[], output]);
    expect(passed).toEqual(laws);
  });

  test('runs under node:test, every law of it', async () => {
    const { passed, failed, output } = await nodeTest(`${guide}laws.node-test.ts`);
    expect([failed, output]).toEqual([[], output]);
    expect(passed).toEqual(expect.arrayContaining(laws));
  });

  test.each([
    {
      law: 'storage-3',
      does: 'writes over what is newer',
      file: 'sqlite-storage.ts',
      at: 'AND version = ?',
      by: 'AND version <> ?',
    },
    {
      law: 'lock-1',
      does: 'lets everybody in',
      file: 'sqlite-lock.ts',
      at: 'BEGIN EXCLUSIVE',
      by: 'ROLLBACK; BEGIN',
    },
  ])('a copy that $does learns that it breaks law $law', async ({ law, file, at, by }) => {
    using copy = copyOf('bring-your-own-storage');
    copy.break(file, at, by);
    const { failed } = await nodeTest('laws.node-test.ts', copy.folder, `law ${law}`);
    expect(failed.filter((name) => name.startsWith(`law ${law}: `))).not.toEqual([]);
  });
});

describe('processes', () => {
  test.each(['lock', 'retry'])('four of them count to 100 in one file, by %s', async (how) => {
    using place = folder();
    const all = Array.from({ length: 4 }, () => fork(counting, [place.file, how, '25']));
    await Promise.all(all.map((one) => once(one, 'message')));
    const exits = all.map((one) => once(one, 'exit'));
    for (const one of all) one.send('go');
    expect(await Promise.all(exits)).toEqual(all.map(() => [0, null]));
    using storage = sqliteStorage(place.file);
    expect((await storage.read('count'))?.record).toEqual({ count: 100 });
  });

  test('eight of them at one expiry: one POST, none fails, three times in a row', async () => {
    await using shared = await family();
    await using all = await processes(8);
    const open = { ...shared.session, place: placeIn(shared), plain: true };
    await Promise.all(all.map((one) => one.open(open)));
    await shared.signIn(all[0] as SessionProcess);
    for (let expiry = 1; expiry <= 3; expiry++) {
      shared.server.expire();
      const statuses = await Promise.all(all.map((one) => one.call()));
      expect(statuses).toEqual(statuses.map(() => 200));
      expect(shared.server.counts).toMatchObject({ tokenRequests: expiry, refreshes: expiry, ...unharmed });
    }
    const tokens = await Promise.all(all.map((one) => one.do('refreshToken')));
    expect(new Set(tokens)).toEqual(new Set([shared.server.currentRefreshToken()]));
  });

  test.each([
    { at: 'locked', refreshes: 0, goesOn: true },
    { at: 'before POST', refreshes: 0, goesOn: true },
    { at: 'after POST', refreshes: 1, goesOn: false },
    { at: 'after write 2', refreshes: 1, goesOn: true },
  ])(
    'one that is killed, $at: the session continues ($goesOn), and at once',
    async ({ at, refreshes, goesOn }) => {
      await using shared = await family();
      const { server } = shared;
      await using victim = new SessionProcess();
      await using other = new SessionProcess();
      const open = { ...shared.session, place: placeIn(shared) };
      await Promise.all([victim, other].map((one) => one.open(open)));
      await shared.signIn(victim);
      expect(await other.call()).toBe(200);
      server.expire();
      void victim.call({ standsAt: at });
      await victim.reaches(at);
      expect(server.counts.refreshes).toBe(refreshes);
      const call = other.call();
      if (at !== 'after write 2') await other.reaches('waiting'); // a stored successor is not waited for
      await victim.kill();
      // An answer that died with its process is nowhere else: one careful attempt is made, and the server knows better.
      expect(await call).toBe(goesOn ? 200 : 'ERR_LOGIN_REQUIRED response_lost');
      const lost = goesOn ? 0 : 1;
      expect(server.counts).toMatchObject({ tokenRequests: 1 + lost, refreshes: 1, reuses: lost });
    },
  );
});

const counting = new URL('support/counting.ts', import.meta.url);
const placeIn = ({ file }: Family) => ({ kind: 'sqlite', url: file }) as const;
/** Conditions that hold for every user of a shared session. */
const unharmed = {
  reuses: 0,
  replays: 0,
  refreshTokensResent: 0,
  familiesRevoked: 0,
  peakConcurrentRefreshes: 1,
};
