import { describe, expect, test } from 'vitest';
import {
  ASSUMED_LIFETIME,
  accessTokenLifetime,
  MAX_LIFETIME,
  refreshTokenLifetime,
} from '../../../../src/core/oauth/token-grant.ts';
import { jwt, now } from '../../../support/token-response.ts';

const nowSeconds = now / 1000;

describe('the lifetime of an access token', () => {
  test.each([
    [3600, 3_600_000],
    ['3600', 3_600_000],
    [' 28800 ', 28_800_000],
    ['3600.0', 3_600_000],
    [3600.5, 3_600_500],
    [0.25, 250],
    [0.0015, 1],
    [0, ASSUMED_LIFETIME],
    ['0', ASSUMED_LIFETIME],
    [-1, ASSUMED_LIFETIME],
    [1e-9, ASSUMED_LIFETIME],
    [-Infinity, ASSUMED_LIFETIME],
    [1e300, MAX_LIFETIME],
    [Infinity, MAX_LIFETIME],
    ['1e999', MAX_LIFETIME],
    [nowSeconds + 3600, MAX_LIFETIME],
    [undefined, undefined],
    [null, undefined],
    ['', undefined],
    [' ', undefined],
    ['never', undefined],
    [NaN, undefined],
    [true, undefined],
    [[3600], undefined],
    [{}, undefined],
  ])('6749-09: expires_in %j is %j ms', (expires_in, lifetime) => {
    expect(accessTokenLifetime({ expires_in }, undefined, now)).toBe(lifetime);
  });

  test.each([
    ['60 days', 5_215_742, 5_215_742_000],
    ['10 years', 315_360_000, MAX_LIFETIME],
  ])('N37: %s, longer than a timer can wait, come through', (_, expires_in, lifetime) => {
    expect(accessTokenLifetime({ expires_in }, undefined, now)).toBe(lifetime);
  });

  test.each([
    ['Unix seconds', nowSeconds + 600, 600_000],
    ['Unix seconds in a string', String(nowSeconds + 600), 600_000],
    ['Unix ms', now + 600_000, 600_000],
    ['the past', nowSeconds - 600, ASSUMED_LIFETIME],
    ['nothing readable', 'tomorrow', undefined],
  ])('6749-09: expires_at in %s', (_, expires_at, lifetime) => {
    expect(accessTokenLifetime({ expires_at }, undefined, now)).toBe(lifetime);
  });

  test.each([
    ['exp and iat, whatever our clock says', jwt({ iat: 1_000_000, exp: 1_000_900 }), 900_000],
    ['exp and iat in strings', jwt({ iat: '1000000', exp: '1000900' }), 900_000],
    ['exp alone', jwt({ exp: nowSeconds + 900 }), 900_000],
    ['exp alone in ms', jwt({ exp: now + 900_000 }), 900_000],
    ['an absurd exp', jwt({ iat: 1, exp: 9e10 }), MAX_LIFETIME],
    ['exp in the past', jwt({ exp: nowSeconds - 900 }), undefined],
    ['exp before iat', jwt({ iat: 1_000_900, exp: 1_000_000 }), undefined],
    ['exp that is no number', jwt({ iat: 1_000_000, exp: 'soon' }), undefined],
    ['exp that is an object', jwt({ exp: {} }), undefined],
    ['no exp', jwt({ iat: 1_000_000 }), undefined],
    ['claims that are null', jwt('null'), undefined],
    ['claims that are an array', jwt('[1]'), undefined],
    ['claims that are no JSON', jwt('{"exp":'), undefined],
    ['two dots and no JWT', 'a.b.c', undefined],
    ['an opaque token', '79ed4e85-954d-4044-9362-99ac9695d7e0', undefined],
    ['something else than a string', 42, undefined],
  ])('6749-08: a JWT is a hint: %s', (_, access_token, lifetime) => {
    expect(accessTokenLifetime({ access_token }, undefined, now)).toBe(lifetime);
  });

  test('comes from the first that can be read: expires_in, expires_at, the JWT, the profile', () => {
    const profile = { defaultLifetime: 4000 };
    const all = { expires_in: 1, expires_at: nowSeconds + 2, access_token: jwt({ iat: 0, exp: 3 }) };
    expect(accessTokenLifetime(all, profile, now)).toBe(1000);
    expect(accessTokenLifetime({ ...all, expires_in: 'x' }, profile, now)).toBe(2000);
    expect(accessTokenLifetime({ ...all, expires_in: null, expires_at: null }, profile, now)).toBe(3000);
    expect(accessTokenLifetime({ access_token: 'opaque' }, profile, now)).toBe(4000);
    expect(accessTokenLifetime({ access_token: 'opaque' }, {}, now)).toBeUndefined();
  });
});

describe('the lifetime of a refresh token', () => {
  test.each([
    ['GitHub, in a string', { refresh_token_expires_in: '15811200' }, 15_811_200_000],
    ['LinkedIn', { refresh_token_expires_in: 31_536_000 }, 31_536_000_000],
    ['Keycloak', { refresh_expires_in: 1800 }, 1_800_000],
    [
      'Keycloak, offline: without an end',
      { refresh_expires_in: 0, refresh_token: jwt({ iat: 1, exp: 2 }) },
      Number.POSITIVE_INFINITY,
    ],
    ['Intuit', { x_refresh_token_expires_in: 8_726_400 }, 8_726_400_000],
    ['negative', { refresh_expires_in: -1 }, Number.POSITIVE_INFINITY],
    ['in camel case', { refreshTokenExpiresIn: 60 }, 60_000],
    ['beyond belief', { refresh_expires_in: 1e300 }, MAX_LIFETIME],
    ['unreadable', { refresh_expires_in: 'x' }, undefined],
    ['a JWT', { refresh_token: jwt({ iat: 1_000_000, exp: 1_001_800 }) }, 1_800_000],
    ['an opaque token', { refresh_token: 'ff8cfad8-9888-44c7-afb2-8c597cf96037' }, undefined],
    ['no token', {}, undefined],
  ])('%s', (_, members, lifetime) => {
    expect(refreshTokenLifetime(members, now)).toBe(lifetime);
  });
});
