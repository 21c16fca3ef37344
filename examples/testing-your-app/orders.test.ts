/** The tests of the application, under vitest. */
import { github } from 'tokenkeep/providers';
import { faults } from 'tokenkeep/testing';
import { dialects } from 'tokenkeep/testing/dialects';
import { expect, test, vi } from 'vitest';
import { scene } from './scene.ts';

test('200 orders at once find the token rejected: one refresh, and each is placed once', async () => {
  const { app, shop, orders } = await scene();
  shop.expire();
  const placed = await Promise.all(Array.from({ length: 200 }, (_, id) => app.place({ id: `${id}` })));
  expect(new Set(placed)).toEqual(new Set([true]));
  expect(orders).toHaveLength(201);
  expect(shop.counts).toMatchObject({ refreshes: 1, reuses: 0 });
});

test('time goes by: the next call has another token', async () => {
  const { app, shop } = await scene({ accessTokenLifetime: 60_000 });
  vi.useFakeTimers(); // the application and the server are both in them
  await vi.advanceTimersByTimeAsync(60_000);
  await app.load();
  vi.useRealTimers();
  expect(app.screen).toBe('orders');
  expect(shop.counts).toMatchObject({ refreshes: 1, apiRejected: 0 });
});

test('the response to a refresh is lost: nobody is signed out before the server says so', async () => {
  const { app, shop } = await scene();
  shop.expire();
  shop.fail(faults.lostResponse);
  await app.load();
  expect([app.screen, app.orders.length]).toEqual(['try again later', 1]);
  await app.load();
  expect([app.screen, shop.counts.reuses]).toEqual(['sign in', 1]);
});

test('the session is revoked: nothing of it stays on the screen', async () => {
  const { app, shop } = await scene();
  shop.revokeFamily();
  await app.load();
  expect([app.screen, app.orders]).toEqual(['sign in', []]);
});

test('offline: what was on the screen stays there, and the session too', async () => {
  const { app, shop } = await scene();
  const comeBack = shop.goOffline();
  await app.load();
  expect([app.screen, app.orders.length]).toEqual(['try again later', 1]);
  comeBack();
  await app.load();
  expect(app.screen).toBe('orders');
});

test('GitHub: its words, its encodings, and a 401 without a challenge', async () => {
  const { app, shop } = await scene(dialects.github, { authorizationServer: github() });
  shop.expire();
  await app.load();
  expect([app.screen, shop.counts.refreshes]).toEqual(['orders', 1]);
});
