/** A refresh needs evidence: an access token that has expired, or the very one that was rejected. */
import { expect, test } from 'vitest';
import { api, callApi, openManager } from '../../support/open-manager.ts';
import { deferred, times } from '../../support/promises.ts';

test('without evidence nothing is refreshed, however often a token is asked for', async () => {
  const { manager, server, tokens, call } = await openManager();
  for (let round = 0; round < 5; round++) {
    expect(await manager.getAccessToken()).toBe(tokens.access_token);
    expect(await call()).toBe(200);
  }
  expect(server.counts.tokenRequests).toBe(0);
});

test('a rejectedToken that is not the stored one is no evidence: the stored one is returned', async () => {
  const { manager, server, tokens } = await openManager();
  expect(await manager.getAccessToken({ rejectedToken: 'an older token' })).toBe(tokens.access_token);
  expect(server.counts.tokenRequests).toBe(0);
});

test('a rejectedToken that is the stored one is evidence, once', async () => {
  const { manager, server, tokens } = await openManager();
  const rejectedToken = tokens.access_token;
  const fresh = await manager.getAccessToken({ rejectedToken });
  expect(fresh).not.toBe(rejectedToken);
  const again = await Promise.all(times(50, () => manager.getAccessToken({ rejectedToken })));
  expect(new Set(again)).toEqual(new Set([fresh]));
  expect(server.counts.tokenRequests).toBe(1);
});

test('N5: a late 401 of an old token is answered from memory', async () => {
  const { server, manager, call } = await openManager();
  server.expire();
  const held = server.hold({ on: 'api', times: 1, commits: true });
  const late = manager.fetch(api);
  await held.arrived();
  expect(await call()).toBe(200);
  held();
  expect((await late).status).toBe(200);
  expect(server.counts).toMatchObject({ apiRejected: 2, refreshes: 1, reuses: 0 });
});

test('N5: eight stragglers with the old token come back one by one: no further refresh', async () => {
  const { server, manager, call } = await openManager();
  server.expire();
  const held = server.hold({ on: 'api', times: 8, commits: true });
  const late = times(8, () => manager.fetch(api));
  await held.arrived(8);
  expect(await call()).toBe(200);
  held();
  for (const response of late) expect((await response).status).toBe(200);
  expect(server.counts.refreshes).toBe(1);
  expect(server.counts.apiRejected).toBe(9);
});

test('step 4: another manager has refreshed: its token is adopted, without lock and network', async () => {
  const { server, manager, open, tokens, types, storage } = await openManager();
  const other = open();
  const fresh = await other.getAccessToken({ rejectedToken: tokens.access_token });
  storage.log.length = 0;
  expect(await manager.getAccessToken({ rejectedToken: tokens.access_token })).toBe(fresh);
  expect(storage.log).toEqual(['read']);
  expect(types()).toEqual(['adopted']);
  expect(server.counts.refreshes).toBe(1);
});

test('step 4: ten managers of one storage, one expiry: one refresh', async () => {
  const { server, open, expire } = await openManager();
  const managers = times(10, () => open());
  expire();
  const statuses = await Promise.all(managers.flatMap((one) => times(10, () => callApi(one))));
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1, peakConcurrentRefreshes: 1 });
});

test('step 1: evidence that arrives during a flight counts for all callers: none gets the rejected token', async () => {
  const { server, open, storage, tokens } = await openManager();
  const manager = open();
  const gate = deferred();
  storage.before = (operation) => (operation === 'read' ? gate.promise : undefined);
  const plain = manager.getAccessToken();
  const rejected = manager.getAccessToken({ rejectedToken: tokens.access_token });
  gate.resolve();
  expect(await plain).toBe(server.currentAccessToken());
  expect(await rejected).toBe(server.currentAccessToken());
  expect(await rejected).not.toBe(tokens.access_token);
  expect(server.counts.refreshes).toBe(1);
});

test('a server that does not rotate and gives the rejected token again: the caller gets it, and no loop', async () => {
  const { server, manager, tokens } = await openManager({ server: { profile: 'noRotation' } });
  server.fail({ members: { access_token: tokens.access_token } });
  expect(await manager.getAccessToken({ rejectedToken: tokens.access_token })).toBe(tokens.access_token);
  expect(server.counts.tokenRequests).toBe(1);
});

test('N41: an API that always answers 401: two requests, one refresh, the second 401 is the answer', async () => {
  const { server, manager, types } = await openManager();
  server.fail(
    { response: { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } } },
    { on: 'api', times: 100 },
  );
  expect((await manager.fetch(api)).status).toBe(401);
  expect(server.requests.length).toBe(2);
  const more = await Promise.all(times(10, () => manager.fetch(api)));
  expect(new Set(more.map(({ status }) => status))).toEqual(new Set([401]));
  expect(server.counts.refreshes).toBe(1);
  expect(types()).toEqual(['refreshed', 'newTokenRejected']);
});
