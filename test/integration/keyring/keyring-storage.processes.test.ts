/** Real processes that share a session in one keyring, and a strict server that counts. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differingClocks } from '../../support/cluster/clocks.ts';
import { points } from '../../support/processes/critical-section.ts';
import { SessionProcess } from '../../support/processes/session-processes.ts';
import { SecretService } from '../../support/servers/secret-service.ts';
import { placeIn } from './support/keyring-fixture.ts';
import { type SharedSession, sharedSession } from './support/session-in-keyring.ts';

let ring: SecretService;
beforeAll(async () => {
  ring = await SecretService.start();
});
afterAll(() => ring?.[Symbol.asyncDispose]());

/** Conditions that hold for every process of a shared session: the family lives, and nothing was sent twice. */
const unharmed = { reuses: 0, replays: 0, refreshTokensResent: 0, familiesRevoked: 0 };

/** Starting 32 processes takes seconds, and many more where other work is done. */
const timeLimit = 120_000;

test.each([
  ['keyring', 8, 4],
  ['keyring', 32, 1],
  ['file', 8, 2],
  ['file', 32, 1],
] as const)(
  "records: '%s', %i processes at one expiry: one POST, none fails, %i times in a row (N17)",
  async (records, count, expiries) => {
    await using session = await sharedSession(ring, count, { records, plain: true });
    const { server, all } = session;
    for (let expiry = 1; expiry <= expiries; expiry++) {
      server.expire();
      const statuses = await Promise.all(all.map((one) => one.call()));
      expect(statuses).toEqual(statuses.map(() => 200));
      expect(server.counts).toMatchObject({ tokenRequests: expiry, refreshes: expiry, ...unharmed });
      expect(server.counts.peakConcurrentRefreshes).toBe(1);
    }
    const stored = await Promise.all(all.map((one) => one.do('refreshToken')));
    expect(new Set(stored)).toEqual(new Set([server.currentRefreshToken()]));
  },
  timeLimit,
);

let place: ReturnType<typeof placeIn> | undefined;
differingClocks(() => {
  place ??= placeIn(ring);
  return { keyring: place };
});

/** The next one to be killed, which is started ahead of its time, and two that live through everything. */
let next: SessionProcess;
let session: SharedSession;
beforeAll(async () => {
  session = await sharedSession(ring, 2);
  next = new SessionProcess();
}, timeLimit);
afterAll(async () => {
  await next?.kill();
  await session?.[Symbol.asyncDispose]();
});

/** Tokens of one more login of the same user, as the ID token says. */
const signIn = () =>
  session.server.signIn({
    issuer: session.open.server.issuer as string,
    scope: ['openid', 'read', 'write'],
  });

/** A new login, whose access token has just ended, and a process that knows it and is about to refresh. */
async function expired(): Promise<SessionProcess> {
  const victim = next;
  next = new SessionProcess();
  const { server, all } = session;
  const [survivor] = all as [SessionProcess];
  // New processes, so that none remembers the session of the test before.
  await Promise.all([victim, ...all].map((one) => one.open(session.open)));
  await survivor.do('setTokens', { tokens: signIn() });
  expect(await victim.call()).toBe(200);
  server.expire();
  server.reset();
  return victim;
}

describe('kill -9 of the holder', () => {
  for (const { step, at, locked, token } of points) {
    test(`step ${step}, ${at}: the token is ${token}`, async () => {
      await using victim = await expired();
      const { server, all } = session;
      const [survivor, waiter] = all as [SessionProcess, SessionProcess];
      void victim.call({ standsAt: at });
      await victim.reaches(at);
      const waiting: Promise<number | string>[] = [];
      if (locked && token !== 'stored') {
        waiting.push(waiter.call());
        await waiter.reaches('waiting');
      }
      await victim.kill();
      const outcomes = await Promise.all([...waiting, survivor.call()]);
      if (token === 'spent') {
        expect(outcomes.map(String).sort()[0]).toBe('ERR_LOGIN_REQUIRED response_lost');
        for (const outcome of outcomes) expect(outcome).toMatch(/^ERR_LOGIN_REQUIRED /);
        expect(server.counts).toMatchObject({ tokenRequests: 2, refreshes: 1, reuses: 1 });
      } else {
        expect(outcomes).toEqual(outcomes.map(() => 200));
        expect(server.counts).toMatchObject({ tokenRequests: 1, refreshes: 1, ...unharmed });
      }
    });
  }
});

