/** How long tokens are used, whatever the clock does. */

import { faults } from 'tokenkeep/testing';
import { expect, test, vi } from 'vitest';
import { callApi, openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

const day = 86_400_000;

test('N35: a token is not returned in the last 30 seconds of its lifetime', async () => {
  const { manager, clock, tokens, server } = await openManager();
  clock.set(clock.now() + 269_999);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  clock.set(clock.now() + 1);
  expect(await manager.getAccessToken()).not.toBe(tokens.access_token);
  expect(server.counts.refreshes).toBe(1);
});

test('N35: nor in the last quarter of a life that is short', async () => {
  const { manager, clock, tokens } = await openManager({ server: { accessTokenLifetime: 20_000 } });
  clock.set(clock.now() + 14_999);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  clock.set(clock.now() + 1);
  expect(await manager.getAccessToken()).not.toBe(tokens.access_token);
});

test('refreshBefore: 0 hands a token out to its end', async () => {
  const { manager, clock, tokens } = await openManager({ manager: { refreshBefore: 0 } });
  clock.set(clock.now() + 299_999);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  clock.set(clock.now() + 1);
  expect(await manager.getAccessToken()).not.toBe(tokens.access_token);
});

test('expiry counts from the moment the request was sent, not from the answer', async () => {
  const { manager, clock, server, expire, record } = await openManager();
  expire();
  const sentAt = clock.now();
  server.fail({ delay: 20_000 });
  const token = manager.getAccessToken();
  await clock.advance(20_000);
  await token;
  expect((await record())?.accessTokens['']).toMatchObject({ issuedAt: sentAt, expiresAt: sentAt + 300_000 });
});

test.each([
  ['503', faults.serverError],
  ['429', faults.rateLimited(10)],
  ['no connection', { response: { status: 500 } }],
])(
  'law only-the-server-ends-it: a refresh ahead of time that fails (%s) keeps the valid token in use',
  async (_what, fault) => {
    const { manager, clock, tokens, server, types } = await openManager();
    clock.set(clock.now() + 280_000);
    server.fail(fault, { times: 100 });
    expect(await manager.getAccessToken()).toBe(tokens.access_token);
    expect(await manager.getAccessToken()).toBe(tokens.access_token);
    expect(server.counts.tokenRequests).toBe(1);
    expect(types()).toEqual(['refreshFailed']);
    clock.set(clock.now() + 20_000);
    expect(await rejection(manager.getAccessToken())).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
  },
);

test('law only-the-server-ends-it: a failure that is remembered keeps a valid token in use for a manager that has just begun', async () => {
  const { manager, clock, tokens, server, open } = await openManager();
  clock.set(clock.now() + 280_000);
  server.fail(faults.rateLimited(15));
  await manager.getAccessToken();
  expect(await open().getAccessToken()).toBe(tokens.access_token);
  expect(server.counts.tokenRequests).toBe(1);
});

test('law only-the-server-ends-it: a storage that fails ahead of time keeps the valid token in use', async () => {
  const { manager, clock, tokens, storage, server } = await openManager();
  clock.set(clock.now() + 280_000);
  storage.before = () => {
    throw new Error('locked');
  };
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  clock.set(clock.now() + 20_000);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ code: 'ERR_STORAGE' });
  expect(server.counts.tokenRequests).toBe(0);
});

test.each([-day, day])('a local clock that is wrong by %i ms changes nothing', async (wrong) => {
  const { manager, clock, server, tokens, call } = await openManager({ server: { clockOffset: -wrong } });
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  clock.set(clock.now() + 269_000);
  expect(await call()).toBe(200);
  expect(server.counts.refreshes).toBe(0);
  clock.set(clock.now() + 2_000);
  expect(await call()).toBe(200);
  expect(server.counts).toMatchObject({ refreshes: 1, apiRejected: 0 });
});

test('a clock that jumps back: the server rejects the token as expired, and one refresh repairs it', async () => {
  const { manager, clock, server, call } = await openManager();
  clock.set(clock.now() - day);
  server.expire();
  expect(await call()).toBe(200);
  expect(server.counts.refreshes).toBe(1);
  clock.set(clock.now() + 269_000);
  expect(await call()).toBe(200);
  clock.set(clock.now() + 2_000);
  await manager.getAccessToken();
  expect(server.counts.refreshes).toBe(2);
});

test('a clock that jumps ahead costs one refresh', async () => {
  const { manager, clock, server } = await openManager();
  clock.set(clock.now() + day);
  await manager.getAccessToken();
  await manager.getAccessToken();
  expect(server.counts.refreshes).toBe(1);
});

test('sleep: no timer runs, and the first call after it refreshes', async () => {
  const { clock, server, call } = await openManager();
  await call();
  expect(clock.timers).toBe(0);
  clock.set(clock.now() + 8 * 3_600_000);
  expect(await call()).toBe(200);
  expect(server.counts).toMatchObject({ refreshes: 1, apiRejected: 0 });
});

test('a remembered failure does not outlive a clock that was set back', async () => {
  const { manager, clock, server, expire } = await openManager();
  expire();
  server.fail(faults.rateLimited(3_600));
  expect(await rejection(manager.getAccessToken())).toMatchObject({ retryAfter: 3_600_000 });
  clock.set(clock.now() - 3_600_000 - 1);
  server.expire();
  const { accessToken = '' } = (await manager.getTokens()) ?? {};
  expect(await manager.getAccessToken({ rejectedToken: accessToken })).toBe(server.currentAccessToken());
});

test.each([
  ['0 s', 0],
  ['-5 s', -5],
  ['"0"', '0'],
  ['1 s', 1],
  ['59 days (N37)', 5_215_742],
  ['10 years', 315_360_000],
  ['1e300 s', 1e300],
])('N37: a lifetime of %s: no loop, no overflow of a timer', async (_what, expires_in) => {
  const warnings = vi.spyOn(process, 'emitWarning');
  const { open, server, clock } = await openManager({ server: { accessTokenLifetime: 400 * day } });
  const manager = open({ clock: { now: () => clock.now() } });
  await manager.setTokens({ ...server.signIn(), expires_in });
  for (let round = 0; round < 5; round++) expect(await callApi(manager)).toBe(200);
  expect(server.counts.refreshes).toBe(0);
  server.fail({ members: { expires_in } });
  const before = await manager.getAccessToken();
  const after = await manager.getAccessToken({ rejectedToken: before });
  for (let round = 0; round < 5; round++) expect(await manager.getAccessToken()).toBe(after);
  expect(server.counts.refreshes).toBe(1);
  expect(warnings).not.toHaveBeenCalled();
});

test('a timeout near the limit of timers overflows none, also where the lock is waited for longer', async () => {
  const warnings = vi.spyOn(process, 'emitWarning');
  const { server, open, clock, expire } = await openManager();
  const options = { timeout: 2 ** 31 - 1, clock: { now: () => clock.now() } };
  const [one, two] = [open(options), open(options)];
  expire();
  const held = server.hold();
  const first = one.getAccessToken();
  await held.arrived();
  const second = two.getAccessToken();
  await clock.advance(0);
  held();
  expect(await second).toBe(await first);
  expect(warnings).not.toHaveBeenCalled();
});
