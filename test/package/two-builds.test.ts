import { rollup } from 'rollup';
import { expect, test } from 'vitest';
import { twoBuilds } from '../../.config/build/two-builds.ts';

const modules: Record<string, string> = {
  'options.js': `import { explain } from './core/explain.js'; export const mistake = explain('code', 'The option is wrong.');`,
  'core/explain.js': `import { referenceUrl } from './build-facts.js'; export const explain = (code) => referenceUrl + code;`,
  'core/build-facts.js': `export const referenceUrl = 'unknown';`,
};

test.each([
  { system: 'Linux', folder: '/tokenkeep/.build/x/', separator: '/' },
  { system: 'Windows', folder: 'C:\\tokenkeep\\.build\\x\\', separator: '\\' },
])('the production build finds its marks in the paths of $system', async ({ folder, separator }) => {
  const idOf = (path: string) => `${folder}${path.replaceAll('/', separator)}`;
  const files = new Map(Object.entries(modules).map(([path, code]) => [idOf(path), code]));
  const build = await rollup({
    input: { options: idOf('options.js') },
    plugins: [
      twoBuilds('production', 'https://docs.example'),
      {
        name: 'files',
        resolveId: (id) =>
          [...files.keys()].find((one) => one === id || one.endsWith(id.split('/').at(-1) ?? id)) ?? null,
        load: (id) => files.get(id) ?? null,
      },
    ],
  });
  const [{ code }] = (await build.generate({ format: 'es' })).output;
  expect(code).toContain('https://docs.example');
  expect(code).not.toContain('The option is wrong.');
});
