/**
 * The laws of CONTRIBUTING.md: each one has a test, and each citation names one of them. A citation is the word "law" or "laws" and
 * the name: "law replay-once", "laws single-use and response-lost", "law storage-3".
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type ConformanceCase,
  keyStorageConformance,
  lockConformance,
  storageConformance,
} from '../../src/testing/index.ts';

const contributing = readFileSync('CONTRIBUTING.md', 'utf8');
const section = /^## The laws$.*?(?=^## )/ms.exec(contributing)?.[0] ?? '';
/** The rows of all tables of laws: the name, and what else stands in the row. */
const rows = [...section.matchAll(/^\| `([a-z]+(?:-\w+)+)` \| (.+) \|$/gm)].map(
  ([, name = '', rest = '']) => ({
    name,
    rest,
  }),
);
const names = rows.map(({ name }) => name);
const ofKind = (kind: string) => names.filter((name) => new RegExp(`^${kind}-\\d+$`).test(name));
const ofTheManager = names.filter((name) => !/^(?:storage|lock|key)-\d+$/.test(name));

const tracked = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(Boolean);
const sources = tracked.filter((file) => file.startsWith('src/'));
const texts = tracked
  .filter((file) => existsSync(file))
  .filter((file) => /^(?:src|test|examples)\/.*\.(?:[mc]?tsx?|[mc]?js|md|pml|html)$|^[A-Z]+\.md$/.test(file))
  .map((file) => ({ file, text: unwrapped(readFileSync(file, 'utf8')) }));

/** One name or several: `single-use`, `single-use, response-lost and replay-once`. A number with a hyphen is of another list. */
const name = '[a-z]+(?:-[a-z0-9]+)+';
const citation = new RegExp(`\\blaws? \`?(${name}(?:\`?(?:, | and | or )\`?${name})*)`, 'gi');
/** A citation without a valid name: a word before a colon or a closing bracket. */
const word = /\blaws? `?([a-z]\w*)`?(?=: |\))/gi;
/** The law of a case in a conformance suite. */
const law = new RegExp(`\\blaw: '(${name})'`, 'g');

function citedIn(text: string): string[] {
  const found = [...text.matchAll(citation), ...text.matchAll(word), ...text.matchAll(law)];
  return found.flatMap(([, all = '']) => all.replaceAll('`', '').split(/, | and | or /));
}

/** Where every line of the text that matches is. */
function places(pattern: RegExp): string[] {
  return texts.flatMap(({ file, text }) => [...text.matchAll(pattern)].map(([found]) => `${file}: ${found}`));
}

describe('the tables', () => {
  test('name the fourteen laws of the manager, and those of storages, locks and storages for keys', () => {
    expect(ofTheManager).toHaveLength(14);
    expect(new Set(names).size).toBe(names.length);
    for (const kind of ['storage', 'lock', 'key'])
      expect(ofKind(kind)).toEqual(ofKind(kind).map((_, index) => `${kind}-${index + 1}`));
  });

  test('name files that exist, each of them once', () => {
    const files = rows.flatMap(({ rest }) => [...rest.matchAll(/`([\w-]+\.ts)`/g)].map(([, file]) => file));
    const count = (file: string | undefined) => sources.filter((path) => basename(path) === file).length;
    expect(files.filter((file) => count(file) !== 1)).toEqual([]);
    expect(rows.filter(({ name, rest }) => ofTheManager.includes(name) && !/\.ts`/.test(rest))).toEqual([]);
  });

  const tests = texts.filter(({ file }) => /\.test\.tsx?$/.test(file));
  test.each(ofTheManager)('%s has a test', (name) => {
    expect(tests.filter(({ text }) => citedIn(text).includes(name)).map(({ file }) => file)).not.toEqual([]);
  });
});

describe('the conformance suites', () => {
  const open = () => Promise.reject(new Error('No case is run.'));
  test.each<[string, readonly ConformanceCase[], string]>([
    ['storage', storageConformance(open), 'TokenStorage'],
    ['lock', lockConformance(open), 'TokenLock'],
    ['key', keyStorageConformance(open), 'KeyStorage'],
  ])(
    '%s: have cases for exactly the laws of the table, as does the documentation',
    (kind, cases, contract) => {
      expect([...new Set(cases.map(({ law }) => law))]).toEqual(ofKind(kind));
      for (const { law, name } of cases) expect(name.startsWith(`law ${law}: `), name).toBe(true);
      expect(documented(contract)).toEqual(ofKind(kind));
    },
  );
});

describe('a citation', () => {
  test('names a law of the tables', () => {
    const unknown = texts.flatMap(({ file, text }) =>
      citedIn(text)
        .filter((one) => !names.includes(one.toLowerCase()))
        .map((one) => `${file}: law ${one}`),
    );
    expect(unknown).toEqual([]);
  });

  test('is no number', () => {
    expect(places(/\blaws?:? \[?\d.{0,40}/gi)).toEqual([]);
  });

  test('has the word law before the name, also at the beginning of a title and of a finding', () => {
    const bare = new RegExp(
      `['"\`](?:${names.join('|')}): |\\bbreak\\(\\s*['"\`](?:${names.join('|')})\\b`,
      'g',
    );
    expect(places(bare)).toEqual([]);
  });
});

/** The laws in the documentation of an interface, in their order. */
function documented(contract: string): string[] {
  for (const file of sources) {
    const [before, after] = readFileSync(file, 'utf8').split(`\nexport interface ${contract} {`);
    if (before === undefined || after === undefined) continue;
    const comment = before.slice(before.lastIndexOf('/**'));
    return [...comment.matchAll(/^ \* - `([a-z]+-\d+)`: /gm)].map(([, id = '']) => id);
  }
  return [];
}

/** Comments and paragraphs wrap in the middle of a citation: their lines are joined. */
function unwrapped(text: string): string {
  return text.replace(/\n[ \t]*(?:\*(?!\/)|\/\/)?[ \t]*/g, ' ');
}
