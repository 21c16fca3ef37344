import { expect, test } from 'vitest';
import { family, processes } from '../processes/family.ts';
import type { Ground } from './ground.ts';

/** Tests that so many processes which see the same expiry refresh once, and that all of them go on. */
export function oneExpiry(
  ground: () => Ground,
  sizes: readonly (readonly [processes: number, expiries: number])[],
) {
  test.each(sizes)(
    '%i processes at one expiry: one POST, none fails, %i times in a row',
    { timeout: 90_000 }, // starting 32 processes takes 3 s, and many times that where other work is done
    async (count, expiries) => {
      await using shared = await family();
      await using all = await processes(count);
      const { server } = shared;
      const open = { ...shared.session, plain: true };
      await Promise.all(all.map((one, index) => one.open({ ...open, place: ground().place(index) })));
      await shared.signIn(all[0] as (typeof all)[number]);
      for (let expiry = 1; expiry <= expiries; expiry++) {
        server.expire();
        const statuses = await Promise.all(all.map((one) => one.call()));
        expect(statuses).toEqual(statuses.map(() => 200));
        expect(server.counts).toMatchObject({
          ...{ tokenRequests: expiry, refreshes: expiry, peakConcurrentRefreshes: 1 },
          ...{ reuses: 0, replays: 0, refreshTokensResent: 0, familiesRevoked: 0 },
        });
      }
      const tokens = await Promise.all(all.map((one) => one.do('refreshToken')));
      expect(new Set(tokens)).toEqual(new Set([server.currentRefreshToken()]));
      await Promise.all(all.map((one) => one.do('idle')));
      expect(await ground().locks()).toBe(0);
    },
  );
}
