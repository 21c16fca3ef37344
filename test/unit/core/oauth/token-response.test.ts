import { describe, expect, test } from 'vitest';
import type { ProviderProfile } from '../../../../src/core/oauth/provider-profile.ts';
import type { TokenGrant } from '../../../../src/core/oauth/token-grant.ts';
import { readTokenGrant } from '../../../../src/core/oauth/token-grant.ts';
import type { TokenResponseOutcome } from '../../../../src/core/oauth/token-response.ts';
import { parseTokenResponse } from '../../../../src/core/oauth/token-response.ts';
import { fc } from '../../../support/properties.ts';
import { answered, jwt, now } from '../../../support/token-response.ts';

const judge = (status: number, body: unknown, headers = {}) =>
  parseTokenResponse(answered(status, body, headers), undefined, now);
const tokens = {
  access_token: 'access-1',
  token_type: 'Bearer',
  expires_in: 3600,
  refresh_token: 'refresh-1',
};

function granted(outcome: TokenResponseOutcome): TokenGrant {
  if (outcome.kind !== 'granted') throw new Error(`Not granted: ${JSON.stringify(outcome)}`);
  return outcome.grant;
}

function refused(outcome: TokenResponseOutcome): TokenResponseOutcome & { kind: 'refused' } {
  if (outcome.kind !== 'refused') throw new Error(`Not refused: ${JSON.stringify(outcome)}`);
  return outcome;
}

