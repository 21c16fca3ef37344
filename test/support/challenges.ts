/** `WWW-Authenticate` headers made from a model by the grammar of RFC 9110 §11.6.1, and another reader to compare with. */

import { customFetch, protectedResourceRequest, WWWAuthenticateChallengeError } from 'oauth4webapi';
import type { Challenge } from '../../src/core/http/rejection.ts';
import { fc } from './properties.ts';

export interface Sample {
  readonly challenges: readonly Challenge[];
  readonly header: string;
}

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const tokenCharacter = fc.constantFrom(...letters, ...letters.toUpperCase(), ..."!#$%&'*+-.^_`|~");
const token = fc.oneof(
  fc.constantFrom('bearer', 'DPoP', 'error', 'realm', 'scope', 'claims', 'invalid_token', '__proto__'),
  fc.string({ unit: tokenCharacter, minLength: 1, maxLength: 8 }),
);
const token68 = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...letters, ...'-._~+/'), minLength: 1, maxLength: 12 }),
    fc.constantFrom('', '=', '=='),
  )
  .map(([data, padding]) => data + padding);
/** Whatever a header may carry between quotes: also what looks like a challenge. */
const text = fc.oneof(
  fc.constantFrom('', 'a, b', 'Bearer error="invalid_token"', ', DPoP error=x', '\\', '"', "it's; so"),
  fc.string({ unit: fc.constantFrom(...' \t",=\\;aB\'/:é~'), maxLength: 16 }),
);

const separators = fc.array(fc.constantFrom(', ', ',', ' , ', ',,', ', ,\t', ' ,\t,'), {
  minLength: 5,
  maxLength: 5,
});
const parameter = fc
  .tuple(token, fc.oneof(token, text), fc.constantFrom('=', ' =', '= ', '\t = '), fc.boolean())
  .map(([name, value, equals, plain]) => ({
    name: name.toLowerCase(),
    value,
    written: `${name}${equals}${plain && isPlain(value) ? value : quote(value)}`,
  }));
const piece = fc.oneof(
  fc.tuple(token, fc.option(token68)).map(([scheme, data]) => ({
    challenge: { scheme: scheme.toLowerCase(), ...(data !== null && { token68: data }), parameters: {} },
    written: data === null ? scheme : `${scheme} ${data}`,
  })),
  fc
    .tuple(
      token,
      fc.uniqueArray(parameter, { selector: ({ name }) => name, minLength: 1, maxLength: 5 }),
      separators,
    )
    .map(([scheme, parameters, between]) => ({
      challenge: {
        scheme: scheme.toLowerCase(),
        parameters: Object.fromEntries(parameters.map(({ name, value }) => [name, value])),
      },
      written: `${scheme} ${joined(
        parameters.map(({ written }) => written),
        between,
      )}`,
    })),
);

/** Valid headers, each with what it says. */
export const samples: fc.Arbitrary<Sample> = fc
  .tuple(fc.array(piece, { maxLength: 4 }), separators, fc.constantFrom('', ', ', ' ,,'))
  .map(([list, between, edge]) => ({
    challenges: list.map(({ challenge }) => challenge),
    header: `${edge}${joined(
      list.map(({ written }) => written),
      between,
    )}${edge}`,
  }));

const cut = fc.tuple(
  fc.nat(200),
  fc.nat(20),
  fc.constantFrom('', '"', '\\', ',', '=', ' ', '/', ';', "'", 'a', 'é'),
);

/** Valid headers in which some characters are missing, doubled or wrong. */
export const damaged: fc.Arbitrary<string> = fc
  .tuple(samples, fc.array(fc.tuple(cut, fc.boolean()), { minLength: 1, maxLength: 3 }))
  .map(([{ header }, cuts]) =>
    cuts.reduce((text, [[at, length, put], doubles]) => {
      const from = at % (text.length + 1);
      const taken = text.slice(from, from + length);
      return `${text.slice(0, from)}${doubles ? taken + put + taken : put}${text.slice(from + length)}`;
    }, header),
  );

/** Short headers out of the characters that have a meaning. */
export const dense: fc.Arbitrary<string> = fc.string({
  unit: fc.constantFrom(...'ab",=\\ /'),
  maxLength: 14,
});

/**
 * Returns the challenges that oauth4webapi reads in a header: its reader is private, so a protected resource has to
 * answer with it.
 */
export async function readByOauth4webapi(header: string): Promise<readonly Challenge[] | undefined> {
  const response = new Response(null, { status: 401, headers: { 'WWW-Authenticate': header } });
  const url = new URL('https://api.example.com/');
  try {
    await protectedResourceRequest('at', 'GET', url, undefined, undefined, {
      [customFetch]: async () => response,
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof WWWAuthenticateChallengeError)) throw error;
    return error.cause as readonly object[] as readonly Challenge[];
  }
}

/** `value` as a quoted string (RFC 9110 §5.6.4). */
export function quote(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** A token that means itself to everyone; some servers quote with apostrophes. */
function isPlain(value: string): boolean {
  return /^[\w!#$%&*+\-.^`|~][\w!#$%&'*+\-.^`|~]*$/.test(value);
}

function joined(parts: readonly string[], between: readonly string[]): string {
  return parts.map((part, index) => (index === 0 ? part : between[index] + part)).join('');
}

/** Whether `header` holds something that tokenkeep reads otherwise than oauth4webapi, on purpose; each has its own test. */
export function isReadOtherwise(header: string, theirs: readonly Challenge[]): boolean {
  const bare = header.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  const written = bare.match(/[\w!#$%&'*+\-.^`|~]\s*=(?!=|\s*(?:,|$))/g)?.length ?? 0;
  const kept = theirs.reduce((sum, { parameters }) => sum + Object.keys(parameters).length, 0);
  const isDoubled = written !== kept; // also __proto__, which gets lost
  const isQuotedByApostrophes = /=\s*'/.test(bare);
  const isFollowedByBlanks = theirs.some(({ token68 }) => {
    const literal = token68?.replace(/[.+]/g, '\\$&');
    return literal !== undefined && new RegExp(`${literal}\\s+[^\\s,]`).test(bare);
  });
  return isDoubled || isQuotedByApostrophes || isFollowedByBlanks;
}
