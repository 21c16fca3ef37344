/** A lease that began before its holder slept does not count. Found by `npm run simulate`. */
import { expect, test, vi } from 'vitest';
import type { RedisLockOptions } from '../../../src/redis/redis-lock.ts';
import { RedisLock } from '../../../src/redis/redis-lock.ts';
import { acquireScript, releaseScript } from '../../../src/redis/redis-scripts.ts';

test('law bounded-locks: a holder that learns of its lease when it may have expired asks once more before it begins', async () => {
  let now = 0;
  vi.spyOn(Date, 'now').mockImplementation(() => now);
  const asked: string[] = [];
  const slow = [50_000, 0, 0];
  const parts = {
    lease: 45_000,
    keyOf: (name: string) => name,
    notifications: { isOpen: true, channel: 'channel', subscribeIfOpen: () => () => undefined },
    server: {
      async execute(_kind: string, script: object) {
        asked.push(script === acquireScript ? 'acquire' : script === releaseScript ? 'release' : 'renew');
        now += slow.shift() ?? 0; // the process is frozen while the answer waits for it
        return asked.length === 2 ? 1 : 0; // somebody else has taken it over for a moment
      },
    },
  } as unknown as RedisLockOptions;
  await new RedisLock(parts).request('session', {}, async () => void asked.push('begin'));
  expect(asked).toEqual(['acquire', 'acquire', 'acquire', 'begin', 'release']);
});
