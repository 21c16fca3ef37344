/** The retries of a query, with errors that a manager throws. */
import { faults, mockTokenManager } from 'tokenkeep/testing';
import { expect, test, vi } from 'vitest';
import { clearForOtherUsers, retry, retryDelay } from './query-retry.ts';
import { scene } from './scene.ts';

const protectedResources = ['https://api.example.com/'];
const reject = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

test('a refresh that failed is retried, at the time that the server asks for', async () => {
  const { manager, shop } = await scene();
  shop.expire();
  shop.fail(faults.rateLimited(20));
  const error = await reject(manager.getAccessToken({ rejectedToken: await manager.getAccessToken() }));
  expect([retry(0, error), retry(2, error), retry(3, error)]).toEqual([true, true, false]);
  expect(Math.round(retryDelay(0, error) / 1_000)).toBe(20);
  expect(retryDelay(5, error)).toBe(32_000);
});

test('a login that is missing is not retried', async () => {
  const manager = mockTokenManager({ protectedResources, signedIn: false });
  expect(retry(0, await reject(manager.fetch('https://api.example.com/orders')))).toBe(false);
});

test('an API that cannot be reached is retried, later each time', () => {
  const error = new TypeError('fetch failed');
  expect([retry(0, error), retry(3, error)]).toEqual([true, false]);
  expect([0, 1, 2].map((failures) => retryDelay(failures, error))).toEqual([1_000, 2_000, 4_000]);
});

test('answers are forgotten when the user leaves or another one comes, not when the same one signs in', async () => {
  const manager = mockTokenManager({ protectedResources, claims: { sub: 'ada' } });
  const clear = vi.fn();
  clearForOtherUsers(manager, { clear });
  await manager.getTokens();
  await manager.signIn();
  expect(clear).toHaveBeenCalledTimes(0);
  await manager.signIn({ claims: { sub: 'grace' } });
  expect(clear).toHaveBeenCalledTimes(1);
  await manager.endSession();
  expect(clear).toHaveBeenCalledTimes(2);
});
