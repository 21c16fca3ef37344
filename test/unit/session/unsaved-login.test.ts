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
