/** Examples stay examples: one idea each, short, explained, and run by a test. */
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** These are more than examples: the pages of the site, the server of the guides, and two programs that show the whole. */
const stages = ['demo', 'docs', 'playground', 'server'];
const examples = globSync('examples/*/README.md')
  .map((file) => file.split(/[\\/]/)[1] ?? '')
  .filter((name) => !stages.includes(name));
const read = (file: string) => readFileSync(file, 'utf8');
const linesOf = (file: string) => read(file).trimEnd().split('\n').length;
const tests = globSync(['test/examples/**/*.ts', 'test/package/guides/**/*.ts']).map(read);

test('there are some', () => {
  expect(examples.length).toBeGreaterThanOrEqual(6);
});

test.each(examples)('%s is short, explained, run by a test, and in the README', (name) => {
  const files = globSync(`examples/${name}/**/*.{ts,tsx,mjs,html}`).map((file) => file.replaceAll('\\', '/'));
  const readme = read(`examples/${name}/README.md`);
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) expect([file, linesOf(file)]).toEqual([file, Math.min(linesOf(file), 60)]);
  for (const file of files) expect(readme).toContain(`](${file.replace(`examples/${name}/`, '')})`);
  expect(linesOf(`examples/${name}/README.md`)).toBeLessThanOrEqual(15);
  expect(tests.some((text) => text.includes(`examples/${name}/`))).toBe(true);
  expect(read('README.md')).toContain(`(examples/${name}/README.md)`);
});
