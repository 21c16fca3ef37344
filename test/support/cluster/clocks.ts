import { expect, test } from 'vitest';
import { family, processes } from '../processes/family.ts';
import type { OpenOptions } from '../processes/session-orders.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const offsets = [0, day, -day, 60 * minute, -60 * minute, minute + 1_000];
const expiries = 4;

/** Tests that processes whose clocks are wrong, each in another way, can share a session. */
export function differingClocks(placeOf: (index: number) => Partial<OpenOptions>): void {
  test('processes whose clocks differ by up to a day do not harm each other', {
    timeout: 90_000,
  }, async () => {
    await using shared = await family();
    await using all = await processes(offsets.length);
    // A listener may learn of the token that is expired here when its successor is already stored, and expires
    // in the next round: two dead tokens, one call. A call is replayed once (law replay-once).
    const session = { ...shared.session, plain: true, listens: false };
    const open = (one: (typeof all)[number], index: number) =>
      one.open({ ...session, ...placeOf(index), offset: offsets[index] as number });
    await Promise.all(all.map(open));
    await shared.signIn(all[0] as (typeof all)[number]);
    for (let expiry = 1; expiry <= expiries; expiry++) {
      shared.server.expire(shared.server.currentAccessToken());
      expect(await Promise.all(all.map((one) => one.call()))).toEqual(offsets.map(() => 200));
    }
    const { counts } = shared.server;
    expect(counts).toMatchObject({ reuses: 0, replays: 0, refreshTokensResent: 0, familiesRevoked: 0 });
    // A clock that is ahead sees every token as over that another clock has dated: its owner refreshes once more.
    expect(counts.refreshes).toBeGreaterThanOrEqual(expiries);
    expect(counts.refreshes).toBeLessThanOrEqual(expiries * offsets.length);
  });
}
