import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';

const tracked = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(Boolean);
const text = tracked.filter((file) => existsSync(file) && !/\.(png|ico|woff2?)$/.test(file));

test('the top level holds the sources, the tests, the examples and the files that tools look for there', () => {
  const allowed = [
    'src',
    'test',
    'examples',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'rollup.config.mjs',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'SECURITY.md',
    'CONTRIBUTING.md',
  ];
  const top = new Set(tracked.map((file) => file.replace(/\/.*/s, '')));
  expect([...top].filter((name) => !name.startsWith('.') && !allowed.includes(name))).toEqual([]);
});

test('each unit test lies in the folder of src that it tests', () => {
  const files = tracked.filter((file) => /^test\/unit\/.*\.test\.ts$/.test(file) && existsSync(file));
  expect(files.length).toBeGreaterThan(0);
  const room = (file: string) => dirname(file).replace(/^test\/unit/, 'src');
  expect(files.filter((file) => !existsSync(room(file)))).toEqual([]);
});

test('no file knows the machine that it was written on', () => {
  const home = /(?<![\w.$}~-])\/(?:work|home|root|Users)\/[\w.-]/;
  expect(linesMatching(home)).toEqual([]);
});

test('no file names a package registry, and the lockfiles record no download addresses', () => {
  const registry = /(?<![\w-])registry\.[\w-]+\.\w{2,}|\/artifactory\/|"resolved"\s*:/i;
  const itself = 'test/package/layout.test.ts:';
  expect(linesMatching(registry).filter((line) => !line.startsWith(itself))).toEqual([]);
});

function linesMatching(pattern: RegExp): string[] {
  return text.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  );
}
