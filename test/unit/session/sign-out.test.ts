/** Law sign-out-wins: sign-out wins, whatever is in progress. */
import { expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { key, openManager } from '../../support/open-manager.ts';
import { deferred, rejection, settlement, times } from '../../support/promises.ts';
import { failWrites } from '../../support/watched-storage.ts';

test('law sign-out-wins: tokens are gone here, from the storage, and at the server, the refresh token first', async () => {
  const { manager, server, storage, tokens, types } = await openManager();
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(await storage.inner.read(key)).toBeUndefined();
  expect(server.isActive(tokens.refresh_token ?? '')).toBe(false);
  expect(server.isActive(tokens.access_token)).toBe(false);
  expect(server.counts.revocations).toBe(1);
  expect(types()).toEqual(['signedOut']);
  expect(await rejection(manager.getAccessToken())).toMatchObject({
    code: 'ERR_LOGIN_REQUIRED',
    reason: 'signed_out',
  });
  expect(await manager.getTokens()).toBeUndefined();
});

test('law sign-out-wins: a refresh that is in flight: its late tokens are neither used nor stored, and die at the server', async () => {
  const { manager, server, storage, expire, types } = await openManager();
  expire();
  const held = server.hold({ commits: true });
  const callers = times(5, () => rejection(manager.getAccessToken()));
  await held.arrived();
  const out = manager.signOut();
  held();
  expect(await out).toEqual({ revoked: true });
  const errors = await Promise.all(callers);
  expect(new Set(errors).size).toBe(1);
  expect(errors[0]).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
  expect(await storage.inner.read(key)).toBeUndefined();
  expect(server.isActive(server.currentRefreshToken() ?? '')).toBe(false);
  expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  expect(types()).toEqual(['signedOut', 'lateTokensDiscarded']);
});

test('law sign-out-wins: a call after a sign-out does not wait for the refresh in flight', async () => {
  const { manager, server, expire } = await openManager();
  expire();
  const held = server.hold();
  const early = rejection(manager.getAccessToken());
  await held.arrived();
  const out = manager.signOut();
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
  held();
  await Promise.all([out, early]);
});

/** Every place in a refresh where it waits for the storage. */
const phases = [
  ['before the lock', 'read', 1],
  ['step 3: re-reading', 'read', 2],
  ['step 5: marking', 'write', 1],
  ['step 6: committing', 'write', 2],
  ['step 6: reading back', 'read', 3],
] as const;

test.each(phases)('law sign-out-wins: a sign-out while the refresh is at %s', async (_phase, on, at) => {
  const { manager, server, storage, expire, clock } = await openManager();
  expire();
  const gate = deferred();
  let seen = 0;
  storage.before = (operation) => (operation === on && ++seen === at ? gate.promise : undefined);
  const caller = rejection(manager.getAccessToken());
  await clock.advance(0);
  expect(seen).toBe(at);
  const out = manager.signOut();
  await clock.advance(0);
  gate.resolve();
  expect(await out).toEqual({ revoked: true });
  expect(await caller).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
  expect(await storage.inner.read(key)).toBeUndefined();
  expect(server.isActive(server.currentRefreshToken() ?? '')).toBe(false);
  expect(server.counts.reuses).toBe(0);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
});

test('law sign-out-wins: a sign-out at another manager, while this one refreshes: the late tokens are revoked here', async () => {
  const { manager, server, storage, expire, open } = await openManager();
  const other = open();
  const told = eventsOf(manager);
  expire();
  const held = server.hold({ commits: true });
  const caller = rejection(manager.getAccessToken());
  await held.arrived();
  await other.signOut({ revoke: false });
  held();
  expect(await caller).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'signed_out' });
  await expect.poll(() => told.map(({ type }) => type)).toEqual(['signedOut', 'lateTokensDiscarded']);
  expect(told[0]).toMatchObject({ where: 'elsewhere' });
  expect(server.isActive(server.currentRefreshToken() ?? '')).toBe(false);
  expect(await storage.inner.read(key)).toBeUndefined();
});

