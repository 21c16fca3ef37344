import { afterEach, describe, expect, test, vi } from 'vitest';
import { MAX_RETRY_AFTER, readHttpDate, readRetryAfter } from '../../../../src/core/http/retry-after.ts';
import { now } from '../../../support/token-response.ts';

describe('9110-03: Retry-After', () => {
  test.each([
    ['120', 120_000],
    [' 120 ', 120_000],
    ['+5', 5000],
    ['1.5', 1500],
    ['0', 0],
    ['-5', 0],
    ['3600', MAX_RETRY_AFTER],
    ['86400', MAX_RETRY_AFTER],
    ['9'.repeat(400), MAX_RETRY_AFTER],
    ['Thu, 01 Jan 2026 00:02:00 GMT', 120_000],
    ['Thursday, 01-Jan-26 00:02:00 GMT', 120_000],
    ['Thu Jan  1 00:02:00 2026', 120_000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['Fri, 02 Jan 2026 00:00:00 GMT', MAX_RETRY_AFTER],
    [null, undefined],
    ['', undefined],
    ['soon', undefined],
    ['120s', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['2026', 2_026_000],
    ['try 5', undefined],
    ['120, 120', undefined],
    ['2026-01-01T00:02:00Z', undefined],
    ['Thu, 99 Foo 2026 00:02:00 GMT', undefined],
  ])('%j is %j ms', (header, wait) => {
    expect(readRetryAfter(header, now)).toBe(wait);
  });
});

describe('an HTTP date', () => {
  afterEach(() => vi.unstubAllEnvs());

  test.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT'],
    ['Sunday, 06-Nov-94 08:49:37 GMT'],
    ['Sun Nov  6 08:49:37 1994'],
  ])('is read in each form, in GMT: %s', (date) => {
    vi.stubEnv('TZ', 'America/New_York');
    expect(new Date(0).getTimezoneOffset()).toBe(300);
    expect(readHttpDate(date)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
  });

  test.each([[null], [''], ['now'], ['5'], ['Sun, 06 Nov 1994'], ['Sun, 06 Nov 1994 08:49:37 +0200']])(
    'is not %j',
    (date) => {
      expect(readHttpDate(date)).toBeUndefined();
    },
  );
});
