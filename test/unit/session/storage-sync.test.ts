/** Changes elsewhere: other managers on the same storage, as in other tabs. */

import { memoryStorage, TokenManager, type TokenStorage } from 'tokenkeep';
import { authorizationServer } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { optionsFor, type StoredRecord } from '../../support/open-manager.ts';

async function twoTabs(storage: TokenStorage = memoryStorage()) {
  const server = authorizationServer();
  const open = () => {
    const manager = new TokenManager({
      ...optionsFor(server),
      storage,
    });
    const told: string[] = [];
    manager.on(
      '*',
      ({ type, ...event }) => void told.push('where' in event ? `${type} ${event.where}` : type),
    );
    return { manager, told };
  };
  return { server, open, here: open(), there: open() };
}

test('a login elsewhere: reported once to a manager that knows that no one is signed in, and so are its refreshes and its end', async () => {
  const { server, here, there } = await twoTabs();
  expect(await there.manager.getTokens()).toBeUndefined();
  await here.manager.setTokens(server.signIn());
  await expect.poll(() => there.told).toEqual(['signedIn elsewhere']);
  expect(here.told).toEqual(['signedIn here']);
  server.expire();
  await here.manager.fetch(`${server.apiOrigin}/orders`);
  await expect.poll(() => there.told).toEqual(['signedIn elsewhere', 'adopted']);
  await here.manager.signOut();
  await expect.poll(() => there.told.slice(2)).toEqual(['signedOut elsewhere']);
  await here.manager.setTokens(server.signIn());
  await expect.poll(() => there.told.slice(3)).toEqual(['signedIn elsewhere']);
  expect(await there.manager.getAccessToken()).toBe(await here.manager.getAccessToken());
  expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
});

test('a login elsewhere is reported to a call that finds it, and not once more with the notification', async () => {
  const { server, here, there } = await twoTabs();
  await expect(there.manager.getAccessToken()).rejects.toMatchObject({ reason: 'no_tokens' });
  const signedIn = here.manager.setTokens(server.signIn());
  await expect.poll(() => there.manager.getAccessToken().catch(() => undefined)).toBeDefined();
  await signedIn;
  await here.manager.signOut();
  await expect.poll(() => there.told).toEqual(['signedIn elsewhere', 'signedOut elsewhere']);
});

test('a sign-out elsewhere: reported to a manager that has read the session, though it has sent nothing', async () => {
  const { server, here, there, open } = await twoTabs();
  await here.manager.setTokens(server.signIn());
  const bystander = open();
  expect(await there.manager.getTokens()).toBeDefined();
  await here.manager.signOut();
  await expect.poll(() => there.told).toEqual(['signedOut elsewhere']);
  expect(bystander.told).toEqual([]);
  expect(server.counts).toMatchObject({ tokenRequests: 0 });
});

test('a refresh elsewhere is no login, for who has not looked yet', async () => {
  const { server, here, open } = await twoTabs();
  await here.manager.setTokens(server.signIn());
  const [late, witness] = [open(), open()]; // notified in this order
  await witness.manager.getAccessToken();
  server.expire();
  await here.manager.fetch(`${server.apiOrigin}/orders`);
  await expect.poll(() => witness.told).toEqual(['adopted']);
  expect(late.told).toEqual([]);
});

test('a sign-out that the storage did not carry out: what others make of the rest is no login', async () => {
  const inner = memoryStorage();
  const refuse = () => Promise.reject(new Error('The disk is read-only.'));
  const { server, open, here, there } = await twoTabs({ ...inner, delete: refuse });
  await here.manager.setTokens(server.signIn());
  await expect(here.manager.signOut({ revoke: false })).rejects.toMatchObject({ code: 'ERR_STORAGE' });
  const witness = open(); // notified after the others
  await witness.manager.getAccessToken();
  server.expire();
  await there.manager.fetch(`${server.apiOrigin}/orders`);
  await expect.poll(() => witness.told).toEqual(['adopted']);
  expect(here.told).toEqual(['signedIn here', 'signedOut here']);
  expect(await here.manager.getTokens()).toBeUndefined();
});

/** A signed-in manager. From `start()` on its storage calls `during` within each of its reads, after the value was read. */
async function oneTab(
  during: (read: number, key: string, inner: TokenStorage) => Promise<void> = async () => undefined,
) {
  const inner = memoryStorage();
  let reads: number | undefined;
  const storage: TokenStorage = {
    ...inner,
    async read(key) {
      const stored = await inner.read(key);
      if (reads !== undefined) await during(++reads, key, inner);
      return stored;
    },
  };
  const server = authorizationServer();
  const manager = new TokenManager({ ...optionsFor(server), storage });
  await manager.setTokens(server.signIn());
  const told: string[] = [];
  manager.on('*', ({ type }) => void told.push(type));
  const start = () => {
    reads = 0;
  };
  return { server, manager, told, start, reads: () => reads };
}

test('a refresh does not read the storage again because of its own writes', async () => {
  const { server, manager, start, reads } = await oneTab();
  server.expire();
  start();
  await manager.fetch(`${server.apiOrigin}/orders`);
  await new Promise(setImmediate);
  expect(reads()).toBe(3); // without the lock, under it, and what was written
});

test('a change that is announced while a refresh reads what it has written is followed when the refresh has landed', async () => {
  const { server, manager, told, start } = await oneTab(async (read, key, inner) => {
    if (read === 3) await inner.delete(key);
  });
  server.expire();
  start();
  await manager.fetch(`${server.apiOrigin}/orders`);
  await expect.poll(() => told).toContain('signedOut');
});

test('a refresh of a narrower token does not hide that another manager has refreshed the whole grant', async () => {
  const { manager, told, start } = await oneTab(async (read, key, inner) => {
    if (read !== 1) return;
    const { record, version } = (await inner.read(key)) as { record: StoredRecord; version: number };
    const whole = { ...record.accessTokens[''], token: 'from-elsewhere' };
    await inner.write(key, { ...record, accessTokens: { '': whole } }, version);
  });
  start();
  await manager.getAccessToken({ scope: ['read'] });
  await expect.poll(() => told).toContain('adopted');
  expect(await manager.getAccessToken()).toBe('from-elsewhere');
});
