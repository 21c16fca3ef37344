/** The expiry of a refresh token: taken from every source, announced ahead, and never a reason to stop. */
import { memoryStorage, type TokenManagerOptions, type TokenResponse } from 'tokenkeep';
import { type AuthorizationServerOptions, authorizationServer, type Fault } from 'tokenkeep/testing';
import { describe, expect, test } from 'vitest';
import { eventsOf } from '../../support/events.ts';
import { api, openManager } from '../../support/open-manager.ts';
import { rejection } from '../../support/promises.ts';

const hour = 3_600_000;
const day = 24 * hour;

interface Told {
  /** Members of the login's answer. */
  readonly login?: Record<string, unknown>;
  /** Members of the answers to refreshes. */
  readonly refresh?: Fault['members'] & {};
  readonly manager?: Partial<TokenManagerOptions>;
  readonly server?: AuthorizationServerOptions;
  readonly refreshTokenLifetime?: number;
}

/** A session whose server says what the test wants of its refresh tokens. */
async function session({
  login = {},
  refresh = {},
  manager: options,
  server: how,
  refreshTokenLifetime,
}: Told) {
  const profile = refreshTokenLifetime === undefined ? {} : { refreshTokenLifetime };
  const { issuer, metadata } = authorizationServer(how);
  const world = await openManager({
    signedIn: false,
    server: { accessTokenLifetime: hour, ...how },
    manager: { authorizationServer: { ...metadata, issuer, profile }, ...options },
  });
  const { manager, server, clock, events } = world;
  server.fail({ members: refresh }, { times: Number.POSITIVE_INFINITY });
  await manager.setTokens({ ...world.tokens, ...login } as TokenResponse);
  const start = clock.now();
  return {
    ...world,
    /** When it is known to end, in ms from the login. */
    end: async () => {
      const { refreshTokenExpiresAt } = (await manager.getTokens()) ?? {};
      return refreshTokenExpiresAt && refreshTokenExpiresAt - start;
    },
    /** Calls the API so long after the login. */
    callAt: async (time: number) => {
      clock.set(start + time);
      return (await manager.fetch(api)).status;
    },
    /** The times of the announcements, with the announced expiry, in ms from the login. */
    told: () =>
      events.flatMap(({ type, expiresAt }) =>
        type === 'refreshTokenExpiring' ? Number(expiresAt) - start : [],
      ),
  };
}

