/**
 * No old name survives that was renamed before 1.0. An old name that is no English word is searched in every text
 * file. One that is a word looks like prose in comments, documentation and test titles; it is searched among the
 * identifiers of src, which the parser of TypeScript finds.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { anywhere, inSource, paths } from './support/old-names.ts';
import { sources } from './support/sources.ts';

const itself = ['test/package/names.test.ts', 'test/package/support/old-names.ts'];
const files = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && existsSync(file) && !itself.includes(file))
  .filter((file) => !/\.(png|ico|woff2?)$|^package-lock\.json$/.test(file));
const lines = files.flatMap((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .map((text, index) => ({ at: `${file}:${index + 1}`, text })),
);

/** Finds whole names: what stands beside is no part of a name. */
function pattern(names: readonly string[]): RegExp {
  const all = names.map((name) => name.replaceAll(/[.$]/g, '\\$&')).join('|');
  return new RegExp(`(?<![\\w$-])(?:${all})(?![\\w$-])`);
}

function linesWith(names: readonly string[]): string[] {
  const found = pattern(names);
  return lines
    .filter(({ text }) => found.test(text))
    .map(({ at, text }) => `${at}: ${found.exec(text)?.[0]}`);
}

describe('no old name is left', () => {
  test('that is no English word, in any text', () => {
    expect(linesWith(anywhere)).toEqual([]);
  });

  test('of a file or a folder', () => {
    expect(linesWith(paths)).toEqual([]);
    const found = pattern(paths);
    expect(files.filter((file) => found.test(file))).toEqual([]);
  });

  test('among the identifiers of src', () => {
    const old = new Set(inSource);
    const found = sources.flatMap(({ path, tree }) =>
      identifiersOf(tree)
        .filter((name) => old.has(name))
        .map((name) => `${path}: ${name}`),
    );
    expect([...new Set(found)]).toEqual([]);
  });

  test('as a second name of an export', () => {
    const aliased = /^export (?:type )?\{[^}]*\b\w+ as \w+/m;
    expect(sources.filter(({ text }) => aliased.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test('no name is in two lists', () => {
    const all = [...anywhere, ...inSource];
    expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([]);
  });
});

/** Private names are without their `#`. */
function identifiersOf(node: ts.Node): string[] {
  const own = ts.isIdentifier(node) || ts.isPrivateIdentifier(node) ? [node.text.replace('#', '')] : [];
  const below: string[] = [];
  ts.forEachChild(node, (child) => {
    below.push(...identifiersOf(child));
  });
  return [...own, ...below];
}
