/** A picture for bug reports: what matters is in it, and no token. */
import { createHash } from 'node:crypto';
import { inspect, StorageError } from 'tokenkeep';
import { faults } from 'tokenkeep/testing';
import { expect, test } from 'vitest';
import { key, openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

const hashOf = (token: unknown) => createHash('sha256').update(String(token)).digest('hex').slice(0, 8);

test('shows a session that lives: hashes in place of tokens, and when they end', async () => {
  const { manager, tokens, clock, server } = await openManager();
  await manager.getAccessToken();
  const now = clock.now();
  const hash = hashOf(tokens.access_token);
  expect(await inspect(manager)).toEqual({
    session: 'default',
    clientId: 'test-client',
    at: now,
    storage: { reach: 'process' },
    lock: { reach: 'process', lease: undefined },
    authorizationServer: {
      issuer: server.metadata.issuer,
      tokenEndpoint: server.metadata.tokenEndpoint,
      reuseWindow: undefined,
    },
    memory: {
      login: expect.any(String),
      accessTokens: [{ variant: '', hash, expiresAt: now + 300_000, until: now + 270_000 }],
      refreshes: 0,
      unsaved: false,
      ended: undefined,
    },
    stored: {
      login: expect.any(String),
      issuer: server.metadata.issuer,
      scope: ['read', 'write'],
      refreshToken: hashOf(tokens.refresh_token),
      refreshTokenExpiresAt: undefined,
      accessTokens: [
        {
          ...{ variant: '', hash, type: 'Bearer', issuedAt: now, expiresAt: now + 300_000 },
          scope: ['read', 'write'],
        },
      ],
      pendingRefresh: undefined,
      failure: undefined,
    },
  });
  expect(server.counts.tokenRequests).toBe(0);
});

test('shows a refresh under way, with its marker, and one that failed', async () => {
  const { manager, server, expire, clock } = await openManager();
  expire();
  const held = server.hold();
  const token = manager.getAccessToken();
  await held.arrived();
  const now = clock.now();
  expect(await inspect(manager)).toMatchObject({
    memory: { refreshes: 1 },
    stored: { pendingRefresh: { since: now, latest: now, sends: 1 }, failure: undefined },
  });
  held();
  await token;
  expire();
  server.fail(faults.serverError);
  await rejection(manager.getAccessToken());
  const failed = { kind: 'transient', status: 503, at: clock.now(), count: 1 };
  expect(await inspect(manager)).toMatchObject({
    memory: { refreshes: 0 },
    stored: { pendingRefresh: undefined, failure: failed },
  });
});

test('shows why nobody gets a token', async () => {
  const { manager } = await openManager();
  await manager.signOut();
  expect(await inspect(manager)).toMatchObject({
    memory: { accessTokens: [], ended: 'signed_out' },
    stored: undefined,
  });
});

test('shows what is wrong with what is stored', async () => {
  const { manager, storage, types } = await openManager();
  await storage.inner.write(key, { schema: 2 }, (await storage.inner.read(key))?.version);
  expect((await inspect(manager)).stored).toBe('newer schema');
  expect(types()).toEqual(['recordRejected']);
  storage.before = () => Promise.reject(new StorageError('Not today.', { operation: 'read' }));
  expect((await inspect(manager)).stored).toEqual({ code: 'ERR_STORAGE' });
});

test('law no-token-in-words: holds no token, also after a refresh that the storage refused', async () => {
  const { manager, expire, storage, tokens, server } = await openManager();
  expire();
  storage.before = (operation) => {
    if (operation === 'write' && server.counts.refreshes > 0) throw new StorageError('Full.', { operation });
  };
  const token = await manager.getAccessToken();
  const picture = await inspect(manager);
  expect(picture.memory.unsaved).toBe(true);
  const text = JSON.stringify(picture);
  for (const secret of [tokens.access_token, tokens.refresh_token, token, server.currentRefreshToken()]) {
    expect(text).not.toContain(String(secret).slice(8));
    expect(text).not.toContain(String(secret).slice(-8));
  }
});

test('of a token without a known end it says nothing that JSON.stringify would change', async () => {
  const { manager } = await openManager({ signedIn: false });
  await manager.setTokens({ accessToken: 'opaque' });
  const { memory } = await inspect(manager);
  expect(memory.accessTokens).toMatchObject([{ expiresAt: undefined, until: undefined }]);
});