describe('the known expiry', () => {
  test.each<[string, Told, number | undefined]>([
    ['GitHub, LinkedIn, Microsoft', { login: { refresh_token_expires_in: 86_400 } }, day],
    ['GitHub’s samples', { login: { refresh_token_expires_in: '86400' } }, day],
    ['Keycloak', { login: { refresh_expires_in: 1800 } }, hour / 2],
    ['Keycloak, offline', { login: { refresh_expires_in: 0 }, refreshTokenLifetime: day }, undefined],
    ['Intuit', { login: { x_refresh_token_expires_in: 8_726_400 } }, 101 * day],
    ['camel case', { login: { refreshTokenExpiresIn: 60 } }, 60_000],
    ['nothing', {}, undefined],
    ['the profile: ReachFive’s 90 days', { refreshTokenLifetime: 90 * day }, 90 * day],
    [
      'the server before the profile',
      { login: { refresh_token_expires_in: 60 }, refreshTokenLifetime: day },
      60_000,
    ],
    [
      'no refresh token, no end',
      { login: { refresh_token: undefined }, refreshTokenLifetime: day },
      undefined,
    ],
  ])('%s', async (_, told, expected) => {
    const { end } = await session(told);
    expect(await end()).toBe(expected);
  });

  test('a refresh token that is a JWT says it itself', async () => {
    const part = (claims: object) => btoa(JSON.stringify(claims)).replace(/=+$/, '');
    const jwt = `${part({ alg: 'none' })}.${part({ iat: 1_000, exp: 1_000 + 7 * 86_400 })}.x`;
    const { end } = await session({ login: { refresh_token: jwt } });
    expect(await end()).toBe(7 * day);
  });

  test('BBA-01: a rotated refresh token ends with the first one, when the server says no more', async () => {
    const { end, callAt, record } = await session({ login: { refresh_token_expires_in: 86_400 } });
    const first = (await record())?.refreshToken;
    for (const time of [2, 4, 6]) expect(await callAt(time * hour)).toBe(200);
    expect((await record())?.refreshToken).not.toBe(first);
    expect(await end()).toBe(day);
  });

  test('BBA-01: the rest of the same life, as each answer counts it down, is the same end', async () => {
    let left = (): number => 0;
    const { end, callAt, clock, told } = await session({
      login: { refresh_token_expires_in: 86_400 },
      refresh: (members) => ({ ...members, refresh_token_expires_in: left() }),
    });
    const start = clock.now();
    left = () => Math.round((start + day - clock.now() - 999) / 1000);
    for (const time of [4, 8, 19, 21]) expect(await callAt(time * hour + 300)).toBe(200);
    expect(await end()).toBe(day);
    expect(told()).toEqual([day]);
  });

  test('a server that lengthens it is believed', async () => {
    const { end, callAt } = await session({
      login: { refresh_token_expires_in: 86_400 },
      refresh: { refresh_token_expires_in: 86_400 },
    });
    expect(await callAt(2 * hour)).toBe(200);
    expect(await end()).toBe(2 * hour + day);
    expect(await callAt(4 * hour)).toBe(200);
    expect(await end()).toBe(4 * hour + day);
  });

  test('a server that takes it back is believed as well', async () => {
    const { end, callAt } = await session({
      login: { refresh_expires_in: 86_400 },
      refresh: { refresh_expires_in: 0 },
    });
    await callAt(2 * hour);
    expect(await end()).toBeUndefined();
  });

  test('a lifetime of the profile counts from the login, not from each refresh', async () => {
    const { end, callAt } = await session({ refreshTokenLifetime: 10 * day });
    await callAt(2 * day);
    expect(await end()).toBe(10 * day);
  });

  test('it comes through getTokens() and setTokens()', async () => {
    const { manager, open, end } = await session({ login: { refresh_token_expires_in: 86_400 } });
    const other = open({ storage: memoryStorage() });
    const tokens = await manager.getTokens();
    if (tokens === undefined) throw new Error('There are tokens.');
    await other.setTokens(tokens);
    expect((await other.getTokens())?.refreshTokenExpiresAt).toBe(tokens.refreshTokenExpiresAt);
    expect(await end()).toBe(day);
  });
});

