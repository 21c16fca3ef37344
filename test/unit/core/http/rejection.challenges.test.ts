import { describe, expect, it } from 'vitest';
import type { Challenge } from '../../../../src/core/http/rejection.ts';
import { parseChallenges } from '../../../../src/core/http/rejection.ts';
import {
  damaged,
  dense,
  isReadOtherwise,
  quote,
  readByOauth4webapi,
  samples,
} from '../../../support/challenges.ts';
import { fc } from '../../../support/properties.ts';

type Read = readonly Challenge[];

const named = (scheme: string, parameters: Record<string, string> = {}): Challenge => ({
  scheme,
  parameters,
});
const bearer = (parameters: Record<string, string>): Challenge => named('bearer', parameters);
const sealed = (scheme: string, token68: string): Challenge => ({ scheme, token68, parameters: {} });

describe('6750-04, 9110-01: reads what the grammar allows', () => {
  it.each<[name: string, header: string | null, expected: Read]>([
    ['no header', null, []],
    ['an empty header', '', []],
    ['a list of empty elements', ' , ,, ', []],
    ['a scheme alone', 'Bearer', [bearer({})]],
    ['a scheme in any case', 'bEaReR error="a"', [bearer({ error: 'a' })]],
    ['parameter names in any case', 'Bearer ERROR="a"', [bearer({ error: 'a' })]],
    ['values in their own case', 'Bearer realm="MiXed"', [bearer({ realm: 'MiXed' })]],
    ['unquoted values', 'Bearer error=invalid_token', [bearer({ error: 'invalid_token' })]],
    ['an empty value', 'Bearer realm="", error=a', [bearer({ realm: '', error: 'a' })]],
    ['quoted commas', 'Bearer realm="a, b", error="c"', [bearer({ realm: 'a, b', error: 'c' })]],
    ['escapes', String.raw`Bearer realm="a \"b\" \\ \c", x=d`, [bearer({ realm: 'a "b" \\ c', x: 'd' })]],
    ['blanks around "="', 'Bearer realm = "a",\terror\t=\tb', [bearer({ realm: 'a', error: 'b' })]],
    ['many blanks after the scheme', 'Bearer \t realm="a"', [bearer({ realm: 'a' })]],
    ['empty elements', ' ,Bearer ,realm=a,,  , error=b,', [bearer({ realm: 'a', error: 'b' })]],
    [
      'several challenges',
      'Basic realm=a, Bearer error=b',
      [named('basic', { realm: 'a' }), bearer({ error: 'b' })],
    ],
    ['several header lines', 'Negotiate, NTLM, Bearer', [named('negotiate'), named('ntlm'), named('bearer')]],
    ['one scheme twice', 'Bearer realm=a, Bearer realm=b', [bearer({ realm: 'a' }), bearer({ realm: 'b' })]],
    ['token68', 'Negotiate Y+/-._~a==, Bearer x=b', [sealed('negotiate', 'Y+/-._~a=='), bearer({ x: 'b' })]],
    ['token68 at the end', 'Bearer x=b, Negotiate Y=', [bearer({ x: 'b' }), sealed('negotiate', 'Y=')]],
    ['token68 before a blank', 'Negotiate Y= , Bearer', [sealed('negotiate', 'Y='), named('bearer')]],
  ])('%s', (_, header, expected) => {
    expect(parseChallenges(header)).toEqual(expected);
  });
});

describe('6750-04: reads on where a server errs', () => {
  it.each<[name: string, header: string, expected: Read]>([
    ['a parameter twice: the first counts', 'Bearer error=a, ERROR="b"', [bearer({ error: 'a' })]],
    ['a quoted string without an end', 'Bearer x=a, error="b', [bearer({ x: 'a', error: 'b' })]],
    ['a quote too many', 'Bearer realm=a, error=b", c="d', [bearer({ realm: 'a', error: 'b' }), named('d')]],
    ['an escape without an end', 'Bearer realm="a\\', [bearer({ realm: 'a' })]],
    ['strings without a name', 'OAuth "Facebook Platform" "invalid_token" "a, x=\\"b\\""', [named('oauth')]],
    ['apostrophes for quotes', "OAuth realm='a b, c', x='d'", [named('oauth', { realm: 'a b, c', x: 'd' })]],
    ['an apostrophe that quotes nothing', "Bearer a='tis, b=it's", [bearer({ a: "'tis", b: "it's" })]],
    ['an apostrophe inside apostrophes', "Bearer a='it's', b=c", [bearer({ a: "'it's'", b: 'c' })]],
    ['a quote inside apostrophes', `Bearer a='b, c="d", e='`, [bearer({ a: "'b", c: 'd', e: "'" })]],
    [
      'unquoted values that are no token',
      'Bearer uri=https://a.example/?b=c==, d=e',
      [bearer({ uri: 'https://a.example/?b=c==', d: 'e' })],
    ],
    ['semicolons for commas', 'Bearer a=b; c="d"; e=f', [bearer({ a: 'b', c: 'd', e: 'f' })]],
    [
      'blanks for commas',
      'Bearer a="b" c=d DPoP e="f"',
      [bearer({ a: 'b', c: 'd' }), named('dpop', { e: 'f' })],
    ],
    ['no separator at all', 'Bearer a="b"c="d"', [bearer({ a: 'b', c: 'd' })]],
    ['a comma after the scheme', 'Bearer, error="a"', [bearer({ error: 'a' })]],
    ['a colon after the scheme', 'Bearer: error="a"', [bearer({ error: 'a' })]],
    ['a missing value', 'Bearer a=b, scope=, error=c', [bearer({ a: 'b', scope: '', error: 'c' })]],
    ['parameters without a scheme', 'realm="a", error="invalid_token"', []],
    ['characters without a meaning', '@ Bearer (error="a") \u{b6}', [bearer({ error: 'a' })]],
  ])('%s', (_, header, expected) => {
    expect(parseChallenges(header)).toEqual(expected);
  });

  it('takes nothing inside a quoted string for a challenge', () => {
    const decoy = 'x, Bearer error="invalid_token"';
    expect(parseChallenges(`Basic realm=${quote(decoy)}`)).toEqual([named('basic', { realm: decoy })]);
    expect(parseChallenges(`Basic ${quote(decoy)}`)).toEqual([named('basic')]);
  });

  it('gives parameters that inherit nothing, so that any name is just a name', () => {
    const [challenge] = parseChallenges('Bearer __proto__=a, __proto__=b, constructor=c');
    expect(Object.entries(challenge?.parameters ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'c'],
    ]);
    expect(challenge?.parameters['toString']).toBeUndefined();
  });
});

