/** The tests that prove each law, found by the citations in them: "law replay-once". */
import { globSync, readFileSync } from 'node:fs';
import type { Page } from './page.ts';

export function withProofs(page: Page): Page {
  if (page.anchor !== 'the-laws') return page;
  const names = [...page.markdown.matchAll(/^\| `([a-z]+(?:-[a-z]+)+)` \|/gm)].map(([, name = '']) => name);
  const tests = globSync('test/**/*.test.ts')
    .map((file) => file.replaceAll('\\', '/'))
    .sort()
    .map((file) => ({ file, text: readFileSync(file, 'utf8').replace(/\n[ \t]*(?:\*|\/\/)?[ \t]*/g, ' ') }));
  const rows = names.map((name) => {
    const cited = new RegExp(`\\blaws? [a-z\`, -]*\\b${name}\\b`, 'i');
    const files = tests.filter(({ text }) => cited.test(text)).map(({ file }) => `\`${file.slice(5)}\``);
    return `| \`${name}\` | ${files.join(', ')} |`;
  });
  const table = [
    '## Tests of each law',
    'The paths begin in `test`.',
    ['| law | tests |', '|---|---|', ...rows].join('\n'),
  ];
  return { ...page, markdown: `${page.markdown}\n\n${table.join('\n\n')}` };
}
