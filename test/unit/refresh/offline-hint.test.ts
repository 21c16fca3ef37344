/** K3d: the platform's offline state is a hint, not proof. */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

const minute = 60_000;
const says = (onLine: boolean) => vi.stubGlobal('navigator', { onLine });

beforeEach(() => {
  says(false);
  return () => vi.unstubAllGlobals();
});

describe('the platform reports that it is offline', () => {
  test('nothing is sent, and the refresh token is not marked', async () => {
    const { manager, posts, expire, record } = await openManager();
    expire();
    expect(await rejection(manager.getAccessToken())).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      sent: false,
    });
    expect(posts).toEqual([]);
    expect((await record())?.pendingRefresh).toBeUndefined();
  });

  test('nothing is sent because an application says that a token was rejected', async () => {
    const { manager, posts } = await openManager();
    const rejectedToken = await manager.getAccessToken();
    expect(await rejection(manager.getAccessToken({ rejectedToken }))).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
      sent: false,
    });
    expect(posts).toEqual([]);
  });

  test('and is wrong: a 401 that has just come is answered with a refresh', async () => {
    const { server, call, posts } = await openManager();
    server.expire();
    expect(await call()).toBe(200);
    expect(posts).toHaveLength(1);
  });

  test('and is wrong: a 401 disproves what was remembered before it', async () => {
    const { server, manager, expire, clock, call, posts } = await openManager();
    expire();
    await rejection(manager.getAccessToken());
    clock.set(clock.now() - 300_000);
    server.expire();
    expect(await call()).toBe(200);
    expect(posts).toHaveLength(1);
  });

  test('a server that cannot be reached is asked at the pace of any failure, also while 401s come', async () => {
    const { server, call, posts, clock } = await openManager();
    server.expire();
    server.fail({ drop: true }, { on: 'token', times: 100 });
    for (let second = 0; second < 20; second++) {
      await call().catch(() => undefined);
      await clock.advance(1_000);
    }
    expect(posts.length).toBeLessThan(8);
  });

  test('and is wrong: refreshes wait for at most a minute', async () => {
    const { manager, posts, expire, clock, server } = await openManager();
    expire();
    for (let second = 0; second < 60; second++) {
      await rejection(manager.getAccessToken());
      await clock.advance(1_000);
    }
    expect(posts).toEqual([]);
    expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
    expect(posts).toHaveLength(1);
  });

  test('and is right: in a night offline few requests are sent, and the session is kept', async () => {
    const { manager, posts, expire, clock, server, call } = await openManager();
    expire();
    const back = server.fail({ drop: true }, { on: 'token', times: 1_000 });
    for (let seconds = 0; seconds < 8 * 60 * 60; seconds += 10) {
      await manager.getAccessToken().catch(() => undefined);
      await clock.advance(10_000);
    }
    expect(posts.length).toBeLessThan(16);
    back();
    says(true);
    await clock.advance(minute);
    expect(await call()).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  test('and takes it back: the refresh is sent at once', async () => {
    const { manager, posts, expire, server } = await openManager();
    expire();
    await rejection(manager.getAccessToken());
    says(true);
    expect(await manager.getAccessToken()).toBe(server.currentAccessToken());
    expect(posts).toHaveLength(1);
  });
});
