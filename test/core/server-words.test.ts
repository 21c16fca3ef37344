import { describe, expect, test } from 'vitest';
import { tellable } from '../../src/core/server-words.ts';

const secret = 'a-refresh-token-that-nobody-may-see';

describe('what a server says', () => {
  test('is told: its code, its description and the details that were asked for', () => {
    const refusal = {
      error: 'invalid_grant',
      description: 'The refresh token is dead.',
      details: { error_id: 'Gx1', error_user_msg: 'Sign in again.', trace: 'not asked for' },
    };
    expect(tellable(refusal, ['error_id', 'error_user_msg', 'error_details'], [secret])).toEqual({
      error: 'invalid_grant',
      description: 'The refresh token is dead.',
      details: { error_id: 'Gx1', error_user_msg: 'Sign in again.' },
    });
  });

  test('is not told but for its code, where nobody has asked for more', () => {
    const refusal = { error: 'invalid_grant', description: 'Dead.', details: { error_id: 'Gx1' } };
    expect(tellable(refusal, undefined, [])).toEqual({ error: 'invalid_grant' });
    expect(tellable({ error: secret, description: secret }, undefined, [secret])).toEqual({
      error: '[redacted]',
    });
  });

  test.each([{ asked: [] }, { asked: ['other'] }])(
    'has no details when it has none of $asked',
    ({ asked }) => {
      expect(tellable({ error: 'x', details: { trace: 1 } }, asked, []).details).toBeUndefined();
    },
  );

  test('is told without secrets, in values and names, however deep', () => {
    const details = {
      text: `It was ${secret}.`,
      list: [1, null, true, { [secret]: [secret, encodeURIComponent(secret)] }],
      encoded: btoa(`app:${secret}`),
    };
    const told = tellable({ error: secret, description: `No ${secret}`, details }, Object.keys(details), [
      secret,
      undefined,
    ]);
    expect(told).toEqual({
      error: '[redacted]',
      description: 'No [redacted]',
      details: {
        text: 'It was [redacted].',
        list: [1, null, true, { '[redacted]': ['[redacted]', '[redacted]'] }],
        encoded: expect.stringContaining('[redacted]'),
      },
    });
  });

  test('a description that was cut in the middle of a secret with spaces tells no part of it', () => {
    const { description } = tellable(
      { description: 'The secret correct horse' },
      [],
      ['correct horse battery staple'],
    );
    expect(description).toBe('The secret [redacted] [redacted]');
  });

  test('members of an object’s prototype are no details', () => {
    expect(tellable({ details: {} }, ['constructor', '__proto__'], []).details).toBeUndefined();
  });

  test('details that are too long to be kept are left out whole', () => {
    const of = (length: number) => tellable({ details: { text: 'x'.repeat(length) } }, ['text'], []).details;
    expect(of(4_085)).toEqual({ text: 'x'.repeat(4_085) });
    expect(of(4_086)).toBeUndefined();
  });
});
