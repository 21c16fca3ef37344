/** Every rule is proven by a test that names it, or is not for a client like this. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { titles } from '../support/titles.ts';
import { ids } from './ids.ts';

/** Requirements that do not apply to a client like this, with the reason. */
const notOurs: Readonly<Record<string, string>> = {
  '8414-02':
    'the client authentication is said by who configures the client, and never guessed from metadata',
  'WL-09': 'what others hold is not asked for: a snapshot is old when it arrives',
};

const idsIn = (text: string): string[] => text.match(/\b(?:\d{4}|21|BBA|WL|OIDC)-\d{2}\b/g) ?? [];
const tested = new Set([...titles.values()].flat().flatMap(idsIn));

test('every rule is proven, or does not apply, and not both', () => {
  expect(Object.keys(ids).filter((id) => tested.has(id) === id in notOurs)).toEqual([]);
});

test('nothing is excused that is no rule', () => {
  expect(Object.keys(notOurs).filter((id) => !(id in ids))).toEqual([]);
});

test('every test of this folder names the rules that it proves', () => {
  const own = [...titles.keys()].filter(
    (file) => file.startsWith('standards/') && file !== 'standards/coverage.test.ts',
  );
  expect(own.length).toBeGreaterThan(10);
  const groups = own.flatMap((file) =>
    [...readFileSync(`test/${file}`, 'utf8').matchAll(/^describe\(\s*(['"`])(.+?)\1/gm)].map(
      ([, , text]) => text,
    ),
  );
  const texts = own.flatMap((file) => titles.get(file) ?? []).filter((text) => !groups.includes(text));
  expect(texts.filter((text) => idsIn(text).length === 0)).toEqual([]);
  expect(texts.flatMap(idsIn).filter((id) => !(id in ids))).toEqual([]);
});
