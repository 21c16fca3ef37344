/** Every rule is proven by a test that names it, or waits for a part of the product, or is not for a client like this. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ids } from './ids.ts';

/** What comes with a later part of the product. A line leaves when a test arrives. */
const later: Readonly<Record<string, string>> = {};

const notOurs: Readonly<Record<string, string>> = {
  '8414-02':
    'the client authentication is said by who configures the client, and never guessed from metadata',
  'WL-09': 'what others hold is not asked for: a snapshot is old when it arrives',
};

const root = fileURLToPath(new URL('..', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.test.ts'),
);
/** A title is the first argument of `test`, `it` or `describe`, or of what their `each` gives. */
const title = /^\s*(?:(?:test|it|describe)\b.*?|[\])}].*?)\(\s*(['"`])((?:\\.|(?!\1).)+)\1\s*,/gm;
const titlesOf = (file: string): string[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(title)].flatMap(([, , text]) => text ?? []);
const idsIn = (text: string): string[] => text.match(/\b(?:\d{4}|21|BBA|WL|OIDC)-\d{2}\b/g) ?? [];
const tested = new Set(files.flatMap((file) => titlesOf(file).flatMap(idsIn)));

test('every rule has its place, and only one', () => {
  const places = Object.keys(ids).map((id) => [
    id,
    [tested.has(id) && 'tested', id in later && 'later', id in notOurs && 'not ours'].filter(Boolean),
  ]);
  expect(places.filter(([, found]) => found?.length !== 1)).toEqual([]);
});

test('nothing waits, and nothing is excused, that is no rule', () => {
  const excused = [...Object.keys(later), ...Object.keys(notOurs)];
  expect(excused.filter((id) => !(id in ids))).toEqual([]);
});

test('every test of this folder names the rules that it proves', () => {
  const own = files.filter((file) => file.startsWith('standards/') && file !== 'standards/coverage.test.ts');
  expect(own.length).toBeGreaterThan(10);
  const groups = own.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/^describe\(\s*(['"`])(.+?)\1/gm)].map(
      ([, , text]) => text,
    ),
  );
  const titles = own.flatMap(titlesOf).filter((text) => !groups.includes(text));
  expect(titles.filter((text) => idsIn(text).length === 0)).toEqual([]);
  expect(titles.flatMap(idsIn).filter((id) => !(id in ids))).toEqual([]);
});
