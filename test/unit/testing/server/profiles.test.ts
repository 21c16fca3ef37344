import { describe, expect, test } from 'vitest';
import { faults, testClock } from '../../../../src/testing/index.ts';
import { errorOf, forms, tokensOf } from './support/server-forms.ts';

describe.each(forms)('profiles, $form', ({ open }) => {
  test('noRotation: the answer has no refresh token, and the old one stays', async () => {
    const { server, refresh } = await open({ profile: 'noRotation' });
    const { refresh_token } = server.signIn();
    for (let round = 0; round < 3; round++) {
      expect(await tokensOf(refresh(refresh_token))).not.toHaveProperty('refresh_token');
    }
    expect(server.counts).toMatchObject({ refreshes: 3, reuses: 0, refreshTokensResent: 2 });
    expect(server.currentRefreshToken()).toBe(refresh_token);
  });

  test('sameToken: the answer has the refresh token of the request', async () => {
    const { server, refresh } = await open({ profile: 'sameToken' });
    const { refresh_token } = server.signIn();
    for (let round = 0; round < 3; round++) {
      expect((await tokensOf(refresh(refresh_token))).refresh_token).toBe(refresh_token);
    }
    expect(server.counts).toMatchObject({ refreshes: 3, reuses: 0 });
  });

  test('rotateOldStaysValid: all refresh tokens work', async () => {
    const { server, refresh } = await open({ profile: 'rotateOldStaysValid' });
    const { refresh_token } = server.signIn();
    const second = await tokensOf(refresh(refresh_token));
    const third = await tokensOf(refresh(refresh_token));
    expect(new Set([refresh_token, second.refresh_token, third.refresh_token]).size).toBe(3);
    for (const token of [refresh_token, second.refresh_token, third.refresh_token]) {
      expect((await refresh(token)).status).toBe(200);
      expect(server.isActive(token as string)).toBe(true);
    }
    expect(server.counts).toMatchObject({ refreshes: 5, reuses: 0, familiesRevoked: 0 });
  });

  test('countsFailures: a refused attempt is a use', async () => {
    const { server, refresh } = await open({ profile: 'countsFailures' });
    const { refresh_token } = server.signIn();
    expect(await errorOf(refresh(refresh_token, { scope: 'admin' }))).toBe('400 invalid_scope');
    expect(await errorOf(refresh(refresh_token))).toBe('400 invalid_grant');
    expect(server.counts).toMatchObject({ refreshes: 0, reuses: 1, familiesRevoked: 1 });
  });

  test('countsFailures: an attempt that found the server broken is a use', async () => {
    const { server, refresh } = await open({ profile: 'countsFailures' });
    const { refresh_token } = server.signIn();
    server.fail(faults.serverError);
    expect((await refresh(refresh_token)).status).toBe(503);
    expect(await errorOf(refresh(refresh_token))).toBe('400 invalid_grant');
    expect(server.counts).toMatchObject({ refreshes: 0, reuses: 1, familiesRevoked: 1 });
  });

  test('strict: an attempt that found the server broken is no use', async () => {
    const { server, refresh } = await open();
    const { refresh_token } = server.signIn();
    server.fail(faults.serverError);
    expect((await refresh(refresh_token)).status).toBe(503);
    expect((await refresh(refresh_token)).status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0, refreshTokensResent: 1 });
  });

  test('leeway: the token before the current one works for a while, and gives others', async () => {
    const clock = testClock();
    const { server, refresh, metadata } = await open({ profile: { kind: 'leeway', ms: 1000 }, clock });
    expect(metadata.profile).toEqual({ reuseWindow: 1000 });
    const { refresh_token } = server.signIn();
    const second = await tokensOf(refresh(refresh_token));
    clock.set(clock.now() + 1000);
    const again = await tokensOf(refresh(refresh_token));
    expect(again.refresh_token).not.toBe(second.refresh_token);
    expect(again.access_token).not.toBe(second.access_token);
    expect(server.counts).toMatchObject({ refreshes: 1, replays: 1, reuses: 0 });
    clock.set(clock.now() + 1);
    expect(await errorOf(refresh(refresh_token))).toBe('400 invalid_grant');
    expect(server.counts).toMatchObject({ reuses: 1, familiesRevoked: 1 });
    expect(await errorOf(refresh(again.refresh_token))).toBe('400 invalid_grant');
  });

  test('leeway: two generations back it is a reuse', async () => {
    const { server, refresh } = await open({ profile: { kind: 'leeway', ms: 1000 } });
    const { refresh_token } = server.signIn();
    const second = await tokensOf(refresh(refresh_token));
    const other = await tokensOf(refresh(refresh_token));
    await tokensOf(refresh(other.refresh_token));
    await tokensOf(refresh(second.refresh_token));
    expect(await errorOf(refresh(refresh_token))).toBe('400 invalid_grant');
    expect(server.counts).toMatchObject({ refreshes: 3, replays: 1, reuses: 1, familiesRevoked: 1 });
  });

  test('leeway: with previousOnly false any token works for a while', async () => {
    const profile = { kind: 'leeway', ms: 1000, previousOnly: false } as const;
    const { server, refresh } = await open({ profile });
    const { refresh_token } = server.signIn();
    const second = await tokensOf(refresh(refresh_token));
    await tokensOf(refresh(second.refresh_token));
    expect((await refresh(refresh_token)).status).toBe(200);
    expect((await refresh(second.refresh_token)).status).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 2, replays: 2, reuses: 0 });
  });

  test('idempotentReplay: for a while the answer is the same', async () => {
    const clock = testClock();
    const profile = { kind: 'idempotentReplay', ms: 1000 } as const;
    const { server, refresh, metadata } = await open({ profile, clock });
    expect(metadata.profile).toEqual({ reuseWindow: 1000 });
    const { refresh_token } = server.signIn();
    const second = await tokensOf(refresh(refresh_token));
    clock.set(clock.now() + 1000);
    expect(await tokensOf(refresh(refresh_token))).toEqual(second);
    expect(server.counts).toMatchObject({ refreshes: 1, replays: 1, reuses: 0 });
    clock.set(clock.now() + 1);
    expect(await errorOf(refresh(refresh_token))).toBe('400 invalid_grant');
    expect(server.counts).toMatchObject({ reuses: 1, familiesRevoked: 1 });
  });

  test('accessTokensSurviveRefresh: false ends the access token before', async () => {
    const { server, refresh, call } = await open({ accessTokensSurviveRefresh: false });
    const first = server.signIn();
    const second = await tokensOf(refresh(first.refresh_token));
    expect((await call(first.access_token)).status).toBe(401);
    expect((await call(second.access_token)).status).toBe(200);
  });
});
