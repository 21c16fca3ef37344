import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packed } from './support/built.ts';
import { doors } from './support/manifest.ts';

let pack: ReturnType<typeof packed>;
beforeAll(() => {
  pack = packed();
  const imports = [...doors.keys()].map((door, index) => `export * as door${index} from '${door}';`);
  writeFileSync(join(pack.folder, 'everything.mts'), imports.join('\n'));
  writeFileSync(join(pack.folder, 'wrong.mts'), `import { noSuchName } from 'tokenkeep';\nnoSuchName();`);
});
afterAll(() => pack?.remove());

/**
 * The strictest user: no types of Node, no skipLibCheck, so every declaration that we reach has to compile, with the libraries
 * that `target` brings by itself in a new project. `Disposable` is not among them before ES2026: the declarations bring it.
 */
const strictest = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  types: [],
  target: 'es2022',
  lib: ['es2022', 'dom', 'dom.iterable', 'dom.asynciterable'],
};
const resolutions = [{ module: 'nodenext' }, { module: 'esnext', moduleResolution: 'bundler' }];
/** The oldest that we promise, and the newest. */
const compilers = ['typescript-5.5/bin/tsc', 'typescript/bin/tsc6', 'typescript-7/bin/tsc'].map(
  (compiler) => `node_modules/${compiler}`,
);

describe.each(compilers)('with %s', (compiler) => {
  test.each(resolutions)('the declarations compile as they are published, for %o', (resolution) => {
    expect(compile(compiler, 'everything.mts', resolution)).toEqual({ status: 0, output: '' });
  });

  test('a wrong import does not compile, so the check above means something', () => {
    expect(compile(compiler, 'wrong.mts', { module: 'nodenext' }).output).toContain('noSuchName');
  });
});

function compile(
  compiler: string,
  file: string,
  resolution: object,
): { status: number | null; output: string } {
  const config = { compilerOptions: { ...strictest, ...resolution }, files: [file] };
  writeFileSync(join(pack.folder, 'tsconfig.json'), JSON.stringify(config));
  const { status, stdout } = spawnSync(process.execPath, [resolve(compiler), '--project', pack.folder], {
    encoding: 'utf8',
  });
  return { status, output: stdout };
}
