/** The production build: which tools choose it, and which words it lacks. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { beforeAll, describe, expect, test } from 'vitest';
import { errorPages } from '../../src/core/error-pages.ts';
import { requireBuild } from '../support/package/built.ts';
import { build, bundle } from '../support/package/bundle.ts';
import { browserDoors, doors, doorsFor, productionDoors } from '../support/package/manifest.ts';
import { type Module, sources, walk } from './support/sources.ts';

beforeAll(requireBuild);

const messagesOf = (node: ts.Node): string[] => {
  const texts: string[] = [];
  walk(node, (one) => {
    if (ts.isStringLiteral(one) || ts.isNoSubstitutionTemplateLiteral(one)) texts.push(one.text);
    if (ts.isTemplateHead(one) || ts.isTemplateMiddle(one) || ts.isTemplateTail(one)) texts.push(one.text);
  });
  return texts;
};

/** The marks of the source: where each is, its code and the texts of its words. */
const marks = sources.flatMap((module) => explanationsIn(module));

function explanationsIn({ path, tree }: Module) {
  const found: { path: string; code: string; texts: string[] }[] = [];
  walk(tree, (node) => {
    if (!ts.isCallExpression(node) || node.expression.getText() !== 'explain') return;
    const [code, words] = node.arguments;
    if (code && words) found.push({ path, code: messagesOf(code).join(), texts: messagesOf(words) });
  });
  return found;
}

