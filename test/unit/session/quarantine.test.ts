/** Stored values that are no sessions of ours are reported, left alone, and never sent anywhere. */
import { memoryStorage } from 'tokenkeep';
import { expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { key, openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

const session = {
  schema: 1,
  clientId: 'test-client',
  issuer: 'https://as.test',
  refreshToken: 'refresh-of-a-stranger',
  accessTokens: { '': { token: 'access-of-a-stranger', type: 'Bearer', issuedAt: 1, expiresAt: 2 } },
};

test.each([
  ['an empty string', '', 'corrupt'],
  ['"undefined"', 'undefined', 'corrupt'],
  ['null', null, 'corrupt'],
  ['a number', 7, 'corrupt'],
  ['an array', [session], 'corrupt'],
  ['an empty object', {}, 'corrupt'],
  ['truncated JSON', JSON.stringify(session).slice(0, 60), 'corrupt'],
  ['JSON that is still text', JSON.stringify(session), 'corrupt'],
  ['no access tokens', { ...session, accessTokens: undefined }, 'corrupt'],
  [
    'an access token with a line break',
    { ...session, accessTokens: { '': { ...session.accessTokens[''], token: 'a\nb' } } },
    'corrupt',
  ],
  ['an empty refresh token', { ...session, refreshToken: '' }, 'corrupt'],
  ['a refresh token that is an object', { ...session, refreshToken: {} }, 'corrupt'],
  ['a time that is text', { ...session, refreshTokenExpiresAt: 'soon' }, 'corrupt'],
  ['a broken marker', { ...session, pendingRefresh: { refreshToken: 'x' } }, 'corrupt'],
  ['a schema that there never was', { ...session, schema: 0 }, 'other schema'],
  ['another client', { ...session, clientId: 'someone-else' }, 'other client'],
  ['another issuer', { ...session, issuer: 'https://evil.test' }, 'other issuer'],
])(
  '%s: no exception but "sign in", one event, nothing sent, nothing touched',
  async (_what, record, reason) => {
    const { open, server, storage } = await openManager({ signedIn: false });
    let deleted = false;
    const inner = memoryStorage();
    const manager = open({
      storage: {
        ...inner,
        read: async () => (deleted ? undefined : { record, version: 'v1' }),
        delete: async () => {
          deleted = true;
        },
      },
    });
    const events = eventsOf(manager);
    for (let round = 0; round < 3; round++) {
      expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'no_tokens' });
    }
    expect(await rejection(manager.fetch('https://api.test/'))).toMatchObject({ reason: 'no_tokens' });
    expect(await manager.getTokens()).toBeUndefined();
    expect(events).toEqual([{ type: 'recordRejected', session: 'default', reason }]);
    expect(server.counts).toMatchObject({ tokenRequests: 0, apiCalls: 0, strayRequests: 0 });
    expect(deleted).toBe(false);
    expect(storage.log).toEqual([]);
  },
);

test('a login replaces what was quarantined', async () => {
  const { manager, tokens, storage, record } = await openManager({ signedIn: false });
  await storage.inner.write(key, { schema: 'none' }, undefined);
  await manager.setTokens(tokens);
  expect(await manager.getAccessToken()).toBe(tokens.access_token);
  expect((await record())?.refreshToken).toBe(tokens.refresh_token);
});

test('law tokens-stay-home: a session of another issuer is found out before the POST, when the server is known only then', async () => {
  const { open, server, storage, clock } = await openManager({ signedIn: false });
  const life = { issuedAt: clock.now() - 2, expiresAt: clock.now() - 1 };
  await storage.inner.write(
    key,
    { ...session, issuer: 'https://old.test', accessTokens: { '': { token: 'a', type: 'Bearer', ...life } } },
    undefined,
  );
  const manager = open({ authorizationServer: async () => server.metadata });
  const events = eventsOf(manager);
  expect(await rejection(manager.getAccessToken())).toMatchObject({ reason: 'no_tokens' });
  expect(events).toMatchObject([{ type: 'recordRejected', reason: 'other issuer' }]);
  expect(server.counts.tokenRequests).toBe(0);
});

test('two clients of one storage keep their sessions apart, whatever their ids contain', async () => {
  const { open, server } = await openManager({ signedIn: false });
  const one = open({ clientId: 'https://app.test', session: 'client.json/x' });
  const two = open({ clientId: 'https://app.test/client.json', session: 'x' });
  const first = server.signIn();
  const second = server.signIn();
  await one.setTokens(first);
  await two.setTokens(second);
  expect((await one.getTokens())?.accessToken).toBe(first.access_token);
  expect((await two.getTokens())?.accessToken).toBe(second.access_token);
});
