import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { redact } from '../../../src/core/redact.ts';
import { fc } from '../../support/properties.ts';

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
    const long = randomBytes(15_000).toString('base64url');
    for (const piece of [long, long.slice(0, 9_000), long.slice(9_000)]) {
      expect(redact(`a ${piece.slice(0, 16_000)} b`, [long])).toBe('a [redacted] b');
    }
    expect(redact(base64(long).slice(0, 16_000), [long])).toBe('[redacted]');
  });

  test('with half a character in it', () => {
    expect(redact('a\uD800bcd', ['a\uD800bcd'])).toBe('[redacted]');
  });
});

test.each([
  ['the beginning', 'n3xt-T0ken_of'],
  ['the middle', 'ken_of-a-user'],
  ['the end', 'user.0123456789'],
])('takes out a piece of a secret: %s', (_, piece) => {
  const secret = 'n3xt-T0ken_of-a-user.0123456789';
  const at = secret.indexOf(piece);
  const text = `<${secret.slice(Math.max(0, at - 4), at + piece.length + 4)}>`;
  expect(redact(text, [secret])).toBe('<[redacted]>');
});

test('takes out a secret in another case', () => {
  expect(redact('EXPECTED S3CRET-OF-A-SERVER', ['s3cret-of-a-server'])).toBe('EXPECTED [redacted]');
});

describe('is bounded', () => {
  const ofLength = (length: number) => randomBytes(length).toString('base64url').slice(0, length);

  test.each([24_600, 100_000, 200_000])('a secret of %i characters is found', (length) => {
    const secret = ofLength(length);
    expect(redact(`cannot write ${secret.slice(-1_000)}`, [secret])).toBe('cannot write [redacted]');
  });

  test('among 5 000 secrets each is found', () => {
    const secrets = Array.from({ length: 5_000 }, () => ofLength(24));
    expect(redact(`a ${secrets[0]} ${secrets[4_999]} z`, secrets)).toBe('a [redacted] [redacted] z');
  });

  test.each([
    ['a secret of 1 MB', [ofLength(1_000_000)]],
    ['50 000 secrets', Array.from({ length: 50_000 }, () => ofLength(16))],
  ])('%s is too much to look for: the text is dropped', (_, secrets) => {
    expect(redact('what the server says', secrets)).toBe('[redacted]');
  });

  test('a text of 10 MB is cut, and its end contains no part of a secret', () => {
    const secret = ofLength(40);
    const short = ofLength(12);
    for (let from = 16_300; from < 16_384; from++) {
      const text = `${'x '.repeat(8_192).slice(0, from)}${secret} ${short}${'y'.repeat(1_000_000)}`;
      const left = redact(text, [secret, short]);
      expect(left.length).toBeLessThan(16_400);
      expect(left).not.toContain(secret.slice(0, 5));
      expect(left).not.toContain(short.slice(0, 5));
    }
    expect(redact('z'.repeat(10_000_000), [secret])).toHaveLength(16_369);
    expect(redact('z'.repeat(10_000_000), [])).toHaveLength(16_369);
  });

  test('texts and secrets of one letter', () => {
    expect(redact('a'.repeat(16_384), ['a'.repeat(200_000)])).toBe('[redacted]');
    expect(redact('a'.repeat(16_384), ['aaaa'])).toBe('[redacted]');
  });
});

test('drops the text when it cannot be searched', () => {
  const secret = Object.defineProperty({}, 'length', {
    get: () => {
      throw new Error('no length');
    },
  }) as string;
  expect(redact('says the secret', [secret])).toBe('[redacted]');
});

test('no text and no secret makes it throw', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string());
  fc.assert(
    fc.property(text, fc.array(fc.option(text, { nil: undefined })), (one, secrets) => {
      expect(typeof redact(one, secrets)).toBe('string');
    }),
  );
});

test('no piece of 16 characters of any secret is left, whatever comes before and after it', () => {
  const word = fc.stringMatching(/^[\w.~+/=%" -]{16,60}$/);
  fc.assert(
    fc.property(word, fc.nat(60), fc.string(), fc.string(), (secret, from, before, after) => {
      const text = before + secret.slice(from) + after;
      const left = redact(text, [secret]).split('[redacted]');
      for (let at = 0; at + 16 <= secret.length; at++) {
        for (const one of left) expect(one).not.toContain(secret.slice(at, at + 16));
      }
    }),
  );
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
