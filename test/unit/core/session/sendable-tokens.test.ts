import { expect, test } from 'vitest';
import { authorizationScheme, isSendable } from '../../../../src/core/session/read-record.ts';
import { fc } from '../../../support/properties.ts';

test.each([
  ['Bearer', 'Bearer'],
  ['bearer', 'Bearer'],
  ['BEARER', 'Bearer'],
  ['DPoP', 'DPoP'],
  ['dpop', 'DPoP'],
  ['mac', undefined],
  ['user', undefined],
  ['N_A', undefined],
  ['', undefined],
])('6749-11: token_type %j is sent as %j', (type, scheme) => {
  expect(authorizationScheme(type, undefined)).toBe(scheme);
});

test('6749-11: the profile names the types that a server uses for bearer tokens', () => {
  const slack = { bearerTypes: ['bot', 'user'] };
  expect(authorizationScheme('Bot', slack)).toBe('Bearer');
  expect(authorizationScheme('user', { bearerTypes: ['User'] })).toBe('Bearer');
  expect(authorizationScheme('DPoP', slack)).toBe('DPoP');
  expect(authorizationScheme('mac', slack)).toBeUndefined();
});

test.each([
  ['79ed4e85-954d-4044-9362-99ac9695d7e0', true],
  ['a.b-c_d~e+f/g==', true],
  ['123|abc:def', true],
  ['x'.repeat(20_000), true],
  ['', false],
  ['a b', false],
  ['a\r\nX-Injected: 1', false],
  ['a\n', false],
  ['a\t', false],
  ['a\0', false],
  ['a\x7f', false],
  ['é', false],
  ['日本', false],
])('6750-02: %j can be sent: %j', (token, sendable) => {
  expect(isSendable(token)).toBe(sendable);
});

test('6750-02: what can be sent goes into a header as one word, as it is', () => {
  const unit = fc.constantFrom(
    'a',
    '!',
    '~',
    ',',
    ' ',
    '\t',
    '\n',
    '\r',
    '\0',
    '\x7f',
    '\x80',
    '\u2028',
    '\uD83D\uDE00',
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 4 }), (token) => {
      const isWord = token !== '' && ![...token].some((one) => !'a!~,'.includes(one));
      expect(isSendable(token)).toBe(isWord);
      if (isWord)
        expect(new Headers({ authorization: `Bearer ${token}` }).get('authorization')).toBe(
          `Bearer ${token}`,
        );
    }),
  );
});
