/** OpenID Connect Core, of which a token manager needs the refresh. */
import { faults } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { openManager } from '../support/open-manager.ts';
import { wire } from '../support/wire.ts';
import { as, client, granting, refresh } from './support/client.ts';

const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const idToken = (claims: object) => `${text({ alg: 'none' })}.${text(claims)}.`;
const original = { iss: as.issuer, sub: 'ada', aud: 'app', nonce: 'n', exp: 1 };
const login = { access_token: 'access-0', refresh_token: 'refresh-0', id_token: idToken(original) };

/** The result for a session whose refresh returns this ID token. */
async function refreshed(id_token: unknown, first: string | undefined = login.id_token) {
  const net = wire({ [as.tokenEndpoint]: granting({ id_token }) });
  const { id_token: _, ...others } = login;
  const manager = await client(net, {}, { ...others, ...(first !== '' && { id_token: first }) });
  const told: string[] = [];
  manager.on('idTokenRejected', ({ claim }) => told.push(claim));
  manager.on('refreshed', () => told.push('refreshed'));
  expect(await refresh(manager)).toBe('access-1');
  const tokens = await manager.getTokens();
  expect(tokens).toMatchObject({ accessToken: 'access-1', refreshToken: 'refresh-1' });
  return { told, idToken: tokens?.idToken };
}

describe('the ID token of a refresh', () => {
  test.each([
    ['later', { ...original, exp: 2 }],
    ['without a nonce', { ...original, nonce: undefined }],
    ['for several', { ...original, aud: ['other', 'app'], azp: 'app' }],
  ])('OIDC-01: %s takes the place of the one before it', async (_name, claims) => {
    const next = idToken(claims);
    expect(await refreshed(next)).toEqual({ told: ['refreshed'], idToken: next });
  });

  test.each([
    ['of another issuer', { ...original, iss: 'https://evil.test' }, 'iss'],
    ['of another user', { ...original, sub: 'eve' }, 'sub'],
    ['of nobody', { ...original, sub: undefined }, 'sub'],
    ['for another client', { ...original, aud: 'other' }, 'aud'],
    ['for other clients', { ...original, aud: ['other', 'application'] }, 'aud'],
    ['of another login', { ...original, nonce: 'm' }, 'nonce'],
  ])('OIDC-01: %s is not kept: that is said, and no other token is lost', async (_name, claims, claim) => {
    const { told, idToken: kept } = await refreshed(idToken(claims));
    expect(told).toEqual([claim, 'refreshed']);
    expect(kept).toBe(login.id_token);
  });

  test.each(['not.a.token', 'opaque', idToken([]), `${text({})}.${text(null)}.`, 'a..'])(
    'OIDC-01: %s can be read by nobody, and is not kept',
    async (next) => {
      expect(await refreshed(next)).toEqual({ told: ['unreadable', 'refreshed'], idToken: login.id_token });
    },
  );

  test.each(['', 'opaque', 'not.a.token'])(
    'OIDC-01: after a login with the ID token %j there is nothing to compare it with',
    async (first) => {
      const next = idToken({ ...original, sub: 'eve' });
      expect(await refreshed(next, first)).toEqual({ told: ['refreshed'], idToken: next });
    },
  );

  test('OIDC-01: what was not kept is not what the next one is compared with', async () => {
    const net = wire({
      [as.tokenEndpoint]: (sent, count) =>
        granting({ id_token: idToken({ ...original, sub: count === 1 ? 'eve' : 'ada', exp: count }) })(
          sent,
          count,
        ),
    });
    const manager = await client(net, {}, login);
    await refresh(manager);
    await refresh(manager);
    expect((await manager.getTokens())?.idToken).toBe(idToken({ ...original, exp: 2 }));
  });
});

test('OIDC-02: a refresh without an ID token keeps the one of the login; one with it brings the new one', async () => {
  const { server, manager, call } = await openManager({ server: { scope: ['openid', 'read'] } });
  const first = (await manager.getTokens())?.idToken;
  expect(first).toMatch(/^[\w-]+\.[\w-]+\.[\w-]*$/);
  server.fail(faults.without('id_token'));
  server.expire();
  await call();
  expect((await manager.getTokens())?.idToken).toBe(first);
  server.expire();
  await call();
  const third = (await manager.getTokens())?.idToken;
  expect(third).toMatch(/^[\w-]+\.[\w-]+\.[\w-]*$/);
  expect(third).not.toBe(first);
});
