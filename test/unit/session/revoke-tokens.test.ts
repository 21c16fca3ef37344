/** A refresh token that was spent for discarded tokens is spent, also for others. Found by `npm run simulate`. */
import { expect, test } from 'vitest';
import { callApi, openManager } from '../../support/open-manager.ts';
import { deferred, rejection } from '../../support/promises.ts';
import { diskFull } from '../../support/watched-storage.ts';

test('law single-use: a sign-out during a refresh: the next holder of the lock does not spend the same refresh token', async () => {
  const { manager, storage, server, open, posts, call, record } = await openManager();
  const other = open();
  expect(await callApi(other)).toBe(200);
  server.expire();
  const held = server.hold({ commits: true, times: 1 });
  const early = rejection(call());
  await held.arrived();
  const late = rejection(callApi(other)); // waits for the lock
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

test('law nothing-silent: a sign-out during a login reports revoked only if both sessions are', async () => {
  const { manager, storage, server } = await openManager();
  const before = server.currentRefreshToken() ?? '';
  const slow = deferred();
  storage.before = () => slow.promise;
  const { refresh_token = '', ...tokens } = server.signIn();
  const arriving = manager.setTokens({ ...tokens, refresh_token });
  storage.before = () => undefined;
  const signedOut = manager.signOut();
  slow.resolve();
  await arriving;
  expect(await signedOut).toEqual({ revoked: true });
  expect([server.isActive(before), server.isActive(String(refresh_token))]).toEqual([false, false]);
});

test('law nothing-silent: a sign-out revokes a login that the storage refused, and the session that it was to replace', async () => {
  const { manager, storage, server } = await openManager();
  const before = server.currentRefreshToken() ?? '';
  storage.before = () => Promise.reject(diskFull());
  const login = server.signIn();
  await rejection(manager.setTokens(login));
  storage.before = () => undefined;
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect([server.isActive(before), server.isActive(String(login.refresh_token))]).toEqual([false, false]);
});

test('law nothing-silent: a sign-out that cannot read the deleted record does not report revoked', async () => {
  const { manager, storage, server } = await openManager();
  storage.before = () => Promise.reject(diskFull());
  await rejection(manager.setTokens(server.signIn()));
  let reads = 0;
  storage.before = (operation) =>
    operation === 'read' && ++reads === 1 ? Promise.reject(diskFull()) : undefined;
  expect(await manager.signOut()).toMatchObject({ revoked: false, reason: 'unreadable' });
});

/** An ID token says that the login is of the user who was there before: calls go on. */
const sameUser = { server: { scope: ['openid', 'read', 'write'] } };

test('laws single-use and commit-before-use: a login during a refresh that the storage refuses: the others go on with the successor until it is there', async () => {
  const { manager, storage, server, clock, open, posts, call, record } = await openManager(sameUser);
  const other = open({ storage: storage.inner });
  expect(await callApi(other)).toBe(200);
  server.expire();
  const held = server.hold({ commits: true, times: 1 });
  const early = call();
  await held.arrived();
  const late = callApi(other); // waits for the lock
  const slow = deferred();
  storage.before = () => slow.promise;
  const login = server.signIn();
  const arrived = rejection(manager.setTokens(login));
  storage.before = () => undefined;
  await held();
  while ((await record())?.refreshToken === posts[0]) await settledFlights();
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken(posts[0]));
  storage.before = () => Promise.reject(diskFull());
  slow.reject(diskFull());
  expect(await arrived).toMatchObject({ code: 'ERR_STORAGE' });
  expect([await early, await late]).toEqual([200, 200]);
  storage.before = () => undefined;
  await clock.advance(60_000); // the login is tried again
  expect((await record())?.refreshToken).toBe(login.refresh_token);
  expect(posts).toHaveLength(1);
  expect(server.counts).toMatchObject({
    refreshes: 1,
    reuses: 0,
    refreshTokensResent: 0,
    familiesRevoked: 0,
  });
});

test('law sign-out-wins: a sign-out and a login during a refresh: what comes late is not stored, also where neither is yet', async () => {
  const { manager, storage, server, call, record } = await openManager(sameUser);
  server.expire();
  const held = server.hold({ commits: true, times: 1 });
  const early = call();
  await held.arrived();
  const slow = deferred();
  const [asked, login] = [deferred(), server.signIn()];
  let operations = 0;
  storage.before = () => {
    operations += 1;
    if (operations === 2) asked.resolve();
    return slow.promise;
  };
  const signedOut = manager.signOut();
  const arrived = manager.setTokens(login);
  await asked.promise;
  const late: string[] = [];
  storage.before = (operation) => void late.push(operation);
  await held();
  await settledFlights();
  expect(late).toEqual([]);
  slow.resolve();
  await Promise.all([signedOut, arrived]);
  expect(await early).toBe(200);
  expect((await record())?.refreshToken).toBe(login.refresh_token);
});

test.each([
  { name: 'revoked once the later one was signed out of elsewhere', isSignedOut: true },
  { name: 'not revoked while the later one lives', isSignedOut: false },
])(
  'law sign-out-wins: a login that is still being stored when a later one replaces it is $name',
  async (given) => {
    const { manager, storage, server, open, call, types } = await openManager({ signedIn: false });
    const slow = deferred();
    storage.before = () => slow.promise;
    const first = server.signIn();
    const early = manager.setTokens(first);
    storage.before = () => undefined;
    const later = server.signIn();
    await manager.setTokens(later);
    if (given.isSignedOut) {
      await open().signOut();
      expect(await rejection(call())).toMatchObject({ reason: 'signed_out' });
    }
    slow.resolve();
    await early;
    await settledFlights();
    expect(types().includes('lateTokensDiscarded')).toBe(given.isSignedOut);
    const areActive = [first, later].map(({ refresh_token }) => server.isActive(String(refresh_token)));
    expect(areActive).toEqual(given.isSignedOut ? [false, false] : [true, true]);
  },
);

/** Whatever follows from an answer without a timer has happened. */
function settledFlights(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