describe('BBA-01: the expiry is announced ahead', () => {
  test('a day before it, once, at the last call before that', async () => {
    const { callAt, told } = await session({ login: { refresh_token_expires_in: 30 * 86_400 } });
    expect(await callAt(28 * day)).toBe(200);
    expect(told()).toEqual([]);
    expect(await callAt(29 * day - hour / 2)).toBe(200); // the next one comes in an hour, and it would be late
    expect(told()).toEqual([30 * day]);
    for (const time of [29.2, 29.4, 29.9]) expect(await callAt(time * day)).toBe(200);
    expect(told()).toEqual([30 * day]);
  });

  test('a quarter of a short life before it, and as the option says', async () => {
    const short = await session({
      login: { refresh_token_expires_in: 4 * 3_600 },
      server: { accessTokenLifetime: 60_000 },
    });
    await short.callAt(2.9 * hour);
    expect(short.told()).toEqual([]);
    await short.callAt(3 * hour);
    expect(short.told()).toEqual([4 * hour]);
    const late = await session({
      login: { refresh_token_expires_in: 4 * 3_600 },
      server: { accessTokenLifetime: 60_000 },
      manager: { refreshTokenExpiringBefore: 600_000 },
    });
    await late.callAt(3.8 * hour);
    expect(late.told()).toEqual([]);
    await late.callAt(3.9 * hour);
    expect(late.told()).toEqual([4 * hour]);
  });

  test('never for one that is renewed in time', async () => {
    const { callAt, told } = await session({
      login: { refresh_expires_in: 1800 },
      refresh: { refresh_expires_in: 1800 },
      server: { accessTokenLifetime: 300_000 },
    });
    for (let minutes = 5; minutes < 180; minutes += 5) expect(await callAt(minutes * 60_000)).toBe(200);
    expect(told()).toEqual([]);
  });

  test('again for another login', async () => {
    const { manager, callAt, told, server } = await session({ login: { refresh_token_expires_in: 86_400 } });
    await callAt(20 * hour);
    await manager.setTokens({ ...server.signIn(), refresh_token_expires_in: 86_400 } as TokenResponse);
    await callAt(40 * hour);
    expect(told()).toEqual([day, 20 * hour + day]);
  });

  test('at the login, when it is near; after the event of the login', async () => {
    const { events, told } = await session({
      login: { refresh_token_expires_in: 600 },
      server: { accessTokenLifetime: hour },
    });
    expect(told()).toEqual([600_000]);
    expect(events.map(({ type }) => type)).toEqual(['signedIn', 'refreshTokenExpiring']);
  });

  test('to each manager of the session, also to one that only adopts', async () => {
    const { open, callAt, told, clock } = await session({ login: { refresh_token_expires_in: 86_400 } });
    const other = open();
    const heard = eventsOf(other);
    await callAt(20 * hour);
    await other.fetch(api);
    await other.fetch(api);
    expect(told()).toEqual([day]);
    expect(heard.map(({ type }) => type)).toEqual(['refreshTokenExpiring']);
    expect(Number(heard[0]?.['expiresAt']) - clock.now()).toBe(4 * hour);
  });

  test('not at the login of an access token of which nobody knows how long it lives', async () => {
    const { callAt, told, server } = await session({
      login: { expires_in: undefined, refresh_token_expires_in: 86_400 },
    });
    expect(told()).toEqual([]);
    server.expire();
    await callAt(20 * hour);
    expect(told()).toEqual([day]);
  });

  test('and no timer waits for it', async () => {
    const { callAt, clock, told } = await session({ login: { refresh_token_expires_in: 86_400 } });
    await callAt(2 * hour);
    await clock.advance(30 * day);
    expect(told()).toEqual([]);
  });
});

describe('law only-the-server-ends-it: the end ends nothing', () => {
  test('long after it the refresh token is sent, and the server’s yes is a yes; what was wrong is forgotten', async () => {
    const { callAt, end, server, events } = await session({ login: { refresh_token_expires_in: 3_600 } });
    expect(await callAt(5 * day)).toBe(200);
    expect(server.counts).toMatchObject({ refreshes: 1, reuses: 0 });
    expect(await end()).toBeUndefined();
    expect(events.map(({ type }) => type)).not.toContain('sessionEnded');
  });

  test('nor does the same refresh token begin another life, where it is not replaced', async () => {
    const { callAt, end } = await session({ refreshTokenLifetime: hour, server: { profile: 'noRotation' } });
    expect(await callAt(5 * hour)).toBe(200);
    expect(await end()).toBeUndefined();
  });

  test('the server’s no is what ends it', async () => {
    const { clock, manager, server, events } = await session({
      login: { refresh_token_expires_in: 86_400 },
      server: { refreshTokenLifetime: day },
    });
    clock.set(clock.now() + 2 * day);
    expect(await rejection(manager.fetch(api))).toMatchObject({
      code: 'ERR_LOGIN_REQUIRED',
      reason: 'invalid_grant',
    });
    expect(server.counts.refreshAttempts).toBe(1);
    expect(events.at(-1)?.type).toBe('sessionEnded');
  });

  test('an expected expiry is not for storages to clean up by', async () => {
    const { record, callAt } = await session({ login: { refresh_token_expires_in: 86_400 } });
    expect(await record()).toHaveProperty('refreshTokenExpiresAt');
    await callAt(2 * hour);
    expect((await record()) as object).not.toHaveProperty('refreshTokenExpiresAt');
    expect((await record()) as object).toHaveProperty('refreshTokenEnd.at');
  });
});

test.each([-1, Number.NaN, '90'])('a lifetime of %j in a profile is refused', (refreshTokenLifetime) => {
  const { metadata } = authorizationServer();
  const profile = { refreshTokenLifetime: refreshTokenLifetime as number };
  return expect(openManager({ manager: { authorizationServer: { ...metadata, profile } } })).rejects.toThrow(
    /profile\.refreshTokenLifetime/,
  );
});
