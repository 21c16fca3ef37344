import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packed } from '../support/package/built.ts';
import { doors, manifest } from '../support/package/manifest.ts';
import { isTypesOnly, sources } from './support/sources.ts';

let pack: ReturnType<typeof packed>;
let files: string[];
beforeAll(() => {
  pack = packed();
  files = execFileSync('tar', ['-tzf', pack.tarball], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((file) => file.replace('package/', ''))
    .sort();
});
afterAll(() => pack?.remove());

/** The build replaces what these say, so nothing is left of them at run time in the ordinary build. */
const replaced = ['core/build-facts.ts', 'core/error-pages.ts', 'core/explain.ts'];

test('holds a module for each source of which something is left at run time, and the declarations of the doors', () => {
  const modules = sources
    .filter((source) => !isTypesOnly(source) && !replaced.includes(source.path))
    .map(({ path }) => path.replace(/ts$/, 'js'));
  const declarations = [...doors.values()].map((door) => `${door}.d.ts`);
  const published = [...modules, ...declarations].map((file) => `dist/${file}`);
  const shared = files.filter((file) => /^dist\/types\/[\w-]+\.d\.ts$/.test(file));
  const papers = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
  const ordinary = files.filter((file) => !file.startsWith('dist/production/'));
  expect(ordinary).toEqual([...published, ...shared, ...papers].sort());
});

test('holds the modules of pages once more for production, and neither declarations nor maps of them', () => {
  const mine = files.filter((file) => file.startsWith('dist/production/'));
  expect(mine.length).toBeGreaterThan(100);
  const others = mine
    .map((file) => file.replace('/production/', '/'))
    .filter((file) => !files.includes(file));
  expect(others).toEqual(['dist/core/build-facts.js', 'dist/core/explain.js']);
});

test('is small: the size of its files has a ceiling, which only falls', () => {
  const sizes = files.map((file) => statSync(join(pack.folder, 'node_modules', manifest.name, file)).size);
  const size = sizes.reduce((sum, one) => sum + one);
  console.info(`${size} bytes in ${files.length} files`);
  // The limit is 1.5 MB. New doors and functions are in two builds.
  expect(size).toBeLessThanOrEqual(1_360_000);
});

/** All that a program can import. A name more, or less, is a decision. */
const names: Record<string, string[]> = {
  tokenkeep: [
    'ConfigurationError',
    'LockTimeoutError',
    'LoginFailedError',
    'LoginRequiredError',
    'RefreshFailedError',
    'StorageError',
    'TokenKeepError',
    'TokenManager',
    'discover',
    'inspect',
    'isTokenKeepError',
    'memoryLock',
    'memoryStorage',
    'none',
  ],
  'tokenkeep/client-assertion': ['clientSecretJwt', 'privateKeyJwt'],
  'tokenkeep/client-authentication': [
    'clientCredentials',
    'clientSecretBasic',
    'clientSecretPost',
    'tlsClientAuth',
  ],
  'tokenkeep/browser': [
    'idleSignOut',
    'indexedDbKeys',
    'indexedDbStorage',
    'tokenHandler',
    'webLock',
    'webStorage',
    'whereAllowed',
  ],
  'tokenkeep/dpop': ['dpop', 'exportedKeys', 'memoryKeys'],
  'tokenkeep/electron': ['connectTokenManager', 'electronStorage', 'exposeTokenManager', 'serveTokenManager'],
  'tokenkeep/ky': ['authorizedKy'],
  'tokenkeep/login': [
    'LoginFailedError',
    'completeLogin',
    'completeLogout',
    'deviceLogin',
    'importSession',
    'loopbackLogin',
    'openSystemBrowser',
    'popupLogin',
    'redirectLogin',
    'redirectToLogin',
    'returnFromPopup',
    'startLogin',
    'startLogout',
    'withStepUp',
  ],
  'tokenkeep/node': ['closeOnSignals', 'fileStorage', 'keyringStorage', 'publishEvents'],
  'tokenkeep/opentelemetry': ['instrument'],
  'tokenkeep/postgres': ['postgresStorage', 'postgresTable'],
  'tokenkeep/providers': [
    ...['atlassian', 'auth0', 'cloudentity', 'cognito', 'curity', 'entra', 'github', 'google', 'hubspot'],
    ...['intuit', 'keycloak', 'linear', 'linkedin', 'okta', 'reachfive', 'salesforce', 'slack', 'spotify'],
    ...['twitch', 'workos', 'xero'],
  ],
  'tokenkeep/redis': ['redisStorage'],
  'tokenkeep/testing': [
    'authorizationServer',
    'faults',
    'insufficientClaims',
    'insufficientScope',
    'insufficientUserAuthentication',
    'keyStorageConformance',
    'lockConformance',
    'mockTokenManager',
    'refusals',
    'register',
    'storageConformance',
    'testClock',
  ],
  'tokenkeep/testing/dialects': ['dialects'],
  'tokenkeep/worker': ['connectTokenManager', 'serveTokenManager'],
};

test('every door opens where nothing but the package and its dependencies is installed', () => {
  const script = `
    const names = {};
    for (const door of ${JSON.stringify([...doors.keys()])}) names[door] = Object.keys(await import(door)).sort();
    console.log(JSON.stringify(names));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: pack.folder,
    encoding: 'utf8',
  });
  expect(JSON.parse(output)).toEqual(names);
});

test('entry points for Node are walled off from browsers, with the name of the entry point', () => {
  const script = `await import('tokenkeep/node')`;
  const options = ['--conditions=browser', '--input-type=module', '--eval', script];
  const { status, stderr } = spawnSync(process.execPath, options, { cwd: pack.folder, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain(`ERR_PACKAGE_PATH_NOT_EXPORTED`);
  expect(stderr).toContain(`'./node'`);
});

test('keyringStorage says what to install where its package is not there', () => {
  const script = `
    import { keyringStorage } from 'tokenkeep/node';
    try { keyringStorage({ service: 'my-cli' }); } catch ({ code, message }) { console.log(code, message); }`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: pack.folder,
    encoding: 'utf8',
  });
  expect(output).toContain('ERR_CONFIGURATION');
  expect(output).toContain('npm install @napi-rs/keyring');
});

test('a stack trace leads to readable code: the line that threw, in a function with its name', () => {
  const script = `
    import { TokenManager } from 'tokenkeep';
    try { new TokenManager({ clientId: 'my-app' }); } catch ({ stack }) { console.log(stack); }`;
  const options = ['--input-type=module', '--eval', script];
  const stack = execFileSync(process.execPath, options, { cwd: pack.folder, encoding: 'utf8' });
  const [, name, file = '', line] = /at (\w+) \(.*\/dist\/(.+):(\d+):\d+\)/.exec(stack) ?? [];
  expect([name, file]).toEqual(['checkOptions', 'options.js']);
  const code = textOf(`dist/${file}`).split('\n');
  expect(code[Number(line) - 1]).toMatch(/^\t+.*throw /);
});

test('the code keeps comments that explain it, the declarations have the documentation, and nothing refers to a source map', () => {
  const code = files.filter((file) => file.endsWith('.js')).map(textOf);
  expect(code.filter((text) => /^\s*\/\*\*/m.test(text))).toEqual([]);
  expect(code.filter((text) => text.includes('sourceMappingURL'))).toEqual([]);
  expect(textOf('dist/refresh/refresh.js')).toContain('// 7 Released.');
  expect(textOf('dist/index.d.ts')).toContain(' * @example');
});

function textOf(file: string): string {
  return readFileSync(join(pack.folder, 'node_modules', manifest.name, file), 'utf8');
}
