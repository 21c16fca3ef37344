/** A login: its tokens are the session from then on, whatever is in progress. */
import type { TokenManagerOptions } from 'tokenkeep';
import { expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { key, openManager } from '../../support/open-manager.ts';
import { deferred, rejection, settlement } from '../../support/promises.ts';

test('law sign-out-wins: a login during a refresh: the late tokens of the old session are dropped, the new one stays', async () => {
  const { manager, server, expire, record } = await openManager();
  expire();
  const held = server.hold({ commits: true, times: 1 });
  const early = manager.getAccessToken();
  await held.arrived();
  const login = server.signIn();
  await manager.setTokens(login);
  held();
  expect(await rejection(early)).toMatchObject({ reason: 'login_changed' });
  expect(await manager.getAccessToken()).toBe(login.access_token);
  expect((await record())?.refreshToken).toBe(login.refresh_token);
  expect(server.counts.reuses).toBe(0);
});

test('law sign-out-wins: who calls after a login does not get what a refresh before it brings', async () => {
  const { manager, server, expire } = await openManager();
  expire();
  const held = server.hold({ commits: true, times: 1 });
  const early = manager.getAccessToken();
  await held.arrived();
  const login = server.signIn({ lifetime: 1_000 });
  await manager.setTokens(login);
  const late = manager.getAccessToken();
  held();
  expect(await late).toBe(login.access_token);
  expect(await rejection(early)).toMatchObject({ reason: 'login_changed' });
});

test('a call while a login is being stored waits for it: it does not get a token of the session before', async () => {
  const { manager, server, storage, clock } = await openManager();
  const login = server.signIn();
  const gate = deferred();
  storage.before = (operation) => (operation === 'write' ? gate.promise : undefined);
  const signedIn = manager.setTokens(login);
  await clock.advance(0);
  const call = manager.getAccessToken();
  const state = settlement(call);
  await clock.advance(0);
  expect(state.done).toBe(false);
  gate.resolve();
  await signedIn;
  expect(await call).toBe(login.access_token);
  expect(await manager.getAccessToken()).toBe(login.access_token);
});

test('a read that began before a login does not bring the old token back after it', async () => {
  const { manager, server, storage, clock, expire, tokens } = await openManager();
  expire();
  const gate = deferred();
  let reads = 0;
  storage.before = (operation) => (operation === 'read' && ++reads === 1 ? gate.promise : undefined);
  const early = manager.getAccessToken();
  await clock.advance(0);
  const login = server.signIn();
  await manager.setTokens(login);
  gate.resolve();
  expect(await rejection(early)).toMatchObject({ reason: 'login_changed' });
  expect(await manager.getAccessToken()).toBe(login.access_token);
  expect(await manager.getAccessToken()).not.toBe(tokens.access_token);
});

test('of two logins at once the later one wins, here and in the storage', async () => {
  const { manager, server, storage, record, clock } = await openManager({ signedIn: false });
  const gate = deferred();
  let writes = 0;
  storage.before = (operation) => (operation === 'write' && ++writes === 1 ? gate.promise : undefined);
  const [first, second] = [server.signIn(), server.signIn()];
  const one = manager.setTokens(first);
  await clock.advance(0);
  const two = manager.setTokens(second);
  await two;
  gate.resolve();
  await one;
  expect(await manager.getAccessToken()).toBe(second.access_token);
  expect((await record())?.refreshToken).toBe(second.refresh_token);
});

test('a login ends the end: calls go through again, and the dead token is forgotten', async () => {
  const { manager, server, expire, call } = await openManager();
  expire();
  server.revokeFamily();
  await rejection(manager.getAccessToken());
  await manager.setTokens(server.signIn());
  expect(await call()).toBe(200);
});

test('law tokens-stay-home: a session is bound to the issuer that was known at its login', async () => {
  const { storage } = await openManager();
  expect((await storage.inner.read(key))?.record).toMatchObject({
    issuer: 'https://as.test',
    clientId: 'test-client',
  });
});

test('the storage changes while it is watched: a slow read does not undo later changes', async () => {
  const { open, server, storage, clock } = await openManager();
  const { inner } = storage;
  const gate = deferred();
  let slow = false;
  const watched = open({
    storage: {
      ...inner,
      read: async (name) => {
        const found = await inner.read(name);
        if (!slow) return found;
        slow = false;
        await gate.promise;
        return found;
      },
    },
  });
  const before = await watched.getAccessToken();
  // Another manager signs out: the watcher looks, and its look is slow.
  slow = true;
  await inner.delete(key);
  await clock.advance(0);
  expect(slow).toBe(false);
  const login = server.signIn();
  await open().setTokens(login);
  const stale = watched.getAccessToken({ rejectedToken: before });
  expect(await rejection(stale)).toMatchObject({ reason: 'login_changed' });
  expect(await watched.getAccessToken()).toBe(login.access_token);
  const told = eventsOf(watched);
  gate.resolve();
  await clock.advance(0);
  expect(told).toEqual([]);
  expect(await watched.getAccessToken()).toBe(login.access_token);
});

test('law sign-out-wins: a login elsewhere and a sign-out after it: the look at the first is answered last, and nobody is signed in', async () => {
  const { open, server, storage, clock } = await openManager({ signedIn: false });
  const { inner } = storage;
  const gate = deferred();
  let slow = false;
  const read = async (name: string) => {
    const found = await inner.read(name);
    if (!slow) return found;
    slow = false;
    await gate.promise;
    return found;
  };
  const watched = open({ storage: { ...inner, read } });
  expect(await watched.getTokens()).toBeUndefined();
  const told = eventsOf(watched);
  const elsewhere = open({ storage: inner });
  slow = true;
  await elsewhere.setTokens(server.signIn());
  await clock.advance(0);
  await elsewhere.signOut({ revoke: false });
  await clock.advance(0);
  gate.resolve();
  await clock.advance(0);
  expect(told).toEqual([]);
  expect(await rejection(watched.getAccessToken())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED' });
});

test('law only-the-server-ends-it: a watcher that cannot read what has changed does not end the session', async () => {
  const { open, storage, clock } = await openManager();
  const watch = storage.inner.watch?.bind(storage.inner) ?? (() => () => undefined);
  const watched = open({ storage: { ...storage, watch } });
  const token = await watched.getAccessToken();
  const told = eventsOf(watched);
  storage.before = () => {
    throw new Error('The keychain is locked.');
  };
  const stored = await storage.inner.read(key);
  await storage.inner.write(key, stored?.record as object, stored?.version);
  await clock.advance(0);
  expect(told).toEqual([]);
  expect(await watched.getAccessToken()).toBe(token);
});

test('law sign-out-wins: a sign-out while a login waits for what it has to know wins, and its tokens are revoked', async () => {
  const found = deferred<TokenManagerOptions['authorizationServer'] & object>();
  const { open, server, storage, tokens } = await openManager({ signedIn: false });
  const manager = open({ authorizationServer: () => found.promise as never });
  const discarded = eventsOf(manager);
  const login = manager.setTokens(tokens);
  await manager.signOut({ revoke: false });
  found.resolve(server.metadata);
  await login;
  expect(await storage.inner.read(key)).toBeUndefined();
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'signed_out' });
  await expect.poll(() => discarded.map(({ type }) => type)).toContain('lateTokensDiscarded');
  expect(server.counts).toMatchObject({ revocations: 1 });
});

