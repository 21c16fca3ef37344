/** Step 1: a caller that comes during a refresh joins it, and an abort affects no other caller. */
import { expect, test } from 'vitest';
import { api, openManager } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';

test.each([10, 1_000])(
  'law single-use, step 1: %i callers of an expired token: one refresh, one token (N1, N7)',
  async (count) => {
    const { manager, server, expire } = await openManager();
    expire();
    const tokens = await Promise.all(times(count, () => manager.getAccessToken()));
    expect(new Set(tokens)).toEqual(new Set([server.currentAccessToken()]));
    expect(server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1 });
  },
);

test('step 1: fetch and getAccessToken go through the same door', async () => {
  const { manager, server, expire, call } = await openManager();
  expire();
  const [status] = await Promise.all([call(), manager.getAccessToken(), call()]);
  expect(status).toBe(200);
  expect(server.counts.tokenRequests).toBe(1);
});

test('step 1: an abort leaves the flight, and harms nobody else', async () => {
  const { manager, server, expire } = await openManager();
  expire();
  const held = server.hold({ commits: true });
  const controller = new AbortController();
  const reason = new Error('the user went away');
  const leaver = rejection(manager.getAccessToken({ signal: controller.signal }));
  const leaverToo = rejection(manager.fetch(api, { signal: controller.signal }));
  const stayer = manager.getAccessToken();
  await held.arrived();
  controller.abort(reason);
  expect(await leaver).toBe(reason);
  expect(await leaverToo).toBe(reason);
  held();
  expect(await stayer).toBe(server.currentAccessToken());
  expect(server.counts.tokenRequests).toBe(1);
});

test('step 1: the flight lands although everyone has left, and its successor is stored', async () => {
  const { manager, server, expire, clock, record, types } = await openManager();
  expire();
  const held = server.hold({ commits: true });
  const controller = new AbortController();
  const leaver = rejection(manager.getAccessToken({ signal: controller.signal }));
  await held.arrived();
  controller.abort();
  await leaver;
  held();
  await clock.advance(0);
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
  expect(types()).toEqual(['refreshed']);
});

test('step 1: a call that is aborted already begins nothing', async () => {
  const { manager, server, expire, clock, storage } = await openManager();
  expire();
  expect(await rejection(manager.getAccessToken({ signal: AbortSignal.abort('gone') }))).toBe('gone');
  await clock.advance(0);
  expect(storage.log).toEqual([]);
  expect(server.counts.tokenRequests).toBe(0);
});

test('step 1: all waiting callers get the same error', async () => {
  const { manager, server, expire } = await openManager();
  expire();
  server.revokeFamily();
  const errors = await Promise.all(times(20, () => rejection(manager.getAccessToken())));
  expect(new Set(errors).size).toBe(1);
  expect(errors[0]).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' });
});

test('N21, B37: a refresh that never settles ends at its deadline, and the next call goes through', async () => {
  const { manager, server, expire, clock } = await openManager({ manager: { timeout: 10_000 } });
  expire();
  server.fail({ hang: true });
  const first = rejection(manager.getAccessToken());
  await clock.advance(9_999);
  const second = rejection(manager.getAccessToken());
  await clock.advance(1);
  expect(await first).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    sent: true,
    cause: { name: 'TimeoutError' },
  });
  expect(await second).toBe(await first);
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expect(clock.timers).toBe(0);
});

test('N21: an authorization server that is never found ends at the deadline too, and the lock is free', async () => {
  const { open, expire, clock, server, tokens } = await openManager({ manager: { timeout: 10_000 } });
  let finds = 0;
  const authorizationServer = () =>
    finds++ === 0 ? new Promise<never>(() => undefined) : Promise.resolve(server.metadata);
  expire();
  const slow = open({ authorizationServer });
  const first = rejection(slow.getAccessToken());
  await clock.advance(10_000);
  expect(await first).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
  await clock.advance(2_000);
  expect(await slow.getAccessToken()).not.toBe(tokens.access_token);
  expect(server.counts.tokenRequests).toBe(1);
});

test('N21: client authentication that never ends does not hold the lock forever', async () => {
  const { open, expire, clock, server, manager } = await openManager({ manager: { timeout: 10_000 } });
  expire();
  const slow = open({
    clientAuthentication: { method: 'hsm', authenticate: () => new Promise<never>(() => undefined) },
  });
  const first = rejection(slow.getAccessToken());
  await clock.advance(0);
  await clock.advance(10_000);
  expect(await first).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: false });
  await clock.advance(2_000);
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
});
