/** Servers that narrow the scope of a grant for good when a narrower access token is asked for. */
import { TokenManager } from 'tokenkeep';
import { expect, test } from 'vitest';
import { explained } from '../../support/explained.ts';
import { type OpenedManager, type OpenManagerOptions, openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

/** A variant was asked for, and both access tokens have expired. */
async function narrowed(
  options: OpenManagerOptions = {},
): Promise<OpenedManager & { readonly asked: (string | null)[] }> {
  const world = await openManager({ server: { scopeNarrowing: 'permanent' }, ...options });
  const asked: (string | null)[] = [];
  world.server.fail(
    {},
    {
      when: ({ body }) => {
        asked.push(new URLSearchParams(new TextDecoder().decode(body)).get('scope'));
        return false;
      },
    },
  );
  await world.manager.getAccessToken({ scope: ['read'] });
  world.expire();
  world.events.length = 0;
  return { ...world, asked };
}

test('requests the scope of a permanently narrowed grant once, then omits the scope', async () => {
  const { manager, server, asked, events, record, expire } = await narrowed();
  expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
  expect(asked).toEqual(['read', 'read write', null]);
  expect(events).toEqual([
    { type: 'scopeNarrowed', session: 'default', login: expect.any(String), requested: ['read', 'write'] },
    expect.objectContaining({ type: 'refreshed', scope: ['read'] }),
  ]);
  expect(await manager.getTokens()).toMatchObject({ scope: ['read'] });
  expect((await record())?.refreshToken).toBe(server.currentRefreshToken());
  expire();
  await manager.getAccessToken();
  expect(asked).toEqual(['read', 'read write', null, null]);
});

test('stores that a server narrows grants: later variants and other managers are not refused', async () => {
  const { manager, asked, events, expire, open } = await narrowed();
  await manager.getAccessToken();
  await manager.getAccessToken({ scope: ['read'] });
  expire();
  await open().getAccessToken();
  expect(asked).toEqual(['read', 'read write', null, 'read', null]);
  expect(events.filter(({ type }) => type === 'scopeNarrowed')).toHaveLength(1);
});

test('a login forgets that a server narrows', async () => {
  const { manager, server, asked, expire } = await narrowed();
  await manager.getAccessToken();
  await manager.setTokens(server.signIn());
  await manager.getAccessToken({ scope: ['read'] });
  expire();
  await manager.getAccessToken();
  expect(asked.slice(3)).toEqual(['read', 'read write', null]);
});

test('a scope missing in the response after the narrowing is unknown', async () => {
  const { manager, server } = await narrowed();
  server.fail(
    { members: { scope: undefined } },
    { when: ({ body }) => !new TextDecoder().decode(body).includes('scope') },
  );
  await manager.getAccessToken();
  expect((await manager.getTokens())?.scope).toBeUndefined();
});

test('remembers a refusal that cannot be stored like any other, without a loop', async () => {
  const { manager, asked, storage } = await narrowed();
  let writes = 0;
  storage.before = (operation) => {
    if (operation === 'write' && ++writes > 1) throw new Error('full');
  };
  expect(await rejection(manager.getAccessToken())).toMatchObject({ error: 'invalid_scope' });
  expect(asked).toEqual(['read', 'read write']);
});

test('a server that spends the refresh token for a refusal ends the session, unless declared', async () => {
  const server = { scopeNarrowing: 'unforgiving' } as const;
  const first = await narrowed({ server });
  expect(await rejection(first.manager.getAccessToken())).toMatchObject({ reason: 'invalid_grant' });
  expect(first.types()).toEqual(['scopeNarrowed', 'sessionEnded']);
  const authorizationServer = { tokenEndpoint: 'https://as.test/token', profile: { narrowsScope: true } };
  const second = await narrowed({ server, manager: { authorizationServer } });
  expect(await second.manager.getAccessToken()).toBe(second.server.currentAccessToken());
  expect(second.asked).toEqual(['read', null]);
  expect(second.server.counts.reuses).toBe(0);
  expect(await second.manager.getTokens()).toMatchObject({ scope: ['read'] });
});

test('a profile whose narrowsScope is no boolean is refused', () => {
  const authorizationServer = {
    tokenEndpoint: 'https://as.test/token',
    profile: { narrowsScope: 'yes' as never },
  };
  const make = () =>
    new TokenManager({ clientId: 'app', authorizationServer, protectedResources: ['https://api.test/'] });
  expect(make).toThrow(explained('authorizationServer.profile.narrowsScope must be true or false'));
});
