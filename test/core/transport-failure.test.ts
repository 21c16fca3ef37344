import { describe, expect, test } from 'vitest';
import { isTokenKeepError } from '../../src/core/errors.ts';
import { mayHaveBeenSent, safeCause } from '../../src/core/transport-failure.ts';
import { fc } from '../support/properties.ts';

const secret = 'a-refresh-token-that-nobody-may-see';

function throwing(): never {
  throw new Error(`the getter knows ${secret}`);
}

const getters = (...names: string[]) =>
  Object.defineProperties(
    {},
    Object.fromEntries(names.map((name) => [name, { get: throwing, enumerable: true }])),
  );

const revoked = Proxy.revocable({}, {});
revoked.revoke();
const revokedArray = Proxy.revocable([], {});
revokedArray.revoke();
const cyclic: { message: string; cause?: unknown } = { message: 'again' };
cyclic.cause = cyclic;
const everyTrap = Object.fromEntries(
  Object.getOwnPropertyNames(Reflect).map((trap) => [trap, throwing]),
) as ProxyHandler<object>;

const hostile: [string, unknown][] = [
  ['getters that throw', getters('name', 'message', 'code', 'cause', 'errors')],
  [
    'a text that throws when it is made',
    { message: { toString: throwing }, name: { valueOf: throwing, toString: throwing } },
  ],
  ['members without a prototype', { message: Object.create(null), name: Symbol('name'), code: 1n }],
  ['a proxy that throws at everything', new Proxy({}, everyTrap)],
  ['a revoked proxy', revoked.proxy],
  ['a revoked proxy of a list', { errors: revokedArray.proxy, cause: revokedArray.proxy }],
  ['a chain that is a circle', cyclic],
  ['a list of nothing', { errors: [null, undefined, 1] }],
  ['a frozen error', Object.freeze(new Error('frozen'))],
  ...[undefined, null, 1, 'text', Symbol('x'), 1n, () => 1].map((value): [string, unknown] => [
    String(value),
    value,
  ]),
];

describe.each(hostile)('a foreign error: %s', (_name, error) => {
  test('is copied without a throw and without a secret', () => {
    const copy = safeCause(error, [secret]);
    expect(copy === undefined || copy instanceof Error).toBe(true);
    expect(JSON.stringify([copy?.message, copy?.name, copy?.stack])).not.toContain(secret);
  });

  test('may have been sent, and is none of ours', () => {
    expect(mayHaveBeenSent(error)).toBe(true);
    expect(isTokenKeepError(error)).toBe(false);
  });
});

test('a chain of causes keeps its names, messages and codes, five links deep, without secrets', () => {
  const links = Array.from({ length: 9 }, (_, index) =>
    Object.assign(new Error(`link ${index} of ${secret}`), { code: `E_${index}`, name: `Link${index}` }),
  );
  for (const [index, link] of links.entries()) link.cause = links[index + 1];
  const seen: unknown[] = [];
  for (let link = safeCause(links[0], [secret]); link; link = link.cause as Error | undefined) {
    seen.push([link.name, link.message, (link as { code?: string }).code]);
  }
  expect(seen).toEqual(
    [0, 1, 2, 3, 4].map((index) => [`Link${index}`, `link ${index} of [redacted]`, `E_${index}`]),
  );
});

test('nothing that can be thrown makes the copy throw', () => {
  fc.assert(
    fc.property(
      fc.anything({ withNullPrototype: true, withBigInt: true, withSparseArray: true }),
      (thrown) => {
        safeCause(thrown, [secret]);
        safeCause({ message: thrown, name: thrown, code: thrown, cause: thrown, errors: thrown }, [secret]);
        expect(typeof mayHaveBeenSent({ code: thrown, errors: thrown })).toBe('boolean');
      },
    ),
  );
});
