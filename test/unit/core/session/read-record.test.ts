/** Values read from a storage are rejected or limited, never guessed. */
import { describe, expect, test } from 'vitest';
import { readRecord, type SessionOwner } from '../../../../src/core/session/read-record.ts';
import type { SessionRecord } from '../../../../src/core/session/session-record.ts';
import { fc } from '../../../support/properties.ts';

const owner: SessionOwner = {
  clientId: 'app',
  issuers: ['https://as.test'],
  isNamed: true,
  profile: undefined,
};
const token = { token: 'access', type: 'Bearer', issuedAt: 1_000 };
const record = {
  schema: 1,
  clientId: 'app',
  issuer: 'https://as.test',
  refreshToken: 'refresh',
  accessTokens: { '': token },
};
const failure = { kind: 'transient', at: 1_000, until: 2_000, count: 1 };
const pendingRefresh = { fingerprint: 1, since: 1, latest: 1, sends: 1, by: 'me' };
const read = (change: object, by: Partial<SessionOwner> = {}) =>
  readRecord({ ...record, ...change }, { ...owner, ...by });

describe('the issuer of a session', () => {
  test.each([
    ['its own', 'https://as.test', {}, 'used'],
    ['another', 'https://other.test', {}, 'other issuer'],
    ['none, where the server has a name', undefined, {}, 'other issuer'],
    ['none, where the server is found out and has a name', undefined, { issuers: [] }, 'other issuer'],
    ['none, where the server had no name when it began', undefined, { isNamed: false, issuers: [] }, 'used'],
    ['none, where such a server is known now', undefined, { isNamed: false }, 'used'],
    ['another, where such a server is known now', 'https://other.test', { isNamed: false }, 'other issuer'],
    ['any, where such a server is not known yet', 'https://x.test', { isNamed: false, issuers: [] }, 'used'],
  ])('%s', (_name, issuer, by, outcome) => {
    const found = read({ issuer }, by);
    expect(typeof found === 'string' ? found : 'used').toBe(outcome);
  });
});

describe('an access token', () => {
  test.each([
    ['Bearer', ['']],
    ['bEARER', ['']],
    ['mac', []],
    ['N_A', []],
    ['Cookie', []],
  ])('of type %s: %j are left', (type, left) => {
    const found = read({ accessTokens: { '': { ...token, type } } }) as SessionRecord;
    expect(Object.keys(found.accessTokens)).toEqual(left);
    expect(found.refreshToken).toBe('refresh');
  });

  test('of a type that the profile declares is used', () => {
    const found = read(
      { accessTokens: { '': { ...token, type: 'mac' } } },
      { profile: { bearerTypes: ['MAC'] } },
    );
    expect((found as SessionRecord).accessTokens).toHaveProperty('');
  });
});

describe('a remembered failure', () => {
  test.each([
    ['a count below 1', { count: 0 }],
    ['a negative count', { count: -5 }],
    ['a count that is no whole number', { count: 1.5 }],
    ['a count without an end', { count: 1e300 }],
    ['a count as text', { count: '1' }],
    ['a time as text', { until: 'tomorrow' }],
    ['a time without an end', { until: Number.POSITIVE_INFINITY }],
    ['an unknown class', { kind: 'fatal' }],
    ['a status as text', { status: '400' }],
    ['an error that is no text', { error: { toString: 'x' } }],
    ['a description that is no text', { description: 7 }],
    ['details that are no members', { details: 'x' }],
    ['a variant that is no text', { variant: 1 }],
  ])('with %s is refused', (_name, change) => {
    expect(read({ failure: { ...failure, ...change } })).toBe('corrupt');
  });

  test('expires at most an hour after it happened', () => {
    const found = read({ failure: { ...failure, until: 1e15, since: 5_000 } }) as SessionRecord;
    expect(found.failure).toMatchObject({ at: 1_000, until: 3_601_000, since: 1_000 });
  });
});

test.each([{ sends: 0 }, { sends: -1 }, { sends: 0.5 }, { sends: '1' }, { since: 'x' }])(
  'a marker with %j is refused',
  (change) => {
    expect(read({ pendingRefresh: { ...pendingRefresh, ...change } })).toBe('corrupt');
  },
);

test('no value makes the reader throw', () => {
  const value = fc.oneof(fc.anything({ withNullPrototype: true }), fc.constant(null));
  const parts = fc.record({
    issuer: value,
    accessTokens: value,
    failure: value,
    pendingRefresh: value,
    extra: value,
    scope: value,
  });
  fc.assert(
    fc.property(value, parts, (any, part) => {
      readRecord(any, owner);
      readRecord({ ...record, ...part }, owner);
    }),
  );
});

test('reads only own members', () => {
  const { failure: read1, accessTokens } = read({ failure }) as SessionRecord;
  for (const one of [read1, accessTokens, accessTokens['']]) expect(Object.getPrototypeOf(one)).toBeNull();
});