describe('the pages about errors', () => {
  const codes = new Set(marks.map(({ code }) => code));
  const errors = readFileSync('src/core/errors.ts', 'utf8').match(/(?<=code = ')ERR_\w+/g) ?? [];

  test('there is one for every code that an error can say, and for no other', () => {
    expect(errors.length).toBeGreaterThan(5);
    expect(Object.keys(errorPages).sort()).toEqual([...new Set([...errors, ...codes])].sort());
  });

  test('each says what is wrong and how to fix it', () => {
    for (const [code, { title, explanation }] of Object.entries(errorPages)) {
      expect(title, code).toMatch(/^\S.{5,80}\S$/);
      expect(explanation, code).toMatch(/^\S.{15,}\.$/s);
    }
  });
});

/** A failure at run time, which keeps its words. */
const atRunTime = /^The endpoints of the authorization server/;

describe('the modules for production', () => {
  const files = globSync('dist/production/**/*.js');
  const everything = files.map((file) => readFileSync(file, 'utf8')).join('\n');

  test('lack the words of every explanation', () => {
    const inPages = marks.filter(({ path }) => existsSync(`dist/production/${path.replace(/\.ts$/, '.js')}`));
    expect(inPages.length).toBeGreaterThan(0);
    const left = inPages.flatMap(({ path, texts }) => {
      const code = readFileSync(`dist/production/${path.replace(/\.ts$/, '.js')}`, 'utf8');
      return texts.filter((text) => / \w+ \w+ /.test(text) && code.includes(text));
    });
    expect(left).toEqual([]);
  });

  /** These explain mistakes of the program and nothing else. */
  const onlyMistakes = [
    ...[
      'options',
      'session/parse-tokens',
      'browser/argument-checks',
      'ky/authorized-ky',
      'providers/address',
    ],
    ...['core/http/endpoint', 'core/http/protected-resource', 'core/session/lock-scope'],
    ...['login/login-options', 'login/redirect-login-options', 'login/step-up'],
    'token-endpoint/authorization-server-resolver',
  ];

  test.each(onlyMistakes)('say nothing in words in %s', (path) => {
    const code = readFileSync(`dist/production/${path}.js`, 'utf8');
    const messages = messagesOf(ts.createSourceFile(path, code, ts.ScriptTarget.Latest, true));
    const isSentence = (text: string) => /\w\.$|(\w+\W+){4}\w/.test(text) && /[a-z] [a-z]/.test(text);
    expect(messages.filter((text) => isSentence(text) && !atRunTime.test(text))).toEqual([]);
  });

  test('name the page of every explanation', () => {
    const missing = marks.filter(
      ({ path, code }) =>
        existsSync(`dist/production/${path.replace(/\.ts$/, '.js')}`) && !everything.includes(code),
    );
    expect(missing).toEqual([]);
  });

  test('are those of pages only: nothing of Node, and no door of their own', () => {
    expect(everything).not.toMatch(/['"`]node:/);
    const mine = [...productionDoors.values()].filter((module) => module.startsWith('production/'));
    expect(mine.map((module) => module.replace('production/', ''))).toEqual(
      [...browserDoors.entries()]
        .filter(([name]) => productionDoors.get(name)?.startsWith('production/'))
        .map(([, module]) => module),
    );
  });
});

test('the ordinary modules have the words, and neither mark', () => {
  const files = globSync('dist/**/*.js').filter((file) => !file.startsWith('dist/production/'));
  const texts = files.map((file) => readFileSync(file, 'utf8'));
  const mark = /\bexplain\(|\bisDevelopment\b|\breferenceUrl\b/;
  expect(files.filter((_, index) => mark.test(texts[index] ?? ''))).toEqual([]);
  const words = marks.flatMap(({ texts }) => texts).filter((text) => /^[\w ]{20,}$/.test(text));
  expect(words.filter((text) => !texts.some((code) => code.includes(text)))).toEqual([]);
});

test('only words depend on the build: no check, and nothing that protects a token, asks which one it is', () => {
  const asking = sources.filter(({ modules }) => modules.includes('core/build-facts.ts'));
  expect(asking.map(({ path }) => path)).toEqual(['core/describe-received.ts', 'core/explain.ts']);
});

describe('conditions', () => {
  /** Doors that no page opens have one build. */
  const single = ['node', 'testing', 'testing/dialects', 'redis', 'postgres'].map(
    (name) => `tokenkeep/${name}`,
  );
  const ordinary = [...browserDoors.values()];

  test.each([
    ['Node', ['node', 'import'], [...doors.values()]],
    ['a bundler for Node in production', ['node', 'import', 'production'], [...doors.values()]],
    ['Deno', ['deno', 'node', 'import'], [...doors.values()]],
    ['Bun', ['bun', 'node', 'import'], [...doors.values()]],
    ['Next.js at the edge', ['edge-light', 'worker', 'browser', 'import', 'production'], undefined],
    ['wrangler', ['workerd', 'worker', 'browser', 'import', 'production'], undefined],
    ['a bundler for pages in development', ['browser', 'import', 'development'], ordinary],
    ['a bundler for pages without a mode', ['browser', 'import'], ordinary],
    ['a tool with both modes', ['browser', 'import', 'development', 'production'], ordinary],
    ['a bundler without a platform, in production', ['import', 'production'], [...doors.values()]],
    ['React Native', ['react-native', 'import'], [...doors.values()]],
  ])('%s gets the ordinary build', (_name, conditions, expected) => {
    const found = doorsFor(...conditions);
    expect([...found.values()].filter((module) => module.startsWith('production/'))).toEqual([]);
    if (expected) expect([...found.values()]).toEqual(expected);
  });

  test('a bundler for pages in production gets the production build, of all doors that share modules', () => {
    const found = doorsFor('browser', 'import', 'production');
    const others = [...found].filter(([, module]) => !module.startsWith('production/'));
    expect(others.map(([name]) => name).filter((name) => !single.includes(name))).toEqual([]);
  });

  test('no page has two copies of a class', async () => {
    const names = [...productionDoors].filter(([, module]) => module.startsWith('production/'));
    const code = names.map(([name], index) => `export * as door${index} from '${name}'`).join('\n');
    const chunks = await build(code, { production: true });
    const modules = chunks.flatMap(({ moduleIds }) => moduleIds).filter((id) => id.includes('/dist/'));
    expect(modules.filter((id) => !id.includes('/dist/production/'))).toEqual([]);
    expect(new Set(modules).size).toBe(modules.length);
  });
});

test('a bundle for production says the page in place of the words', async () => {
  const code = `export { TokenManager } from 'tokenkeep'`;
  const words = 'is not an absolute URL. Write it as https';
  const [large, small] = [await bundle(code), await bundle(code, { production: true })];
  expect([large.includes(words), small.includes(words)]).toEqual([true, false]);
  expect([large.includes('endpoint-url'), small.includes('endpoint-url')]).toEqual([false, true]);
});