describe('SIGSTOP of the holder', () => {
  const guarded = points.filter(({ locked, token }) => locked && token !== 'stored');
  for (const { step, at } of guarded) {
    test(`step ${step}, ${at}: others wait as long as they will, rob nobody, and go on when it does`, async () => {
      await using holder = await expired();
      const { server, all } = session;
      const [, other] = all as [SessionProcess, SessionProcess];
      await other.open({ ...session.open, stopsClock: true });
      const stopped = holder.call({ standsAt: at });
      await holder.reaches(at);
      holder.stop();
      const call = other.call();
      await other.reaches('waiting');
      await other.do('advance', { ms: 70_000 });
      expect(await call).toBe('ERR_LOCK_TIMEOUT');
      holder.continue();
      await holder.do('goOn');
      expect(await stopped).toBe(200);
      expect(await other.call()).toBe(200);
      expect(server.counts).toMatchObject({ tokenRequests: 1, ...unharmed });
    });
  }

  test('a sign-out meanwhile is not undone when it continues (law sign-out-wins)', async () => {
    await using holder = await expired();
    const { server, all } = session;
    const [survivor] = all as [SessionProcess];
    const stopped = holder.call({ standsAt: 'before write 2' });
    await holder.reaches('before write 2');
    holder.stop();
    expect(await survivor.do('signOut')).toEqual({ revoked: true });
    holder.continue();
    await holder.do('goOn');
    expect(await stopped).toBe('ERR_LOGIN_REQUIRED signed_out');
    expect(await holder.do('refreshToken')).toBeUndefined();
    expect(server.isActive(server.currentRefreshToken() as string)).toBe(false);
  });

  test('a login meanwhile is not written over when it continues (law compare-and-clear)', async () => {
    await using holder = await expired();
    const { server, all } = session;
    const [survivor] = all as [SessionProcess];
    const stopped = holder.call({ standsAt: 'before write 2' });
    await holder.reaches('before write 2');
    holder.stop();
    const tokens = signIn();
    await survivor.do('setTokens', { tokens });
    holder.continue();
    await holder.do('goOn');
    expect(await stopped).toBe(200);
    expect(await survivor.do('refreshToken')).toBe(tokens.refresh_token);
    expect(await holder.do('refreshToken')).toBe(tokens.refresh_token);
    expect(server.counts.reuses).toBe(0);
  });
});

test('a sign-out in one process is noticed in another', async () => {
  await using listening = await expired();
  const [survivor] = session.all as [SessionProcess];
  await listening.open({ ...session.open, plain: true });
  expect(await listening.call()).toBe(200);
  const heard = listening.reaches('signedOut');
  await survivor.do('signOut');
  await heard;
  expect(await listening.call()).toBe('ERR_LOGIN_REQUIRED signed_out');
});

test('a process that finds no bus sends nothing and says why; those that do go on', async () => {
  await using victim = await expired();
  const address = process.env['DBUS_SESSION_BUS_ADDRESS'];
  process.env['DBUS_SESSION_BUS_ADDRESS'] = `unix:path=${ring.folder}/no-bus`;
  await using cut = new SessionProcess();
  process.env['DBUS_SESSION_BUS_ADDRESS'] = address;
  await cut.open(session.open);
  const { error } = await cut.outcome('call');
  expect(error).toMatchObject({
    code: 'ERR_STORAGE',
    message: expect.stringContaining('No keyring service'),
  });
  expect(session.server.counts.tokenRequests).toBe(0);
  expect(await victim.call()).toBe(200);
});
