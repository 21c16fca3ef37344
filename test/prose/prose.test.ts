import { describe, expect, test } from 'vitest';
import { ceiling, perThousand } from './ceiling.ts';
import { check, filesOfRepository, findingsIn } from './check.ts';

/** The names of the markers in a text, with their lines. */
function found(file: string, content: string): string[] {
  return findingsIn(file, content).findings.map(({ line, marker }) => `${line}: ${marker.name}`);
}

describe('the check finds a marker', () => {
  test.each([
    ['Whoever refreshes first wins.', ['1: whoever']],
    ['Who asks later waits.', ['1: headless who']],
    ['It waits. What is stored stays.', ['1: headless what']],
    ['The callers are\ntold of it.', ['2: tell']],
    ['The login is\nover.', ['1: is over']],
    ['- It gives up.\n- It waits.', ['1: give up']],
    ['| option | the lock lets go |', ['1: let go']],
  ])('in Markdown: %s', (text, expected) => {
    expect(found('a.md', text)).toEqual(expected);
  });

  test('in each kind of comment', () => {
    const code = [
      '/** What a manager is made from. */',
      'const a = 1; // It hears of it.',
      '// It says',
      '// and mends it.',
      '/*',
      ' * It waits.',
      ' *',
      ' * - likewise here',
      ' */',
    ].join('\n');
    expect(found('src/a.ts', code)).toEqual(['1: headless what', '2: hear', '4: mend', '8: likewise']);
  });

  test('in messages of the sources, also between the parts of a template', () => {
    const code = `throw new Error('The code is over, sign in again.');\nconst text = \`a \${b} that is of no use\`;`;
    expect(found('src/a.ts', code)).toEqual(['1: is over', '2: of use']);
  });

  test('in titles of tests, also of tables, and in no other string of a test', () => {
    const code =
      "describe('it hears of it', () => {});\ntest.each([1])('it mends %s', () => f('it tells of it'));";
    expect(found('test/a.test.ts', code)).toEqual(['1: hear', '2: mend']);
  });

  test('in comments of workflows and scripts', () => {
    expect(found('.github/workflows/a.yml', 'on: push # It tells of it.\n# told')).toEqual([
      '1: tell',
      '2: tell',
    ]);
  });
});

describe('the check finds no marker', () => {
  test.each([
    ['in code', 'Call `whoever()`.\n\n```ts\n// whoever\n```\n'],
    ['in a link', 'See [the page](https://example.com/told/heard).'],
    ['in a quotation', 'Renamed from "told".'],
    ['in a question', 'What do I do? Who waits?'],
    ['in a heading', '## What it guarantees'],
    ['in a figure', 'The answer is over 64 KiB.'],
  ])('%s', (_, text) => {
    expect(found('a.md', text)).toEqual([]);
  });

  test('in strings and expressions that look like comments', () => {
    expect(
      found('test/a.ts', "const a = 'https://told'; const b = /\\/\\/ told/; const c = `// told`;"),
    ).toEqual([]);
  });
});

test('an allowed use counts only in its file, and is reported when it allows nothing', () => {
  const entry = { file: 'LICENSE', marker: 'tell', text: 'told', reason: 'a test' };
  expect(check([], [entry])).toEqual({ words: 0, findings: [], stale: [entry] });
});

test('this repository stays below the ceiling, and allows nothing that it does not use', () => {
  const { words, findings, stale } = check(filesOfRepository());
  expect(words).toBeGreaterThan(50_000);
  expect(stale).toEqual([]);
  expect(perThousand(findings.length, words)).toBeLessThanOrEqual(ceiling);
}, 120_000); // it reads every file
