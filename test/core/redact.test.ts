import { describe, expect, test } from 'vitest';
import { redact } from '../../src/core/redact.ts';
import { fc } from '../support/properties.ts';

const secret = 'r3fr"esh/tök en+1!';
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('takes out a secret', () => {
  test.each([
    ['as it is', secret],
    ['in a URL', encodeURIComponent(secret)],
    ['in a URL, in lower case', encodeURIComponent(secret).replace(/%../g, (byte) => byte.toLowerCase())],
    ['in a form', new URLSearchParams({ '': secret }).toString().slice(1)],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in base64', base64(secret)],
    ['in base64url', Buffer.from(secret).toString('base64url')],
  ])('%s', (_, form) => {
    expect(redact(`before <${form}> after <${form}>`, [secret])).toBe(
      'before <[redacted]> after <[redacted]>',
    );
  });

  test.each([[''], ['i'], ['id']])('in the credentials of a Basic header, after %j', (id) => {
    const header = `Basic ${base64(`${id}:c1ient-s3cret`)}`;
    const redacted = redact(header, ['c1ient-s3cret']);
    expect(redacted).toMatch(/\[redacted\]$/);
    expect(redacted.length).toBeLessThan('Basic [redacted]'.length + 5);
  });

  test('that begins with another one', () => {
    expect(redact('abcdefgh abcd', ['abcd', 'abcdefgh'])).toBe('[redacted] [redacted]');
  });

  test('once, and does not look into what it has written', () => {
    expect(redact('redacted token', ['token', 'redacted'])).toBe('[redacted] [redacted]');
  });

  test('with every character that means something in a pattern', () => {
    const odd = '^$\\.*+?()[]{}|-/';
    expect(redact(`x${odd}y`, [odd])).toBe('x[redacted]y');
  });

  test('of 20 kB', () => {
    const long = Buffer.alloc(15_000, 'Ab3_').toString('base64');
    expect(redact(`${long} ${base64(long)}`, [long])).toBe('[redacted] [redacted]');
  });

  test('with half a character in it', () => {
    expect(redact('a\uD800bcd', ['a\uD800bcd'])).toBe('[redacted]');
  });
});

test('does not take a few letters for base64', () => {
  expect(redact('YzBkZWQ c0de', ['c0de'])).toBe('YzBkZWQ [redacted]');
});

test.each([[[]], [[undefined]], [['']], [['is']], [['the']]])('leaves the text alone for %j', (secrets) => {
  expect(redact('the text is $& here', secrets)).toBe('the text is $& here');
});

test('no secret is left, however it is mixed with text', () => {
  const word = fc.stringMatching(/^[\w.~+/=$-]{4,30}$/);
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), fc.array(fc.string()), (secrets, texts) => {
      const foreign = texts.map((text) => text.replace(/[\w.~+/=$-]/g, ' '));
      const text = foreign.flatMap((part, index) => [part, secrets[index % secrets.length]]).join(' ');
      const left = redact(text, secrets).replaceAll('[redacted]', '');
      expect(secrets.filter((one) => left.includes(one))).toEqual([]);
    }),
  );
});
