/** K4e: a session that a newer version of tokenkeep has stored is neither used nor overwritten. */
import { memoryStorage } from 'tokenkeep';
import { importSession } from 'tokenkeep/login';
import { expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { key, openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

const newer = { schema: 2, clientId: 'test-client', grants: [{ refreshToken: 'of-a-newer-version' }] };
const refused = { code: 'ERR_CONFIGURATION', reason: 'newer_schema', isRetryable: false };

/** A newer version has stored its session. Nothing is in memory. */
async function upgraded() {
  const world = await openManager({ signedIn: false });
  await world.storage.inner.write(key, newer, undefined);
  return { ...world, stored: async () => (await world.storage.inner.read(key))?.record };
}

test('K4e: calls fail with a reason of their own, nothing is sent, and the record stays', async () => {
  const { manager, server, events, stored } = await upgraded();
  const calls = [
    () => manager.getAccessToken(),
    () => manager.fetch('https://api.test/'),
    () => manager.getTokens(),
  ];
  for (const call of calls) expect(await rejection(call())).toMatchObject(refused);
  expect(events).toEqual([{ type: 'recordRejected', session: 'default', reason: 'newer schema' }]);
  expect(server.counts).toMatchObject({ tokenRequests: 0, apiCalls: 0 });
  expect(await stored()).toEqual(newer);
});

test('K4e: a login does not replace the record, and the error names the remedies', async () => {
  const { manager, tokens, stored } = await upgraded();
  const error = await rejection(manager.setTokens(tokens));
  expect(error).toMatchObject(refused);
  expect((error as Error).message).toMatch(/Update tokenkeep.*signOut\(\)/);
  expect(await stored()).toEqual(newer);
  expect(await rejection(manager.getAccessToken())).toMatchObject(refused);
});

test('K4e: an import does not replace the record, and the former session stays', async () => {
  const { manager, tokens, stored } = await upgraded();
  let removed = 0;
  const former = { read: () => tokens, remove: () => void removed++ };
  expect(await rejection(importSession(manager, former))).toMatchObject(refused);
  expect(removed).toBe(0);
  expect(await stored()).toEqual(newer);
});

test('K4e: a login that waits for a broken storage does not replace a record stored meanwhile', async () => {
  const { manager, tokens, storage, clock, events, stored } = await openManager({ signedIn: false }).then(
    (world) => ({
      ...world,
      stored: async () => (await world.storage.inner.read(key))?.record,
    }),
  );
  storage.before = () => {
    throw new Error('locked');
  };
  await rejection(manager.setTokens(tokens));
  storage.before = () => undefined;
  await storage.inner.write(key, newer, undefined);
  await clock.advance(60_000);
  expect(events.at(-1)).toMatchObject({ type: 'storeFailed', error: refused });
  expect(await stored()).toEqual(newer);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  await manager.signOut({ revoke: false });
});

test('K4e: a refresh under way does not replace it either, and its successor is not lost', async () => {
  const { manager, server, storage, expire, events } = await openManager();
  expire();
  const held = server.hold({ commits: true });
  const token = manager.getAccessToken();
  await held.arrived();
  const stored = await storage.inner.read(key);
  await storage.inner.write(key, newer, stored?.version);
  held();
  expect(await token).toBe(server.currentAccessToken());
  expect(events.map(({ type }) => type)).toContain('storeFailed');
  expect((await storage.inner.read(key))?.record).toEqual(newer);
  await manager.signOut({ revoke: false });
});

test('K4e: a sign-out removes the record, and a login is possible again', async () => {
  const { manager, tokens, stored } = await upgraded();
  expect(await manager.signOut()).toEqual({ revoked: false, reason: 'unreadable' });
  expect(await stored()).toBeUndefined();
  await manager.setTokens(tokens);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
});

test('K4e: a token in memory is used to its end', async () => {
  const { manager, storage, tokens, open } = await openManager();
  const stored = await storage.inner.read(key);
  await storage.inner.write(key, newer, stored?.version);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  expect(await rejection(open().getAccessToken())).toMatchObject(refused);
});

test.each([0, -1, 1.5, Number.NaN])(
  'a login replaces a record with the schema %d, which is no newer version',
  async (schema) => {
    const { open, tokens } = await openManager({ signedIn: false });
    const storage = memoryStorage();
    if (!Number.isNaN(schema)) await storage.write(key, { ...newer, schema }, undefined);
    const manager = open({ storage });
    eventsOf(manager);
    await manager.setTokens(tokens);
    expect(await manager.getAccessToken()).toBe(tokens.access_token);
  },
);
