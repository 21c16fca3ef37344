/**
 * The first steps of a new user: installs the package, copies the first code of its README, and has another kind of
 * project.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { type Logger, build as vite } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packed } from '../support/package/built.ts';
import { doors, manifest } from '../support/package/manifest.ts';

let pack: ReturnType<typeof packed>;
let folder: string;
beforeAll(() => {
  pack = packed();
  folder = join(pack.folder, 'my-app');
  mkdirSync(folder);
  // In place of the registry: the packages that are installed here.
  const from = (name: string) => `file:${resolve('node_modules', name)}`;
  const brought = Object.fromEntries(Object.keys(manifest.dependencies).map((name) => [name, from(name)]));
  const dependencies = { tokenkeep: `file:${pack.tarball}`, ...brought };
  write('package.json', JSON.stringify({ name: 'my-app', private: true, dependencies }));
  const options = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...options], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
});
afterAll(() => pack?.remove());

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

function node(...parameters: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, parameters, {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('the first code of the README', () => {
  let code: string;
  beforeAll(() => {
    const lines = readFileSync(join(folder, 'node_modules/tokenkeep/README.md'), 'utf8').split('\n');
    const start = lines.indexOf('```ts') + 1;
    const end = lines.indexOf('```', start);
    expect(lines.slice(0, start)).toContainEqual(expect.stringMatching(/^npm install tokenkeep\b/));
    expect({ start, length: end - start }).toEqual({
      start: expect.toSatisfy((at) => at <= 25),
      length: expect.toSatisfy((count) => count <= 20),
    });
    code = lines.slice(start, end).join('\n');
    write('first.mts', `${code}\nexport { orders };\n`);
  });

  const compilers = ['typescript/bin/tsc6', 'typescript-7/bin/tsc'];
  const resolutions = ['--module nodenext', '--module esnext --moduleResolution bundler'];
  test.each(
    compilers.flatMap((compiler) => resolutions.map((resolution) => [compiler, resolution] as const)),
  )('compiles as it is with %s %s', (compiler, resolution) => {
    const options = `--noEmit --strict --target es2022 ${resolution}`.split(' ');
    const { status, stdout } = node(resolve('node_modules', compiler), ...options, 'first.mts');
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  // It runs in guides/readme.test.ts, in Chromium.
  test('is built by Vite as it is, with nothing to say', async () => {
    const { said } = await built(code, 'es'); // which has top-level await
    expect(said).toEqual([]);
  });
});

test('a CommonJS project requires every door, and refreshes once', () => {
  write(
    'index.cjs',
    `const names = ${JSON.stringify([...doors.keys()])};
    const empty = names.filter((name) => Object.keys(require(name)).length === 0);
    const { TokenManager } = require('tokenkeep');
    const { authorizationServer } = require('tokenkeep/testing');
    async function main() {
      const server = authorizationServer();
      const { fetch, metadata, apiOrigin } = server;
      const manager = new TokenManager({ clientId: 'test-client', authorizationServer: metadata, protectedResources: [apiOrigin], fetch });
      await manager.setTokens(server.signIn());
      server.expire();
      const calls = Array.from({ length: 9 }, () => manager.fetch(apiOrigin + '/orders'));
      const statuses = (await Promise.all(calls)).map(({ status }) => status);
      console.log(JSON.stringify({ empty, statuses: [...new Set(statuses)], refreshes: server.counts.refreshes }));
    }
    main();`,
  );
  const { status, stdout, stderr } = node('index.cjs');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(JSON.parse(stdout)).toEqual({ empty: [], statuses: [200], refreshes: 1 });
});

describe('a page that Vite builds', () => {
  test('from every door for pages, with nothing to say', async () => {
    const pages = [...doors.keys()].filter((name) => !/\/(node|testing)$/.test(name));
    const imports = pages.map((name, index) => `export * as door${index} from '${name}';`);
    const { said, code } = await built(imports.join('\n'));
    expect(said).toEqual([]);
    expect(code).not.toMatch(/from\s*['"](node:|tokenkeep)/);
  });

  test('from a door for Node by mistake says which one to take', async () => {
    const { code } = await built(`import { fileStorage } from 'tokenkeep/node';
      export let said; try { fileStorage({ path: 'x' }); } catch (error) { said = error.message; }`);
    const page = createContext({ TextEncoder, TextDecoder, URL });
    runInContext(code, page);
    expect(runInContext('app.said', page)).toContain('In a page use indexedDbStorage() of tokenkeep/browser');
  });
});

async function built(
  source: string,
  format: 'iife' | 'es' = 'iife',
): Promise<{ said: string[]; code: string }> {
  write('main.ts', source);
  const said: string[] = [];
  const note = (message: string) => void said.push(message);
  const customLogger: Logger = {
    info() {},
    clearScreen() {},
    warn: note,
    warnOnce: note,
    error: note,
    hasWarned: false,
    hasErrorLogged: () => false,
  };
  const lib = { entry: 'main.ts', name: 'app', formats: [format], fileName: () => 'app.js' };
  await vite({ root: folder, configFile: false, customLogger, build: { lib, chunkSizeWarningLimit: 5000 } });
  return { said, code: readFileSync(join(folder, 'dist/app.js'), 'utf8') };
}
