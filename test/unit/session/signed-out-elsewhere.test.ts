/** K3b: a sign-out whose record the storage did not delete is final for its login only. */
import { expect, test } from 'vitest';
import { openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';
import { diskFull } from '../../support/watched-storage.ts';

async function signedOut() {
  const scene = await openManager();
  const { storage, manager } = scene;
  storage.before = (operation) => {
    if (operation === 'delete') throw diskFull();
  };
  expect(await rejection(manager.signOut())).toMatchObject({ code: 'ERR_STORAGE' });
  return scene;
}

test('a record that the storage did not delete is never used again', async () => {
  const { manager, clock, posts } = await signedOut();
  for (let day = 0; day < 3; day++) {
    expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
    await clock.advance(86_400_000);
  }
  expect(posts).toEqual([]);
});

test('the session is not used while the storage cannot be read', async () => {
  const { manager, storage } = await signedOut();
  storage.before = () => {
    throw diskFull();
  };
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
});

test('a login that another manager stores in its place is used', async () => {
  const { manager, open, server } = await signedOut();
  const tokens = server.signIn();
  await open().setTokens(tokens);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  expect((await manager.fetch('https://api.test/messages')).status).toBe(200);
});

test('a login in this manager is used', async () => {
  const { manager, server } = await signedOut();
  const tokens = server.signIn();
  await manager.setTokens(tokens);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
});
