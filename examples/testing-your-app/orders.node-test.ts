/** The same under node:test, with a clock of its own in place of fake timers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { github } from 'tokenkeep/providers';
import { faults, testClock } from 'tokenkeep/testing';
import { dialects } from 'tokenkeep/testing/dialects';
import { scene } from './scene.ts';

test('200 orders at once find the token rejected: one refresh, and each is placed once', async () => {
  const { app, shop, orders } = await scene();
  shop.expire();
  const placed = await Promise.all(Array.from({ length: 200 }, (_, id) => app.place({ id: `${id}` })));
  assert.deepEqual(new Set(placed), new Set([true]));
  assert.equal(orders.length, 201);
  assert.deepEqual([shop.counts.refreshes, shop.counts.reuses], [1, 0]);
});

test('time goes by: the next call has another token', async () => {
  const clock = testClock();
  const { app, shop } = await scene({ clock, accessTokenLifetime: 60_000 }, { clock });
  await clock.advance(60_000);
  await app.load();
  assert.equal(app.screen, 'orders');
  assert.deepEqual([shop.counts.refreshes, shop.counts.apiRejected], [1, 0]);
});

test('the response to a refresh is lost: nobody is signed out before the server says so', async () => {
  const { app, shop } = await scene();
  shop.expire();
  shop.fail(faults.lostResponse);
  await app.load();
  assert.deepEqual([app.screen, app.orders.length], ['try again later', 1]);
  await app.load();
  assert.deepEqual([app.screen, shop.counts.reuses], ['sign in', 1]);
});

test('the session is revoked: nothing of it stays on the screen', async () => {
  const { app, shop } = await scene();
  shop.revokeFamily();
  await app.load();
  assert.deepEqual([app.screen, app.orders], ['sign in', []]);
});

test('offline: what was on the screen stays there, and the session too', async () => {
  const { app, shop } = await scene();
  const comeBack = shop.goOffline();
  await app.load();
  assert.deepEqual([app.screen, app.orders.length], ['try again later', 1]);
  comeBack();
  await app.load();
  assert.equal(app.screen, 'orders');
});

test('GitHub: its words, its encodings, and a 401 without a challenge', async () => {
  const { app, shop } = await scene(dialects.github, { authorizationServer: github() });
  shop.expire();
  await app.load();
  assert.deepEqual([app.screen, shop.counts.refreshes], ['orders', 1]);
});
