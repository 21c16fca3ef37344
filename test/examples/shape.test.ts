/** Examples stay examples: each has one idea, is short and explained, says how to run it, and is run by a test. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

/** These are more than examples: the pages of the site, the server of the guides, and two programs that show the whole. */
const stages = ['demo', 'guides', 'playground', 'server'];
const examples = globSync('examples/*/README.md')
  .map((file) => file.split(/[\\/]/)[1] ?? '')
  .filter((name) => !stages.includes(name));
const read = (file: string) => readFileSync(file, 'utf8');
const linesOf = (file: string) => read(file).trimEnd().split('\n').length;
const tests = globSync(['test/examples/**/*.ts', 'test/package/guides/**/*.ts']).map(read);

test('there are some', () => {
  expect(examples.length).toBeGreaterThanOrEqual(6);
});

test.each(examples)('%s is short, explained, run by a test, and in the index', (name) => {
  const files = globSync(`examples/${name}/**/*.{ts,tsx,mjs,html}`).map((file) => file.replaceAll('\\', '/'));
  const readme = read(`examples/${name}/README.md`);
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) expect([file, linesOf(file)]).toEqual([file, Math.min(linesOf(file), 60)]);
  for (const file of files) expect(readme).toContain(`](${file.replace(`examples/${name}/`, '')})`);
  expect(linesOf(`examples/${name}/README.md`)).toBeLessThanOrEqual(40);
  // The first sentence says what it shows, and a command runs it.
  expect(readme).toMatch(/^# .+\n\nThis (?:example|recipe|guide) /);
  expect(readme).toMatch(/^Run it: `|^```sh$/m);
  expect(tests.some((text) => text.includes(`examples/${name}/`))).toBe(true);
  expect(read('examples/README.md')).toContain(`](${name}/README.md)`);
});

test('every link of the guides and of the examples leads to a file', () => {
  const pages = globSync('examples/{*.md,*/*.md}').map((file) => file.replaceAll('\\', '/'));
  const dead = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)]
      .filter(([, link = '']) => !existsSync(join(dirname(page), link)))
      .map(([, link = '']) => `${page}: ${link}`),
  );
  expect(pages.length).toBeGreaterThan(25);
  expect(dead).toEqual([]);
});
