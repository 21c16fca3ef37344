import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

// Where a test runs is decided by its folder. A folder that stands in neither list is a unit test.
const server = [
  'browser',
  'electron',
  'keyring',
  'model',
  'node',
  'platforms',
  'playground',
  'postgres',
  'provider',
  'redis',
].map((folder) => `test/${folder}/**/*.test.ts`);
const built = ['test/package/**/*.test.ts', 'test/guides/**/*.test.ts'];

/** Tests see the sources under the names that users import. Tests of the package and of the guides see dist/, by the exports map. */
const sources = [
  { find: /^tokenkeep$/, replacement: `${root}src/index.ts` },
  { find: /^tokenkeep\/([a-z]+)$/, replacement: `${root}src/$1/index.ts` },
];

export default defineConfig({
  root,
  cacheDir: 'node_modules/.vite',
  test: {
    // A test that fails once is a failing test; one that hangs is cut off where nothing sane takes so long.
    retry: 0,
    allowOnly: false,
    passWithNoTests: false,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // What is waited for comes when it comes: a busy machine fails nothing but the test's own timeout.
    expect: { poll: { timeout: 15_000, interval: 10 } },
    restoreMocks: true,
    unstubGlobals: true,
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      {
        extends: true,
        resolve: { alias: sources },
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [...server, ...built] },
      },
      {
        extends: true,
        resolve: { alias: sources },
        test: { name: 'server', include: server },
      },
      {
        extends: true,
        test: { name: 'package', include: built, testTimeout: 120_000, hookTimeout: 120_000 },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**'],
      reportsDirectory: 'coverage',
      reporter: ['text', 'json-summary'],
    },
  },
});
