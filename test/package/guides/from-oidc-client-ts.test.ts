/** The session of the real oidc-client-ts, and how examples/from-oidc-client-ts/ takes it over. */
import { User, UserManager, WebStorageStateStore } from 'oidc-client-ts';
import { describe, expect, test, vi } from 'vitest';
import { legacyUser } from '../../../examples/from-oidc-client-ts/legacy-user.ts';
import { openSession } from '../../../examples/from-oidc-client-ts/session.ts';
import { times } from '../../support/promises.ts';
import { type LegacyPlace, legacyPlace, outcome } from './support/legacy-place.ts';

const seconds = () => Math.floor(Date.now() / 1_000);

/** The old code of a tab. */
function oldCode({ issuer, tokenEndpoint, clientId, store }: LegacyPlace): UserManager {
  return new UserManager({
    authority: issuer,
    client_id: clientId,
    redirect_uri: 'http://localhost/callback',
    metadata: { issuer, token_endpoint: tokenEndpoint },
    userStore: new WebStorageStateStore({ store }),
    automaticSilentRenew: false,
  });
}

async function loggedIn(changes: Partial<ConstructorParameters<typeof User>[0]> = {}): Promise<LegacyPlace> {
  const place = await legacyPlace();
  const { issuer, clientId, accessToken, refreshToken } = place;
  const user = new User({
    access_token: accessToken,
    refresh_token: refreshToken,
    token_type: 'Bearer',
    expires_at: seconds() + 300,
    scope: 'read write',
    session_state: 'state-1',
    profile: { iss: issuer, aud: clientId, sub: 'user', exp: seconds() + 300, iat: seconds() },
    ...changes,
  });
  await oldCode(place).storeUser(user);
  expect(place.store.getItem(nameOf(place))).toBe(user.toStorageString());
  return place;
}
const nameOf = ({ issuer, clientId }: LegacyPlace) => `oidc.user:${issuer}:${clientId}`;
const open = (place: LegacyPlace, more: object = {}) =>
  openSession({ ...place, authority: place.issuer, ...more });

describe('before', () => {
  test('five renewals at once send one refresh token five times, and the server ends the session', async () => {
    await using place = await loggedIn();
    const manager = oldCode(place);
    const held = place.server.hold({ on: 'token' });
    const renewals = times(5, () =>
      manager.signinSilent().then(
        () => 'renewed',
        () => 'failed',
      ),
    );
    await held.arrived(5);
    await held();
    expect((await Promise.all(renewals)).filter((one) => one === 'renewed')).toHaveLength(1);
    expect(place.server.counts).toMatchObject({ refreshAttempts: 5, familiesRevoked: 1 });
  });

  test('removeUser() during a renewal is undone by it', async () => {
    await using place = await loggedIn();
    const manager = oldCode(place);
    const held = place.server.hold({ on: 'token' });
    const renewal = manager.signinSilent();
    await held.arrived();
    await manager.removeUser();
    await held();
    await renewal;
    expect(await manager.getUser()).not.toBeNull();
  });
});

describe('after', () => {
  test('users stay signed in, in all tabs that start at once; the refresh token is spent once', async () => {
    await using place = await loggedIn({ expires_at: seconds() - 60 });
    const { server, store, api } = place;
    const tabs = await Promise.all(times(3, () => open(place)));
    expect(tabs.map(({ taken }) => taken.outcome).sort()).toEqual(['imported', 'nothing', 'nothing']);
    expect(store.length).toBe(0);
    const calls = tabs.flatMap(({ manager }) => times(5, () => outcome(manager.fetch(api))));
    expect(await Promise.all(calls)).toEqual(times(15, () => 200));
    expect(server.counts).toMatchObject({ refreshes: 1, refreshTokensResent: 0, reuses: 0 });
    expect(await tabs[0]?.manager.getTokens()).toMatchObject({
      scope: ['read', 'write'],
      extra: { session_state: 'state-1' },
    });
  });

  test('the old code finds nothing that it could spend', async () => {
    await using place = await loggedIn();
    const old = oldCode(place);
    expect((await old.getUser())?.refresh_token).toBe(place.refreshToken);
    const { manager } = await open(place);
    expect(await old.getUser()).toBeNull();
    // It goes for a login of its own in a hidden frame, which there is none of here.
    await expect(old.signinSilent()).rejects.toThrow('window is not defined');
    place.server.expire();
    expect(await outcome(manager.fetch(place.api))).toBe(200);
    expect(place.server.counts).toMatchObject({ refreshAttempts: 1, reuses: 0 });
  });

  test('a page that died between storing and removing: the next one removes, and spends nothing twice', async () => {
    await using place = await loggedIn();
    const { server, store, api } = place;
    const left = store.getItem(nameOf(place)) ?? '';
    const { manager } = await open(place);
    server.expire();
    expect(await outcome(manager.fetch(api))).toBe(200);
    store.setItem(nameOf(place), left);
    const next = await open(place);
    expect([next.taken.outcome, store.length]).toEqual(['not-needed', 0]);
    server.expire();
    expect(await outcome(next.manager.fetch(api))).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 2, reuses: 0 });
  });

  test.each([
    ['no refresh token', { refresh_token: '' }],
    ['no access token', { access_token: '' }],
    ['not bearer tokens', { token_type: 'DPoP' }],
    [
      'another server',
      { profile: { iss: 'https://elsewhere.test', aud: 'test-client', sub: 'user', exp: 0, iat: 0 } },
    ],
  ])('%s: refused, and left alone', async (reason, changes) => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    await using place = await loggedIn(changes);
    const { taken, manager } = await open(place);
    expect(taken).toEqual({ outcome: 'refused', reason: expect.stringContaining(reason) });
    expect(warned.mock.calls.flat().join()).not.toContain(place.accessToken);
    expect(place.store.length).toBe(1);
    expect(await outcome(manager.fetch(place.api))).toBe('ERR_LOGIN_REQUIRED');
    expect(place.server.counts.tokenRequests).toBe(0);
  });

  test.each(['', 'undefined', 'null', '[1]', '{"access_token":', '"text"', '{"profile":{"iss":7}}'])(
    'poison %j: refused, and quoted nowhere',
    async (text) => {
      await using place = await legacyPlace();
      place.store.setItem(nameOf(place), text);
      const found = legacyUser({ ...place, authority: place.issuer }).read();
      expect(found).toEqual({
        refused: expect.stringMatching(/^it (is not well-formed|has no access token)$/),
      });
    },
  );

  test('one for another client is not ours, also under our name', async () => {
    await using place = await loggedIn();
    place.store.setItem(
      nameOf(place),
      (place.store.getItem(nameOf(place)) ?? '').replace('"test-client"', '["a","b"]'),
    );
    expect(legacyUser({ ...place, authority: place.issuer }).read()).toEqual({
      refused: 'it was issued to another client',
    });
  });

  test('an item under another name is never touched', async () => {
    await using place = await loggedIn();
    const { taken } = await open(place, { authority: `${place.issuer}/` });
    expect([taken.outcome, place.store.length]).toEqual(['nothing', 1]);
  });
});
