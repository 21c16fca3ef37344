/** A login whose storage fails is tried again, and never over what has come after it. Found by `npm run simulate`. */
import { expect, test } from 'vitest';
import { openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';
import { diskFull, failWrites, type WatchedStorage } from '../../support/watched-storage.ts';

/** The next write happens, and its response is lost. */
function loseAnswer(storage: WatchedStorage): void {
  const { write } = storage;
  storage.write = async (...parameters) => {
    storage.write = write;
    await write(...parameters);
    throw diskFull();
  };
}

test('law bounded-locks: a login that was stored after all is not stored over what others have refreshed it to', async () => {
  const { manager, storage, server, clock, open, record, types } = await openManager({ signedIn: false });
  loseAnswer(storage);
  await rejection(manager.setTokens(server.signIn()));
  server.expire();
  expect((await open().fetch('https://api.test/')).status).toBe(200);
  const { refreshToken } = (await record()) ?? {};
  await clock.advance(60_000);
  expect((await record())?.refreshToken).toBe(refreshToken);
  expect(refreshToken).toBe(server.currentRefreshToken());
  expect(types()).toContain('stored');
  await clock.advance(300_000);
  expect((await manager.fetch('https://api.test/')).status).toBe(200);
  expect(server.counts).toMatchObject({ reuses: 0, refreshTokensResent: 0 });
});

test('law sign-out-wins: a login that was not stored at once is not stored over a later one', async () => {
  const { manager, storage, server, clock, open, record } = await openManager();
  const restore = failWrites(storage, () => true);
  await rejection(manager.setTokens(server.signIn()));
  restore();
  const later = server.signIn();
  await open().setTokens(later);
  await clock.advance(60_000);
  expect((await record())?.refreshToken).toBe(later.refresh_token);
});

test('law commit-before-use: a login that was not stored at once replaces the session before it, also where that was refreshed meanwhile', async () => {
  const { manager, storage, server, clock, open, record } = await openManager();
  const other = open();
  const restore = failWrites(storage, () => true);
  const login = server.signIn();
  await rejection(manager.setTokens(login));
  restore();
  server.expire();
  expect((await other.fetch('https://api.test/')).status).toBe(200);
  await clock.advance(60_000);
  expect((await record())?.refreshToken).toBe(login.refresh_token);
});

test('law commit-before-use: what was stored and could not be read back is stored', async () => {
  const { manager, storage, server, clock, record, types } = await openManager({ signedIn: false });
  const { write } = storage;
  storage.write = async (...parameters) => {
    const version = await write(...parameters);
    storage.before = () => {
      throw diskFull();
    };
    return version;
  };
  const login = server.signIn();
  await manager.setTokens(login);
  storage.before = () => undefined;
  await storage.inner.delete('test-client/default'); // somebody signs out elsewhere
  await clock.advance(60_000);
  expect(await record()).toBeUndefined();
  expect(types()).toEqual(['signedIn']);
});

test('laws single-use and response-lost: a login that was stored, spent and signed out of is sent once more at most', async () => {
  const { manager, storage, server, clock, open, posts, record } = await openManager({ signedIn: false });
  loseAnswer(storage);
  const login = server.signIn();
  await rejection(manager.setTokens(login));
  server.expire();
  const other = open();
  expect((await other.fetch('https://api.test/')).status).toBe(200);
  await other.signOut({ revoke: false }); // as after one whose revocation did not arrive
  await clock.advance(60_000);
  expect(await record()).toMatchObject({ refreshToken: login.refresh_token, pendingRefresh: { sends: 1 } });
  expect(await manager.getAccessToken()).toBe(login.access_token);
  expect(posts).toHaveLength(1);
  expect(await rejection(manager.fetch('https://api.test/'))).toMatchObject({ reason: 'response_lost' });
  expect(await rejection(manager.fetch('https://api.test/'))).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
  expect(posts).toHaveLength(2);
  expect(await record()).toBeUndefined();
});

test('laws commit-before-use and response-lost: a login that was never stored lives on, and uses its access token to the end', async () => {
  const { manager, storage, server, clock, posts, record } = await openManager({ signedIn: false });
  const restore = failWrites(storage, () => true);
  const login = server.signIn();
  await rejection(manager.setTokens(login));
  restore();
  await clock.advance(60_000);
  const { pendingRefresh } = (await record()) ?? {};
  expect(pendingRefresh).toMatchObject({ sends: 1 });
  await clock.advance(Number(login.expires_in) * 1000 - 61_000);
  expect(await manager.getAccessToken()).toBe(login.access_token);
  await clock.advance(1_000);
  expect((await manager.fetch('https://api.test/')).status).toBe(200);
  expect(posts).toHaveLength(1);
  expect((await record())?.pendingRefresh).toBeUndefined();
});

test('law response-lost: a login without a refresh token has nothing to spend, so nothing says that it may be spent', async () => {
  const { manager, storage, server, clock, record } = await openManager({ signedIn: false });
  const restore = failWrites(storage, () => true);
  const { refresh_token: _, ...login } = server.signIn();
  await rejection(manager.setTokens(login));
  restore();
  await clock.advance(60_000);
  const stored = await record();
  expect(stored?.accessTokens['']?.token).toBe(login.access_token);
  expect(stored?.pendingRefresh).toBeUndefined();
});

test('law bounded-locks: a slow attempt to store a login is not repeated over what came after another attempt', async () => {
  const { manager, storage, server, clock, open, record } = await openManager({ signedIn: false });
  storage.before = () => {
    throw diskFull();
  };
  await rejection(manager.setTokens(server.signIn())); // it could not even see what it replaces
  storage.before = () => undefined;
  const { write } = storage;
  const { promise, resolve } = Promise.withResolvers<void>();
  storage.write = async (...parameters) => {
    storage.write = write;
    await promise;
    return await write(...parameters);
  };
  await clock.advance(1_000); // the slow attempt
  server.expire();
  expect((await manager.fetch('https://api.test/')).status).toBe(200); // stores the login, and refreshes it
  const later = server.signIn();
  await open().setTokens(later);
  resolve();
  await new Promise(setImmediate);
  expect((await record())?.refreshToken).toBe(later.refresh_token);
});
