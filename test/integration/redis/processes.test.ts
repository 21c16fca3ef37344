import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { differingClocks } from '../../support/cluster/clocks.ts';
import { crashes } from '../../support/cluster/crashes.ts';
import type { Ground } from '../../support/cluster/ground.ts';
import { oneExpiry } from '../../support/cluster/one-expiry.ts';
import { points } from '../../support/processes/critical-section.ts';
import { type RedisProcess, startRedis } from '../../support/servers/redis.ts';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());
beforeEach(() => redis.command('FLUSHALL'));

const locks = async () => (await redis.command('KEYS', '*:lock')) as string[];
async function endLease(): Promise<void> {
  for (const lock of await locks()) {
    await redis.command('DEL', lock);
    await redis.command('PUBLISH', 'tokenkeep:changes', lock);
  }
}
const ground: Ground = {
  place: (index) => ({ kind: index % 2 === 0 ? 'redis' : 'ioredis', url: redis.url }),
  endLease,
  bury: endLease, // until then nobody else can have got it
  locks: async () => (await locks()).length,
};

describe('a fleet in which every other process uses node-redis, the others ioredis', () => {
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
