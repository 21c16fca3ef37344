/** What was spent for tokens that nobody may use any more is spent, also for others. Found by `npm run simulate`. */
import { expect, test } from 'vitest';
import { deferred, failure, setup } from './support/setup.ts';

test('law 1: a sign-out during a refresh: whoever gets the lock before it is stored does not spend the same refresh token', async () => {
  const { manager, storage, server, open, posts, call, record } = await setup();
  const other = open();
  expect(await call(other)).toBe(200);
  server.expire();
  const held = server.hold({ commits: true, times: 1 });
  const early = failure(call());
  await held.arrived();
  const late = failure(call(other)); // waits for the lock
  // What the sign-out wants of the storage takes its time; what the refresh wants does not.
  const slow = deferred();
  storage.before = () => slow.promise;
  const signedOut = manager.signOut();
  storage.before = () => undefined;
  await held();
  expect(await early).toMatchObject({ reason: 'signed_out' });
  expect(await late).toMatchObject({ reason: 'signed_out' });
  slow.resolve();
  expect(await signedOut).toEqual({ revoked: true });
  expect(posts).toHaveLength(1);
  expect(server.counts).toMatchObject({ reuses: 0, refreshTokensResent: 0 });
  expect(await record()).toBeUndefined();
});
