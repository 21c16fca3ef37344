import { expect, test } from 'vitest';
import { differingClocks } from '../../support/cluster/clocks.ts';
import { family, leftovers, processes } from '../../support/processes/family.ts';

/** Conditions that hold for every process of a shared session: the family lives, and nothing was sent twice. */
const unharmed = { reuses: 0, replays: 0, refreshTokensResent: 0, familiesRevoked: 0 };

/** Starting 32 processes takes 3 s, and several times that where other work is done. */
const timeLimit = 90_000;

test.each([
  [8, 5],
  [32, 2],
])(
  '%i processes at one expiry: one POST, none fails, %i times in a row',
  async (count, expiries) => {
    await using shared = await family();
    await using all = await processes(count);
    await Promise.all(all.map((one) => one.open({ ...shared.session, plain: true })));
    await shared.signIn(all[0] as (typeof all)[number]);
    for (let expiry = 1; expiry <= expiries; expiry++) {
      shared.server.expire();
      const statuses = await Promise.all(all.map((one) => one.call()));
      expect(statuses).toEqual(statuses.map(() => 200));
      expect(shared.server.counts).toMatchObject({ tokenRequests: expiry, refreshes: expiry, ...unharmed });
      expect(shared.server.counts.peakConcurrentRefreshes).toBe(1);
    }
    expect(new Set(await Promise.all(all.map((one) => one.do('refreshToken'))))).toEqual(
      new Set([shared.server.currentRefreshToken()]),
    );
    await Promise.all(all.map((one) => one.do('idle')));
    expect(leftovers(shared.file)).toEqual([]);
  },
  timeLimit,
);

differingClocks(() => ({}));

test('sign-out in one process wins over a refresh in another', async () => {
  await using shared = await family();
  await using all = await processes(3);
  const [refreshing, leaving, waiting] = all as unknown as [
    (typeof all)[number],
    (typeof all)[number],
    (typeof all)[number],
  ];
  await Promise.all(all.map((one) => one.open(shared.session)));
  await shared.signIn(refreshing);
  shared.server.expire();
  const held = shared.server.hold({ commits: true });
  const refresh = refreshing.call();
  await held.arrived();
  const other = waiting.call();
  await waiting.reaches('waiting');
  expect(await leaving.do('signOut')).toEqual({ revoked: true });
  await held();
  expect(await refresh).toBe('ERR_LOGIN_REQUIRED signed_out');
  expect(await other).toMatch(/^ERR_LOGIN_REQUIRED (signed_out|no_tokens)$/);
  expect(await leaving.call()).toBe('ERR_LOGIN_REQUIRED signed_out');
  expect(await refreshing.do('refreshToken')).toBeUndefined();
  expect(shared.server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
  expect(shared.server.isActive(shared.server.currentRefreshToken() as string)).toBe(false);
});