test('law sign-out-wins: a successor that the storage refuses is not stored after a sign-out', async () => {
  const { manager, server, storage, expire, clock } = await openManager();
  expire();
  failWrites(storage, (index) => index === 1);
  await manager.getAccessToken();
  expect(await manager.signOut()).toEqual({ revoked: true });
  await clock.advance(120_000);
  expect(await storage.inner.read(key)).toBeUndefined();
  expect(server.isActive(server.currentRefreshToken() ?? '')).toBe(false);
  expect(clock.timers).toBe(0);
});

test('law sign-out-wins: a delete that fails: said so, not used here any more, and dead at the server', async () => {
  const { manager, server, storage, tokens, types } = await openManager();
  storage.before = (operation) => {
    if (operation === 'delete') throw new Error('read-only file system');
  };
  expect(await rejection(manager.signOut())).toMatchObject({ code: 'ERR_STORAGE', operation: 'delete' });
  expect(types()).toEqual(['signedOut']);
  expect(server.isActive(tokens.access_token)).toBe(false);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
  expect(await manager.getTokens()).toBeUndefined();
  storage.before = () => undefined;
  await manager.signOut();
  expect(await storage.inner.read(key)).toBeUndefined();
});

test('law sign-out-wins: a login that is stored elsewhere while the delete fails ends too, and all its tokens are revoked', async () => {
  const { manager, open, server, storage, tokens } = await openManager();
  const other = server.signIn();
  const elsewhere = open();
  let fails = true;
  storage.before = async (operation) => {
    if (operation !== 'delete' || !fails) return;
    fails = false;
    await elsewhere.setTokens(other);
    throw new Error('The disk was away for a moment.');
  };
  expect(await manager.signOut()).toEqual({ revoked: true });
  expect(await storage.inner.read(key)).toBeUndefined();
  for (const one of [tokens, other]) expect(server.isActive(one.refresh_token ?? '')).toBe(false);
});

test('law sign-out-wins: an unreadable record is deleted anyway', async () => {
  const { manager, storage } = await openManager();
  storage.before = (operation) => {
    if (operation === 'read') throw new Error('The keychain is locked.');
  };
  const cause = { code: 'ERR_STORAGE', operation: 'read' };
  expect(await manager.signOut()).toMatchObject({ revoked: false, reason: 'unreadable', cause });
  expect(await storage.inner.read(key)).toBeUndefined();
});

test.each([
  ['corrupt', { refreshToken: 'refresh-x' }],
  ['other schema', { schema: 2 }],
])(
  'law sign-out-wins: a value that is %s does not survive a sign-out: it may hold tokens',
  async (_what, record) => {
    const { manager, storage } = await openManager({ signedIn: false });
    await storage.inner.write(key, record, undefined);
    expect(await manager.signOut()).toEqual({ revoked: false, reason: 'unreadable' });
    expect(await storage.inner.read(key)).toBeUndefined();
  },
);

test('law sign-out-wins: another issuer’s session survives a sign-out: it is not ours', async () => {
  const { manager, storage, open, server } = await openManager();
  await manager.signOut();
  const stranger = open({ authorizationServer: { tokenEndpoint: 'https://other.test/token' } });
  await stranger.setTokens(server.signIn());
  await manager.signOut();
  expect(await storage.inner.read(key)).toBeDefined();
});

test('law sign-out-wins: a sign-out while a login is being stored: the login is undone, and its tokens die', async () => {
  const { manager, server, storage, clock, types } = await openManager();
  const login = server.signIn();
  const gate = deferred();
  storage.before = (operation) => (operation === 'write' ? gate.promise : undefined);
  const signedIn = manager.setTokens(login);
  await clock.advance(0);
  const out = manager.signOut();
  await clock.advance(0);
  gate.resolve();
  expect(await out).toEqual({ revoked: true });
  await signedIn;
  expect(await storage.inner.read(key)).toBeUndefined();
  expect(server.isActive(login.refresh_token ?? '')).toBe(false);
  expect(types()).toEqual(['signedOut', 'lateTokensDiscarded']);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
});

test('law sign-out-wins: a sign-out that finds nothing, because the first login is still being written', async () => {
  const { manager, tokens, server, storage, clock } = await openManager({ signedIn: false });
  const gate = deferred();
  storage.before = (operation) => (operation === 'write' ? gate.promise : undefined);
  const signedIn = manager.setTokens(tokens);
  await clock.advance(0);
  const out = manager.signOut();
  await clock.advance(0);
  gate.resolve();
  expect(await out).toEqual({ revoked: true });
  await signedIn;
  expect(await storage.inner.read(key)).toBeUndefined();
  expect(server.isActive(tokens.refresh_token ?? '')).toBe(false);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
});

