import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requireBuild } from '../support/package/built.ts';
import type { Example } from './support/examples.ts';
import { docExamples, emptyExamples, isForBrowsers, pageExamples } from './support/examples.ts';

/**
 * Every example is a module of its own: it imports what it uses, and may use the placeholders of support/placeholders.ts
 * undeclared. All of them are compiled against the sources. Those of the README and of the guides also run, against dist/: scripts of
 * pages in Chromium (guides/readme.test.ts), all others in Node.
 */
const readme = pageExamples();
const documented = docExamples();
const placeholders = resolve('test/package/support/placeholders.ts');

let folder = '';
let errors: string[];
beforeAll(() => {
  requireBuild();
  mkdirSync('.build', { recursive: true });
  folder = mkdtempSync('.build/examples-'); // inside the package, so that its own name resolves
  for (const example of [...readme, ...documented])
    writeFileSync(fileOf(example), `${example.code}\nexport {};\n`);
  errors = compile();
});
afterAll(() => {
  if (folder) rmSync(folder, { recursive: true });
});

describe('an example compiles', () => {
  test.each([...readme, ...documented])('$where', (example) => {
    expect(errors.filter((line) => line.includes(nameOf(example)))).toEqual([]);
  });

  test('and nothing else is wrong', () => {
    expect(errors).toEqual([]);
  });

  test('where one is announced', () => {
    expect(emptyExamples()).toEqual([]);
  });
});

describe('an example of the README or of a guide runs', () => {
  test.each(readme.filter((example) => !isForBrowsers(example)))('$where', (example) => {
    const { status, stderr } = spawnSync(process.execPath, ['--import', placeholders, fileOf(example)], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

function nameOf({ where }: Example): string {
  return `${where.replace(/[^\w]+/g, '-')}.ts`;
}

function fileOf(example: Example): string {
  return join(folder, nameOf(example));
}

function compile(): string[] {
  const config = {
    extends: relative(folder, 'test/tsconfig.json'),
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    include: ['*.ts', relative(folder, placeholders)],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = 'node_modules/typescript-7/bin/tsc';
  const { stdout } = spawnSync(process.execPath, [compiler, '--project', folder, '--pretty', 'false'], {
    encoding: 'utf8',
  });
  return stdout.split('\n').filter(Boolean);
}