describe('on any input', () => {
  it('reads back what the grammar wrote', () => {
    const property = fc.property(samples, ({ header, challenges }) => {
      expect(parseChallenges(header)).toEqual(challenges);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it('never throws, and all names are tokens in lower case', () => {
    const property = fc.property(fc.oneof(fc.string({ unit: 'binary' }), damaged, dense), (header) => {
      for (const { scheme, parameters } of parseChallenges(header)) {
        for (const name of [scheme, ...Object.keys(parameters)])
          expect(name).toMatch(/^[\w!#$%&'*+\-.^`|~]+$/);
        expect(scheme).toBe(scheme.toLowerCase());
      }
    });
    fc.assert(property, { numRuns: 1000 });
  });

  // Work that grew with the square of the length would take an hour each: the runner would cut it off.
  it.each([
    '"',
    '\\',
    '"\\',
    ' ',
    ',',
    ';',
    '=',
    "'",
    'a',
    'a ',
    'a  ',
    'a=',
    'a= ',
    "a='",
    'a="',
    'a="" ',
    '=a',
    '/',
    '\u{e9}',
  ])('reads a megabyte of %j', (piece) => {
    const many = piece.repeat(2 ** 20 / piece.length);
    for (const head of ['', 'Negotiate a', 'Bearer a=', 'Bearer a="', "Bearer a='"]) {
      expect(parseChallenges(`${head}${many}!`).length).toBeLessThan(many.length);
    }
  });
});

describe('compared with oauth4webapi', () => {
  it.each<[name: string, headers: fc.Arbitrary<string>]>([
    ['valid', samples.map(({ header }) => header)],
    ['damaged', damaged],
    ['dense', dense],
  ])('reads the same in %s headers', async (_, headers) => {
    let compared = 0;
    const property = fc.asyncProperty(headers, async (header) => {
      const theirs = await readByOauth4webapi(header);
      if (theirs === undefined || isReadOtherwise(header, theirs)) return;
      compared += 1;
      expect(parseChallenges(header)).toEqual(theirs);
    });
    await fc.assert(property, { numRuns: 1000 });
    expect(compared).toBeGreaterThan(20); // else there was nothing to agree on
  });

  // Each of these is what isReadOtherwise() keeps out of the comparison.
  it.each<[name: string, header: string, ours: Read, theirs: Read]>([
    [
      'of a parameter that comes twice the first counts',
      'Bearer x=a, x=b',
      [bearer({ x: 'a' })],
      [bearer({ x: 'b' })],
    ],
    ['__proto__ is a name', 'Bearer __proto__=a', [bearer({ ['__proto__']: 'a' })], [bearer({})]],
    ['apostrophes quote', "OAuth x='a'", [named('oauth', { x: 'a' })], [named('oauth', { x: "'a'" })]],
    [
      'a word is token68 only where the challenge ends behind it, or else a scheme',
      'Negotiate NTLM Bearer',
      [named('negotiate'), sealed('ntlm', 'Bearer')],
      [sealed('negotiate', 'NTLM'), named('bearer')],
    ],
  ])('reads otherwise on purpose: %s', async (...[, header, ours, theirs]) => {
    const read = await readByOauth4webapi(header);
    expect(read).toEqual(theirs);
    expect(isReadOtherwise(header, read ?? [])).toBe(true);
    expect(parseChallenges(header)).toEqual(ours);
  });

  it.each<[name: string, header: string]>([
    ['a trailing comma', 'Bearer,'],
    ['a blank before the comma', 'Bearer , DPoP algs="a"'],
    ['a comma after the scheme', 'Bearer, error="a"'],
    ['a word between the schemes and their parameters', 'Negotiate Bearer error=a'],
    ['a missing value', 'Bearer a=b, c='],
    ['a semicolon', 'Bearer a=b; c=d'],
    ['a quoted string without an end', 'Bearer a="b'],
    ['a string without a name', 'OAuth "Facebook Platform" "invalid_token"'],
    ['a value that is no token', 'Bearer a=b/c'],
    ['blanks inside apostrophes', "OAuth realm='a b', error=c"],
  ])('reads where oauth4webapi fails: %s', async (_, header) => {
    expect(await readByOauth4webapi(header)).toBeUndefined();
    expect(parseChallenges(header)).not.toEqual([]);
  });
});
