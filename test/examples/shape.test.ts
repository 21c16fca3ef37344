/** Recipes stay recipes: one idea each, short, explained, and run by a test. */
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const recipes = globSync('examples/*/README.md')
  .map((file) => file.split(/[\\/]/)[1] ?? '')
  .filter((name) => !['demo', 'playground'].includes(name));
const linesOf = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n').length;
const tests = globSync('test/examples/*.test.ts').map((file) => readFileSync(file, 'utf8'));

test('there are some', () => {
  expect(recipes.length).toBeGreaterThanOrEqual(6);
});

test.each(recipes)('%s is short, explained, run by a test, and in the README', (name) => {
  const [file = '', ...others] = globSync(`examples/${name}/*.ts`);
  const readme = readFileSync(`examples/${name}/README.md`, 'utf8');
  expect(others).toEqual([]);
  expect(linesOf(file)).toBeLessThanOrEqual(60);
  expect(linesOf(`examples/${name}/README.md`)).toBeLessThanOrEqual(15);
  expect(readme).toContain(`](${file.split(/[\\/]/)[2]})`);
  expect(tests.some((text) => text.includes(`/${file.replaceAll('\\', '/')}'`))).toBe(true);
  expect(readFileSync('README.md', 'utf8')).toContain(`(examples/${name}/README.md)`);
});
