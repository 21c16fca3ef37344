import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { points } from '../../support/processes/critical-section.ts';
import { type Family, family, leftovers } from '../../support/processes/family.ts';
import { SessionProcess } from '../../support/processes/session-processes.ts';

/** The one that is stopped, and one whose own clock stands still, so that its conformanceTimeout ends when the test says so. */
let holder: SessionProcess;
let other: SessionProcess;
let shared: Family;
beforeAll(() => {
  [holder, other] = [new SessionProcess(), new SessionProcess()];
});
afterAll(async () => {
  await Promise.all([holder, other].map((one) => one.kill()));
});
beforeEach(async () => {
  shared = await family();
  await other.open({ ...shared.session, stopsClock: true });
  await shared.signIn(other);
  await holder.open(shared.session);
  expect(await holder.call()).toBe(200);
  shared.server.expire();
  return () => shared[Symbol.asyncDispose]();
});

/** Stops the holder at a point of its refresh. Returns a function that continues it and returns its result. */
async function stoppedAt(at: string): Promise<() => Promise<number | string>> {
  const call = holder.call({ standsAt: at });
  await holder.reaches(at);
  holder.stop();
  return async () => {
    holder.continue();
    await holder.do('goOn');
    return await call;
  };
}

async function nothingIsLeft(): Promise<void> {
  await Promise.all([holder.do('idle'), other.do('idle')]);
  expect(leftovers(shared.file)).toEqual([]);
}

/** While these points last, others have to wait: the lock is held, and what it guards is not done. */
const guarded = points.filter(({ locked, token }) => locked && token !== 'stored');
const free = points.filter((point) => !guarded.includes(point));

describe('SIGSTOP of the holder', () => {
  for (const { step, at } of guarded) {
    test(`step ${step}, ${at}: others wait as long as they will, rob nobody, and go on when it does`, async () => {
      const goOn = await stoppedAt(at);
      const call = other.call();
      await other.reaches('waiting');
      await other.do('advance', { ms: 70_000 });
      expect(await call).toBe('ERR_LOCK_TIMEOUT');
      expect(shared.server.counts.tokenRequests).toBe(shared.server.counts.refreshes);
      expect(await goOn()).toBe(200);
      expect(await other.call()).toBe(200);
      expect(shared.server.counts).toMatchObject({ tokenRequests: 1, reuses: 0, familiesRevoked: 0 });
      await nothingIsLeft();
    });

    test(`step ${step}, ${at}: a login meanwhile is not written over when it continues`, async () => {
      const goOn = await stoppedAt(at);
      await shared.signIn(other);
      const mine = shared.server.currentRefreshToken() as string;
      expect(await other.call()).toBe(200);
      expect(await goOn()).toBe(200);
      expect(await other.do('refreshToken')).toBe(mine);
      expect(await holder.do('refreshToken')).toBe(mine);
      expect(shared.server.isActive(mine)).toBe(true);
      expect(shared.server.counts.reuses).toBe(0);
      await nothingIsLeft();
    });

    test(`step ${step}, ${at}: a sign-out meanwhile is not undone when it continues`, async () => {
      const goOn = await stoppedAt(at);
      expect(await other.do('signOut')).toEqual({ revoked: true });
      expect(await goOn()).toBe('ERR_LOGIN_REQUIRED signed_out');
      expect(await holder.do('refreshToken')).toBeUndefined();
      expect(await other.call()).toBe('ERR_LOGIN_REQUIRED signed_out');
      expect(shared.server.counts.reuses).toBe(0);
      expect(shared.server.isActive(shared.server.currentRefreshToken() as string)).toBe(false);
      await nothingIsLeft();
    });
  }

  for (const { step, at } of free) {
    test(`step ${step}, ${at}: others need not wait for it`, async () => {
      const goOn = await stoppedAt(at);
      expect(await other.call()).toBe(200);
      expect(await goOn()).toBe(200);
      expect(shared.server.counts).toMatchObject({ tokenRequests: 1, reuses: 0, familiesRevoked: 0 });
      await nothingIsLeft();
    });
  }
});
