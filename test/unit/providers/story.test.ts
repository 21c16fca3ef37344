/** The same story with every provider, on a server that speaks as it does. */
import type { AuthorizationServer } from 'tokenkeep';
import { completeLogin, startLogin } from 'tokenkeep/login';
import { faults } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { asPrinted, asSent } from '../../support/printed.ts';
import { rejection, times } from '../../support/promises.ts';
import * as all from './fixtures/all.ts';
import type { Fixture } from './support/fixture.ts';
import { clientOf, signedIn } from './support/scene.ts';

const fixtures: readonly Fixture[] = Object.values(all);
const provider = ({ provider }: Fixture): AuthorizationServer => provider;

describe.each(fixtures)('$name', (fixture) => {
  test('log in: the user is sent to it, and the tokens that the code brings are stored', async () => {
    const { server, options, manager, sent, call } = await clientOf(fixture);
    const redirectUri = 'https://app.example.com/callback';
    const pending = new Map<string, string>();
    const items = {
      getItem: (key: string) => pending.get(key) ?? null,
      setItem: (key: string, value: string) => void pending.set(key, value),
      removeItem: (key: string) => void pending.delete(key),
    };
    const client = { ...options, pending: items, redirectUri, scope: ['read', 'write'] };
    const { url } = await startLogin(client);
    expect(url.startsWith(`${provider(fixture).authorizationEndpoint}?`)).toBe(true);
    const back = await server.fetch(url, { redirect: 'manual' });
    const login = await completeLogin(client, back.headers.get('location') ?? '');
    await manager.setTokens(login.tokens);
    expect(sent.map(({ url }) => url)).toEqual([provider(fixture).tokenEndpoint]);
    expect(asSent(sent[0])).toMatchObject({ contentType: asPrinted(fixture.refresh).contentType });
    expect(await manager.getTokens()).toMatchObject({
      accessToken: server.currentAccessToken(),
      refreshToken: server.currentRefreshToken(),
    });
    expect(server.counts).toMatchObject({ signIns: 1, tokenRequests: 1, refreshes: 0 });
    expect(await call()).toBe(200);
  });

  test('call: the API lets the access token in, and nothing else happens', async () => {
    const { server, sent, call } = await signedIn(fixture);
    expect(await Promise.all(times(3, call))).toEqual([200, 200, 200]);
    expect(sent.map(({ headers }) => headers.get('authorization'))).toEqual(
      times(3, () => `Bearer ${server.currentAccessToken()}`),
    );
    expect(server.counts).toMatchObject({ apiCalls: 3, tokenRequests: 0 });
  });

  test('expire: what its API says is understood, and the refresh is the one of its documents', async () => {
    const { server, manager, sent, call } = await signedIn(fixture);
    const refreshToken = String(server.currentRefreshToken());
    server.expire();
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ apiCalls: 2, apiRejected: 1, tokenRequests: 1, refreshes: 1 });
    const refresh = fixture.refresh.replace('REFRESH_TOKEN', refreshToken);
    expect(sent.slice(1, 2).map(asSent)).toEqual([asPrinted(refresh)]);
    expect((await manager.getTokens())?.accessToken).toBe(server.currentAccessToken());
  });

  test('… and ahead of the API, where the answer or the token says when', async () => {
    const { server, clock, manager, call } = await signedIn(fixture);
    const { expiresAt } = (await manager.getTokens()) ?? {};
    const isKnown = fixture.granted.includes('"expires_in"') || fixture.fake.tokenFormat === 'jwt-like';
    expect(expiresAt).toEqual(isKnown ? expect.any(Number) : undefined);
    clock.set(expiresAt === undefined ? clock.now() + 300_000 : expiresAt - 1);
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, apiRejected: isKnown ? 0 : 1 });
  });

  test('50 calls at once: one refresh', async () => {
    const { server, call } = await signedIn(fixture);
    server.expire();
    expect(await Promise.all(times(50, call))).toEqual(times(50, () => 200));
    expect(server.counts).toMatchObject({
      tokenRequests: 1,
      refreshes: 1,
      reuses: 0,
      refreshTokensLeaked: 0,
    });
  });

  test(`${fixture.rotates ? 'rotate: the newest refresh token is sent, each once' : 'no rotation: the refresh token stays'}`, async () => {
    const { server, manager, call } = await signedIn(fixture);
    const spent: unknown[] = [];
    for (const _ of times(3, Number)) {
      spent.push((await manager.getTokens())?.refreshToken);
      server.expire();
      expect(await call()).toBe(200);
    }
    expect(new Set(spent).size).toBe(fixture.rotates ? 3 : 1);
    expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
    expect(server.counts).toMatchObject({ refreshes: 3, reuses: 0, replays: 0 });
  });

  test(`lost response: ${fixture.lostResponse}`, async () => {
    const { server, manager, ends, call } = await signedIn(fixture);
    server.expire();
    server.fail(faults.lostResponse);
    if (fixture.lostResponse === 'healed at once') expect(await call()).toBe(200);
    else expect(await rejection(call())).toMatchObject({ code: 'ERR_REFRESH_FAILED', sent: true });
    if (fixture.lostResponse === 'response_lost') {
      expect(await rejection(call())).toMatchObject({ code: 'ERR_LOGIN_REQUIRED', reason: 'response_lost' });
      expect(ends).toEqual(['response_lost']);
      expect(await manager.getTokens()).toBeUndefined();
    } else {
      expect(await call()).toBe(200);
      expect(ends).toEqual([]);
      expect((await manager.getTokens())?.refreshToken).toBe(server.currentRefreshToken());
    }
    expect(server.counts.refreshAttempts).toBe(2);
  });

  test('revoked grant: the session ends, with what the provider says', async () => {
    const { server, manager, ends, call } = await signedIn(fixture);
    server.revokeFamily();
    const { error } = fixture.refused;
    const ended = { code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant', error };
    expect(await rejection(call())).toMatchObject(ended);
    expect(await rejection(call())).toMatchObject(ended);
    expect(ends).toEqual(['invalid_grant']);
    expect(await manager.getTokens()).toBeUndefined();
    expect(server.counts.tokenRequests).toBe(1);
  });

  test(`sign-out: ${fixture.revocation === undefined ? 'local, for it revokes nothing' : 'revoked as its documents say'}`, async () => {
    const { server, manager, sent, call } = await signedIn(fixture);
    const refreshToken = String(server.currentRefreshToken());
    const accessToken = String(server.currentAccessToken());
    const local = { revoked: false, reason: 'no_endpoint' };
    expect(await manager.signOut()).toEqual(fixture.revocation === undefined ? local : { revoked: true });
    expect(await manager.getTokens()).toBeUndefined();
    expect(await rejection(call())).toMatchObject({ reason: 'signed_out' });
    if (fixture.revocation === undefined) return expect(sent).toEqual([]);
    const revokes = provider(fixture).profile?.revokes ?? 'refresh_token';
    const token = revokes === 'access_token' ? accessToken : refreshToken;
    expect(server.isActive(token)).toBe(false);
    const { body, ...printed } = asPrinted(fixture.revocation.replace('TOKEN', token));
    const { body: sentBody, ...rest } = asSent(sent[0]);
    expect(rest).toEqual(printed);
    // The hint of RFC 7009 is all that we add, and a secret where our client has one.
    const members = (from: typeof body): readonly unknown[] =>
      Array.isArray(from) ? from : Object.entries(from);
    expect(members(sentBody)).toEqual(expect.arrayContaining([...members(body)]));
  });
});
