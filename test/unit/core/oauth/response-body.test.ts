import { describe, expect, test } from 'vitest';
import { omitMembers, parseBody } from '../../../../src/core/oauth/token-grant.ts';

describe('reads as JSON', () => {
  test.each([
    ['plain', '{"access_token":"a"}'],
    ['after a byte order mark', '\uFEFF{"access_token":"a"}'],
    ['after white space', '\r\n\t {"access_token":"a"}\n\n'],
  ])('%s', (_, body) => {
    expect(parseBody(body)).toEqual({ access_token: 'a' });
  });

  test.each([
    ['null', null],
    ['"Unauthorized"', 'Unauthorized'],
    ['[]', []],
  ])('has no members: %s', (body, value) => {
    expect(parseBody(body)).toEqual(value);
  });
});

describe('reads as a form', () => {
  test.each([
    ['access_token=a&scope=&token_type=bearer', { access_token: 'a', scope: '', token_type: 'bearer' }],
    ['error=bad_refresh_token', { error: 'bad_refresh_token' }],
    ['scope=a+b&access_token=c%2Fd', { scope: 'a b', access_token: 'c/d' }],
    ['\uFEFF access_token=a\n', { access_token: 'a' }],
  ])('%s', (body, members) => {
    expect(parseBody(body)).toEqual(members);
  });
});

describe('reads as neither', () => {
  test.each([
    ['nothing', ''],
    ['a page', '<html><body>Sign in</body></html>'],
    ['a page with a link', '<a href="/login?next=%2F&error=1&access_token=x">Sign in</a>'],
    ['several lines', 'Blocked: see /why?id=1&error=1\nfor details'],
    ['a sentence', 'Bad Request'],
    ['a form of something else', 'a=b&c=d'],
    ['JSON that was cut off', '{"access_token":"a","refresh_to'],
    ['JSON too deep for the parser, or an array', '['.repeat(1_000_000)],
  ])('%s', (_, body) => {
    expect(parseBody(body)).toBeUndefined();
  });
});

test('a copy of members leaves out what is named, and __proto__', () => {
  const members = parseBody('{"__proto__":{"admin":true},"a":1,"b":{"c":2},"constructor":3}') as Record<
    string,
    unknown
  >;
  const copy = omitMembers(members, new Set(['a']));
  expect(Object.keys(copy)).toEqual(['b', 'constructor']);
  expect(Object.assign({}, copy)).not.toHaveProperty('admin');
});
