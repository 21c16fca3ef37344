import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packed } from '../support/package/built.ts';
import { installPackages, installTimeout } from '../support/package/install.ts';
import { doors } from '../support/package/manifest.ts';

const compilersFolder = 'test/package/compilers';
let pack: ReturnType<typeof packed>;
beforeAll(async () => {
  await installPackages(compilersFolder);
  pack = packed();
  const program = (names: string[]) =>
    names.map((door, index) => `export * as door${index} from '${door}';`).join('\n');
  const all = [...doors.keys()];
  writeFileSync(join(pack.folder, 'page.mts'), [program(all), ...optionsWithUndefined()].join('\n'));
  // Workers of the web are the matter of that door, and have no other types than those of the DOM.
  writeFileSync(join(pack.folder, 'backend.mts'), program(all.filter((door) => door !== 'tokenkeep/worker')));
  writeFileSync(join(pack.folder, 'wrong.mts'), `import { noSuchName } from 'tokenkeep';\nnoSuchName();`);
}, installTimeout);
afterAll(() => pack?.remove());

/** The strictest user: no skipLibCheck, so every declaration that we reach has to compile. */
const strictest = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  skipLibCheck: false,
  target: 'es2022',
};
/**
 * With the libraries that `target` brings by itself in a new project, and no types of Node. `Disposable` is not among them before
 * ES2026: the declarations bring it.
 */
const page = { types: [], lib: ['es2022', 'dom', 'dom.iterable', 'dom.asynciterable'] };
/** Without the DOM: `fetch` and Web Crypto are what the types of Node say. */
const backend = { types: ['node'], typeRoots: [resolve('node_modules/@types')], lib: ['es2022'] };
const programs = [
  { file: 'page.mts', ...page, module: 'nodenext' },
  { file: 'page.mts', ...page, module: 'esnext', moduleResolution: 'bundler' },
  { file: 'backend.mts', ...backend, module: 'node16' },
];
/** The oldest that we promise, and the newest. */
const compilers = [
  `${compilersFolder}/node_modules/typescript-5.5/bin/tsc`,
  'node_modules/typescript/bin/tsc6',
  'node_modules/typescript-7/bin/tsc',
];

describe.each(compilers)('with %s', (compiler) => {
  test.each(programs)(
    'the declarations compile as they are published: $file, $module',
    ({ file, ...options }) => {
      expect(compile(compiler, file, options)).toEqual({ status: 0, output: '' });
    },
  );

  test('a wrong import does not compile, so the check above means something', () => {
    expect(compile(compiler, 'wrong.mts', { ...page, module: 'nodenext' }).output).toContain('noSuchName');
  });
});

/** Optional members may be `undefined` as well: they come from the environment, or from an application's own options. */
function optionsWithUndefined(): string[] {
  const optional =
    /\b(\w+Options|AuthorizationServer|ProviderProfile|ProtectedResource|AccessTokenRequest)\b/g;
  const checks = [...doors]
    .filter(([door]) => door !== 'tokenkeep/testing')
    .flatMap(([door, file]) => {
      const names = new Set(readFileSync(`src/${file}.ts`, 'utf8').match(optional));
      return [...names].map((name) => `'${name}' satisfies Takes<'${name}', import('${door}').${name}>;`);
    });
  const takes = '{ [K in keyof T]: {} extends Pick<T, K> ? T[K] | undefined : T[K] } extends T ? Name : T';
  return [`type Takes<Name, T> = ${takes};`, ...checks];
}

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