describe('a grant', () => {
  test.each([200, 201, 203, 299])('is any 2xx with an access token: %i', (status) => {
    expect(granted(judge(status, tokens))).toMatchObject({
      accessToken: 'access-1',
      refreshToken: 'refresh-1',
    });
  });

  test.each([
    [null],
    ['text/html; charset=utf-8'],
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['junk'],
  ])('is JSON whatever the Content-Type says: %j', (contentType) => {
    expect(granted(judge(200, tokens, { contentType })).refreshToken).toBe('refresh-1');
  });

  test('is a form whatever the Content-Type says', () => {
    const grant = granted(judge(200, new URLSearchParams({ ...tokens, expires_in: '60' }).toString()));
    expect(grant).toMatchObject({ accessToken: 'access-1', refreshToken: 'refresh-1', lifetime: 60_000 });
  });

  test('6749-07: keeps every member that it does not know, untouched', () => {
    const extra = {
      instance_url: 'https://na1.example',
      expires_at: 1,
      refresh_expires_in: 5,
      a: { b: [null] },
    };
    const grant = granted(judge(200, { ...tokens, scope: 'a', id_token: 'id-1', ...extra }));
    expect(grant.idToken).toBe('id-1');
    expect(grant.extra).toEqual(extra);
  });

  test('6749-07: does not take over a prototype', () => {
    const grant = granted(
      judge(200, '{"access_token":"a","__proto__":{"refresh_token":"evil","admin":true}}'),
    );
    expect(grant.refreshToken).toBeUndefined();
    expect(grant.extra).toEqual({});
    expect(Object.keys(grant.extra)).toEqual([]);
  });

  test('6749-08: can be an opaque token of 20 kB', () => {
    const accessToken = Buffer.alloc(15_000, 'opaque.').toString('base64');
    expect(granted(judge(200, { ...tokens, access_token: accessToken })).accessToken).toBe(accessToken);
  });

  test('6749-09: can come without a lifetime', () => {
    expect(granted(judge(200, { access_token: 'a' })).lifetime).toBeUndefined();
  });

  test.each([
    ['a b', ['a', 'b']],
    [' a  b ', ['a', 'b']],
    ['a', ['a']],
    ['repo,gist', ['repo', 'gist']],
    ['pay:1,2 read', ['pay:1,2', 'read']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [['a', '', null, 7], ['a']],
    ['', undefined],
    [' ', undefined],
    [[], undefined],
    [null, undefined],
    [undefined, undefined],
    [7, undefined],
  ])('6749-10: scope %j is %j', (scope, read) => {
    expect(granted(judge(200, { ...tokens, scope })).scope).toEqual(read);
  });

  test.each([
    ['bearer', 'bearer'],
    ['DPoP', 'DPoP'],
    ['mac', 'mac'],
    ['', 'Bearer'],
    [null, 'Bearer'],
    [undefined, 'Bearer'],
    [1, 'Bearer'],
  ])('6749-11: token_type %j is %j', (token_type, type) => {
    expect(granted(judge(200, { ...tokens, token_type })).tokenType).toBe(type);
  });

  test.each([[undefined], [null], [''], [7], [{}], [['r']]])(
    'leaves the old refresh token when the new one is %j',
    (refresh_token) => {
      expect(granted(judge(200, { ...tokens, refresh_token })).refreshToken).toBeUndefined();
    },
  );

  test.each([[null], [''], [false], [0], [{}]])('is not undone by an error that is %j', (error) => {
    expect(granted(judge(200, { ...tokens, error, ok: true })).refreshToken).toBe('refresh-1');
  });

  test.each([400, 403, 429, 500, 502])('survives a server that fails after it rotated: %i', (status) => {
    expect(granted(judge(status, tokens))).toMatchObject({
      accessToken: 'access-1',
      refreshToken: 'refresh-1',
    });
  });

  test.each([400, 500])('is not a failure with an access token and no successor: %i', (status) => {
    expect(judge(status, { ...tokens, refresh_token: undefined }).kind).toBe('refused');
  });

  test('counts times by the clock of the server', () => {
    const date = 'Fri, 02 Jan 2026 00:00:00 GMT'; // ours is a day late
    const expires_at = now / 1000 + 86_400 + 600;
    expect(granted(judge(200, { access_token: 'a', expires_at }, { date })).lifetime).toBe(600_000);
    expect(granted(judge(200, { access_token: 'a', expires_at: expires_at - 86_400 })).lifetime).toBe(
      600_000,
    );
    const access_token = jwt({ exp: expires_at });
    expect(granted(judge(200, { access_token }, { date })).lifetime).toBe(600_000);
  });
});

describe('an unreadable answer', () => {
  test.each([
    ['nothing', ''],
    ['a page', '<!doctype html><title>Sign in</title>'],
    ['JSON that was cut off', JSON.stringify(tokens).slice(0, -5)],
    ['an array', [tokens]],
    ['null', null],
    ['an empty object', {}],
    ['a grant in an envelope', { code: 0, message: 'success', data: tokens }],
    ['an empty access token', { ...tokens, access_token: '' }],
    ['an access token that is no string', { ...tokens, access_token: 7 }],
    ['half a grant that says something of errors', { refresh_token: 'refresh-1', errors: [], error_code: 1 }],
  ])('is a 2xx with %s', (_, body) => {
    expect(judge(200, body)).toEqual({ kind: 'unreadable', status: 200 });
  });

  test('is 204', () => {
    expect(judge(204, '')).toEqual({ kind: 'unreadable', status: 204 });
  });
});

describe('a refusal', () => {
  test.each<[string, unknown, string | undefined]>([
    ['a code', { error: 'invalid_grant' }, 'invalid_grant'],
    ['a code beside tokens', { ...tokens, error: 'invalid_grant' }, 'invalid_grant'],
    ['ok: false', { ok: false }, undefined],
    ['ok: false beside tokens', { ...tokens, ok: false }, undefined],
    ['an error object', { error: { code: 1 } }, undefined],
    ['a description', { error_description: 'No.' }, undefined],
    ['a number', { error_code: 1001 }, undefined],
    ['a list of errors', { errors: [{ id: 'x' }] }, undefined],
    ['a form', 'error=bad_refresh_token&error_description=No.', 'bad_refresh_token'],
  ])('can be a 2xx with %s', (_, body, error) => {
    expect(refused(judge(200, body))).toMatchObject({ status: 200, error });
  });

  test('can be a 2xx with what the profile declares', () => {
    const profile: ProviderProfile = { errorFields: ['state'], errorCodes: { dead: 'invalid-grant' } };
    const judgeAs = (state: unknown) => parseTokenResponse(answered(200, { state }), profile, now);
    expect(refused(judgeAs('dead')).failure).toBe('invalid-grant');
    expect(judgeAs('fine').kind).toBe('unreadable');
    expect(judgeAs({ toString: 1 }).kind).toBe('unreadable');
  });

  test.each([0, 301, 302, 303, 304, 307, 308])('is a redirect, which is never followed: %i', (status) => {
    const { failure, description, error } = refused(judge(status, ''));
    expect({ failure, error }).toEqual({ failure: 'client', error: undefined });
    expect(description).toMatch(/redirect/);
  });

  test('reports the description on one line', () => {
    const error_description = '\u0007Token\r\nis\u2028expired\u202E.\x9f';
    expect(refused(judge(400, { error: 'invalid_grant', error_description })).description).toBe(
      'Token is expired .',
    );
  });

  test('keeps a long description until its secrets were removed, and cuts an endless one', () => {
    const long = 'word '.repeat(400).trim();
    expect(refused(judge(400, { error_description: long })).description).toBe(long);
    const { description } = refused(judge(400, { error_description: 'x'.repeat(500_000) }));
    expect(description).toHaveLength(10_000);
  });

  test.each([
    [{ error: 'a', error_description: 'D', message: 'M' }, 'D'],
    [{ error: 'a', message: 'M' }, 'M'],
    [{ error: 'not a code' }, 'not a code'],
    [{ error: 'a' }, undefined],
    [{ error: 'a', error_description: 7 }, undefined],
    [[], undefined],
  ])('finds its description: %j', (body, description) => {
    expect(refused(judge(400, body)).description).toBe(description);
  });

  test('reports the details, but no tokens', () => {
    const body = {
      ...tokens,
      id_token: 'i',
      error: 'interaction_required',
      error_id: '7',
      error_description: 'D',
      claims: '{"a":1}',
    };
    expect(refused(judge(400, body)).details).toEqual({
      token_type: 'Bearer',
      expires_in: 3600,
      error: 'interaction_required',
      error_id: '7',
      claims: '{"a":1}',
    });
    expect(refused(judge(400, '')).details).toEqual({});
    expect(refused(judge(400, [{ errorCode: 'X' }])).details).toEqual({});
  });

  test.each([-86_400_000, 0, 86_400_000])(
    '9110-03: Retry-After with a local clock that is %i ms off',
    (off) => {
      const headers = { retryAfter: 'Thu, 01 Jan 2026 00:02:00 GMT', date: 'Thu, 01 Jan 2026 00:00:00 GMT' };
      const outcome = parseTokenResponse(answered(503, '', headers), undefined, now + off);
      expect(refused(outcome)).toMatchObject({ failure: 'transient', retryAfter: 120_000 });
    },
  );

  test('9110-03: Retry-After without a Date, or with one that cannot be read', () => {
    const retryAfter = 'Thu, 01 Jan 2026 00:02:00 GMT';
    expect(refused(judge(429, '', { retryAfter })).retryAfter).toBe(120_000);
    expect(refused(judge(429, '', { retryAfter, date: 'now' })).retryAfter).toBe(120_000);
    expect(refused(judge(429, '', { retryAfter: 'later' })).retryAfter).toBeUndefined();
  });
});

describe('whatever comes', () => {
  const member = fc.constantFrom(
    ...['access_token', 'refresh_token', 'token_type', 'expires_in', 'expires_at', 'scope', 'id_token'],
    ...[
      'refresh_expires_in',
      'error',
      'error_description',
      'error_codes',
      'claims',
      'ok',
      '__proto__',
      'toString',
    ],
  );
  const value = fc.oneof(fc.jsonValue(), fc.string(), fc.double(), fc.constant(jwt({ exp: 1 })));
  const object = fc.dictionary(fc.oneof(member, fc.string()), value);
  const body = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    object.map((members) => JSON.stringify(members)),
  );
  const header = fc.oneof(
    fc.constant(null),
    fc.string(),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  );
  const profile: ProviderProfile = { errorFields: ['error', 'toString'], errorCodes: { x: 'invalid-grant' } };

  test('it is judged, never thrown, and its report contains no secret', () => {
    const status = fc.oneof(fc.integer({ min: 0, max: 999 }), fc.constantFrom(200, 400, 401, 403));
    fc.assert(
      fc.property(
        status,
        body,
        fc.tuple(header, header, header),
        (status, body, [contentType, retryAfter, date]) => {
          const outcome = parseTokenResponse({ status, body, contentType, retryAfter, date }, profile, now);
          if (outcome.kind === 'granted') expect(outcome.grant.accessToken).not.toBe('');
          if (outcome.kind === 'unreadable') {
            expect([200, 502, 504]).toContain(status < 300 ? status - (status % 100) : status);
          }
          if (outcome.kind !== 'refused') return;
          expect(outcome.description ?? '').toSatisfy(
            (text: string) => text.length <= 10_000 && !/\p{Cc}/u.test(text),
          );
          const wait = outcome.retryAfter ?? 0;
          expect(wait >= 0 && wait <= 3_600_000).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a successor that came with an access token and without an error is never lost', () => {
    const some = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 299 }),
        object,
        fc.tuple(some, some),
        (status, other, [access, refresh]) => {
          const { error: _error, ok: _ok, ...members } = other;
          const all = { ...members, access_token: access, refresh_token: refresh };
          const grant = granted(judge(status, all));
          expect([grant.accessToken, grant.refreshToken]).toEqual([access, refresh]);
          expect(readTokenGrant(all, profile, now)).toMatchObject({
            accessToken: access,
            refreshToken: refresh,
          });
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('a lifetime is never zero, negative, endless or no number', () => {
    fc.assert(
      fc.property(
        value,
        value,
        fc.constantFrom('expires_in', 'expires_at', 'refresh_expires_in'),
        (first, second, name) => {
          const grant = readTokenGrant(
            { access_token: 'a', [name]: first, expires_at: second },
            undefined,
            now,
          );
          const { lifetime: one, refreshTokenLifetime: other } = grant ?? {};
          // `Infinity` is how a server that has said 0 is understood, of a refresh token.
          for (const lifetime of [one, other === Number.POSITIVE_INFINITY ? undefined : other]) {
            expect(lifetime === undefined || (lifetime >= 1 && lifetime <= 315_360_000_000)).toBe(true);
          }
        },
      ),
    );
  });
});

test.each([[{}], [{ access_token: '' }], [{ access_token: null, refresh_token: 'r' }]])(
  'a grant without an access token is invalid: %j',
  (members) => {
    expect(readTokenGrant(members, undefined, now)).toBeUndefined();
  },
);