test.each([
  { expiresAt: Number.NaN }, // Date.now() + response.expires_in * 1000, where there is no expires_in
  { expiresAt: Number.POSITIVE_INFINITY },
  { refreshTokenExpiresAt: Number.NaN },
  { scope: 'read write' },
  { idToken: { sub: 'user' } },
])('a TokenSet with %o is refused at the door, and the session before it lives', async (wrong) => {
  const { manager, tokens, record, events } = await openManager();
  const set = { accessToken: 'a', refreshToken: 'r', ...wrong } as never;
  expect(await rejection(manager.setTokens(set))).toMatchObject({ code: 'ERR_CONFIGURATION' });
  expect((await record())?.refreshToken).toBe(tokens.refresh_token);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  expect(events).toEqual([]);
});

test('the null of a database is a time that is not known, not one that is long over', async () => {
  const { manager, events } = await openManager({ signedIn: false });
  const unknown = { expiresAt: null, refreshTokenExpiresAt: null, idToken: null, scope: null, extra: null };
  await manager.setTokens({ accessToken: 'a', refreshToken: 'r', ...unknown } as never);
  expect(await manager.getAccessToken()).toBe('a');
  expect(await manager.getTokens()).toMatchObject({ expiresAt: undefined, refreshTokenExpiresAt: undefined });
  expect(events.map(({ type }) => type)).toEqual(['signedIn']);
});