test('law sign-out-wins: a login while a sign-out is in progress is not the one that is ended', async () => {
  const { manager, server, storage, clock, tokens } = await openManager();
  const gate = deferred();
  storage.before = (operation) => (operation === 'delete' ? gate.promise : undefined);
  const out = manager.signOut();
  await clock.advance(0);
  const login = server.signIn();
  await manager.setTokens(login);
  gate.resolve();
  expect(await out).toEqual({ revoked: true });
  expect(await manager.getAccessToken()).toBe(login.access_token);
  expect((await storage.inner.read(key))?.record).toMatchObject({ refreshToken: login.refresh_token });
  expect(server.isActive(login.refresh_token ?? '')).toBe(true);
  expect(server.isActive(tokens.refresh_token ?? '')).toBe(false);
});

test('{ revoked } is true only after a confirmation: a server that refuses, one without the endpoint, and no session', async () => {
  const refused = await openManager();
  refused.server.fail(
    { response: { status: 400, body: '{"error":"invalid_client"}' } },
    { on: 'revocation' },
  );
  expect(await refused.manager.signOut()).toEqual({ revoked: false, reason: 'refused', status: 400 });
  const { server } = await openManager();
  const { revocationEndpoint: _none, ...metadata } = server.metadata;
  const without = await openManager({ manager: { authorizationServer: metadata } });
  expect(await without.manager.signOut()).toEqual({ revoked: false, reason: 'no_endpoint' });
  const nobody = await openManager({ signedIn: false });
  expect(await nobody.manager.signOut()).toEqual({ revoked: false, reason: 'no_tokens' });
  expect(nobody.types()).toEqual([]);
});

test('{ revoked } is true only after a confirmation of late tokens as well', async () => {
  const { manager, server, expire, storage, clock } = await openManager();
  expire();
  const gate = deferred();
  storage.before = (operation) => {
    if (operation !== 'delete') return undefined;
    storage.before = () => undefined; // the refresh deletes as well
    return gate.promise;
  };
  const held = server.hold({ commits: true });
  const caller = rejection(manager.getAccessToken());
  await held.arrived();
  server.fail({ response: { status: 400, body: '{"error":"invalid_client"}' } }, { on: 'revocation' });
  const out = manager.signOut();
  await clock.advance(0);
  // The late tokens come, and are refused by the revocation endpoint, while what was stored is still being deleted.
  held();
  await caller;
  await clock.advance(0);
  gate.resolve();
  expect(await out).toEqual({ revoked: false, reason: 'refused', status: 400 });
});

test('an aborted sign-out stops waiting for the server; everything on this side is done', async () => {
  const { manager, server, storage } = await openManager();
  const held = server.hold({ on: 'revocation' });
  const controller = new AbortController();
  const out = manager.signOut({ signal: controller.signal });
  const state = settlement(out);
  await held.arrived();
  expect(state.done).toBe(false);
  controller.abort();
  expect(await out).toEqual({ revoked: false, reason: 'aborted' });
  expect(await storage.inner.read(key)).toBeUndefined();
  held();
});

test('a sign-out that was aborted before it began, of a server that cannot be found: no unhandled rejection', async () => {
  const { manager, storage } = await openManager({
    manager: { authorizationServer: () => Promise.reject(new Error('offline')) },
  });
  expect(await manager.signOut({ signal: AbortSignal.abort() })).toEqual({
    revoked: false,
    reason: 'aborted',
  });
  expect(await storage.inner.read(key)).toBeUndefined();
});

test('revoke: false sends nothing to the server', async () => {
  const { manager, server } = await openManager();
  expect(await manager.signOut({ revoke: false })).toEqual({ revoked: false, reason: 'not_requested' });
  expect(server.counts.revocations).toBe(0);
});

test('N9: a call at once after the constructor waits for what is stored', async () => {
  const { open, tokens } = await openManager();
  expect(await open().getAccessToken()).toBe(tokens.access_token);
});
