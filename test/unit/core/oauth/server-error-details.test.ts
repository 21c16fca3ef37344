import { describe, expect, test } from 'vitest';
import {
  isErrorCode,
  redactErrorDetails,
  safeErrorCode,
} from '../../../../src/core/oauth/server-error-details.ts';
import { fc } from '../../../support/properties.ts';

const secret = 'a-refresh-token-that-nobody-may-see';

describe('the error of a server', () => {
  test('contains its code, its description and the details that the profile names', () => {
    const refusal = {
      error: 'invalid_grant',
      description: 'The refresh token is dead.',
      details: { error_id: 'Gx1', error_user_msg: 'Sign in again.', trace: 'not asked for' },
    };
    expect(
      redactErrorDetails(refusal, { errorDetails: ['error_id', 'error_user_msg', 'error_details'] }, [
        secret,
      ]),
    ).toEqual({
      error: 'invalid_grant',
      description: 'The refresh token is dead.',
      details: { error_id: 'Gx1', error_user_msg: 'Sign in again.' },
    });
  });

  test('contains only its code, if the profile names no details', () => {
    const refusal = { error: 'invalid_grant', description: 'Dead.', details: { error_id: 'Gx1' } };
    expect(redactErrorDetails(refusal, undefined, [])).toEqual({ error: 'invalid_grant' });
    expect(redactErrorDetails({ error: secret, description: secret }, undefined, [secret])).toEqual({});
  });

  test.each([{ asked: [] }, { asked: ['other'] }])(
    'has no details when it has none of $asked',
    ({ asked }) => {
      expect(
        redactErrorDetails({ error: 'x', details: { trace: 1 } }, { errorDetails: asked }, []).details,
      ).toBeUndefined();
    },
  );

  test('contains no secrets, in values and names, however deep', () => {
    const details = {
      text: `It was ${secret}.`,
      list: [1, null, true, { [secret]: [secret, encodeURIComponent(secret)] }],
      encoded: btoa(`app:${secret}`),
    };
    const errorDetails = Object.keys(details);
    const refusal = { error: secret, description: `No ${secret}`, details };
    const told = redactErrorDetails(refusal, { errorDetails }, [secret, undefined]);
    expect(told).toEqual({
      description: 'No [redacted]',
      details: {
        text: 'It was [redacted].',
        list: [1, null, true, { '[redacted]': ['[redacted]', '[redacted]'] }],
        encoded: expect.stringContaining('[redacted]'),
      },
    });
  });

  test('a description is one line, cut between words after the secrets were removed', () => {
    const describe = (description: string, secrets: string[] = []) =>
      redactErrorDetails({ description }, { errorDetails: [] }, secrets).description;
    expect(describe('Token\r\nis\u2028expired\u202E.')).toBe('Token is expired .');
    const words = 'word '.repeat(35);
    expect(describe(`${words}correct horse battery staple`, ['correct horse battery staple'])).toBe(
      `${words}[redacted]`,
    );
    expect(describe(`${words}${secret} is dead`)).toBe(words.trim());
    expect(describe('x'.repeat(201))).toBeUndefined();
    expect(describe('x'.repeat(200))).toHaveLength(200);
    expect(describe(`${'x'.repeat(200)} y`)).toHaveLength(200);
  });

  test('members of an object’s prototype are no details', () => {
    expect(
      redactErrorDetails({ details: {} }, { errorDetails: ['constructor', '__proto__'] }, []).details,
    ).toBeUndefined();
  });

  test('details that are too long to be kept are left out whole', () => {
    const of = (length: number) =>
      redactErrorDetails({ details: { text: 'x'.repeat(length) } }, { errorDetails: ['text'] }, []).details;
    expect(of(4_085)).toEqual({ text: 'x'.repeat(4_085) });
    expect(of(4_086)).toBeUndefined();
  });

  test('omits endlessly nested details', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    expect(
      redactErrorDetails({ details: { deep } }, { errorDetails: ['deep'] }, [secret]).details,
    ).toBeUndefined();
  });
});

describe('an error code', () => {
  test.each([
    ...['invalid_grant', 'INVALID_REQUEST', 'InvalidToken', 'OAuthException', 'errorCode', 'not_a_token'],
    ...['AADSTS700082', 'E0000011', '400', '1000042', 'ERR.INVALID-2', 'urn:ietf:params:oauth:error:x'],
    ...['OAuthAccessTokenRefreshException', 'a', 'x1y2z', '__proto__'],
  ])('is %s', (code) => {
    expect(safeErrorCode(code, [secret])).toBe(code);
  });

  const token = 'dG9rZW5rZWVwLXNlY3JldC1vZi1hLXRlc3Q';
  const hex = Buffer.from(token).toString('hex');
  test.each([
    ['the first half of a token', token.slice(0, 17)],
    ['the second half of a token', token.slice(17)],
    ['a token in hex', hex.slice(0, 40)],
    ['a token in upper case hex', hex.slice(0, 40).toUpperCase()],
    ['a token in upper case', `${token.toUpperCase()}4F`],
    ['a token that was encoded twice', encodeURIComponent(encodeURIComponent(`${token.slice(0, 9)}/+==`))],
    ['a token within words', `bad_${token.slice(0, 20)}_token`],
    ['a UUID', '3fa85f64-5717-4562-b3fc-2c963f66afa6'],
    ['a sentence', 'token expired'],
    ['65 characters', `${'invalid_'.repeat(8)}x`],
    ['a quote', 'invalid"grant'],
    ['letters of another script', 'ungültig'],
    ['nothing', ''],
    ['a known secret of words', secret],
    ['half of a known secret of words', secret.slice(0, 20)],
    ['a known secret in upper case', secret.toUpperCase()],
  ])('is not %s', (_name, text) => {
    expect(safeErrorCode(text, [secret])).toBeUndefined();
  });

  test('of the profile is always kept', () => {
    const errorCodes = { Q7x9Kp2LmZ4: 'client' };
    expect(redactErrorDetails({ error: 'Q7x9Kp2LmZ4' }, { errorCodes }, []).error).toBe('Q7x9Kp2LmZ4');
    expect(redactErrorDetails({ error: 'Q7x9Kp2LmZ5' }, { errorCodes }, []).error).toBeUndefined();
  });

  test('is judged in a bounded number of steps', () => {
    const letters = fc.stringMatching(/^[aA]{0,63}[!aA1]$/);
    fc.assert(fc.property(letters, (text) => typeof isErrorCode(text) === 'boolean'));
  });
});
