import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { twoBuilds } from '../.config/build/two-builds.ts';
import { builtModules } from './support/package/built-modules.ts';

// With slashes on Windows too: Vite compares module ids as texts.
const root = fileURLToPath(new URL('..', import.meta.url)).replaceAll('\\', '/');

// Where a test runs is decided by its folder. A folder that stands in neither list is a unit test.
const server = ['integration', 'browser', 'model'].map((folder) => `test/${folder}/**/*.test.ts`);
const built = ['test/package/**/*.test.ts'];
/** The unit test of `src/<path>.ts` is `test/unit/<path>.test.ts`. */
const unit = (path: string) => `test/unit/${path}.test.ts`;

/** Tests see the sources under the names that users import. Tests of the package and of the guides see dist/, by the exports map. */
const sources = [
  { find: /^tokenkeep$/, replacement: `${root}src/index.ts` },
  { find: /^tokenkeep\/([a-z/-]+)$/, replacement: `${root}src/$1/index.ts` },
];

/**
 * The core and the request path run wherever JavaScript runs, and so do their tests: in Node with a DOM (which is what
 * component tests and some servers are), with Angular's zones, and with the built-ins of React Native.
 */
const everywhere = [
  unit('*'),
  unit('client-assertion/*'),
  unit('client-authentication/*'),
  unit('memory/*'),
  unit('platform/*'),
  unit('refresh/*'),
  unit('request/*'),
  unit('session/*'),
  unit('testing/mock/*'),
  unit('token-endpoint/*'),
  'test/races/**/*.test.ts',
];
/** Searches and measurements. Their results are the same everywhere, and they take longest. */
const searches = ['test/races/!(pinned).race.test.ts', unit('session/session-registry')];
/** oauth4webapi, which makes JWTs for backends, recognises buffers and headers by their classes. */
const needsOauth4webapi = [
  'client-assertion/client-assertion',
  'client-assertion/signing-key',
  'client-authentication/client-authentication',
  'hanging-platform',
  'token-endpoint/token-request',
].map(unit);
/** Forms and streams as the `fetch` of Node takes them. */
const needsNodeBodies = unit('request/fetch-arguments');
/**
 * They see the sources, and the files of a project share a process: a process for each file would double the time. The
 * first setup file fails a file that leaves something behind for the next one.
 */
const environment = { extends: true, resolve: { alias: sources } } as const;
const sharedProcess = 'test/support/environments/shared-process.ts';

/** Servers, browsers and compilers start slowly on a busy machine: a tenth of its limit is enough for each test on a quiet one. */
const limitedTo = (limit: number) => ({
  testTimeout: limit,
  hookTimeout: limit,
  expect: { poll: { timeout: 0.75 * limit, interval: 10 } },
});
const webLocks = 'test/support/environments/web-locks-of-node-22.ts';

export default defineConfig({
  root,
  cacheDir: 'node_modules/.vite',
  test: {
    // A test that fails once is a failing test; one that hangs is cut off where nothing sane takes so long.
    retry: 0,
    // By default one core is left for Vitest itself, which has little to do.
    maxWorkers: availableParallelism(),
    allowOnly: false,
    passWithNoTests: false,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Tests wait for events as long as it takes: a busy machine fails nothing but the test's own timeout.
    expect: { poll: { timeout: 15_000, interval: 10 } },
    restoreMocks: true,
    unstubGlobals: true,
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      {
        extends: true,
        resolve: { alias: sources },
        test: {
          name: 'unit',
          isolate: false,
          setupFiles: [webLocks, sharedProcess],
          include: ['test/**/*.test.ts'],
          exclude: [...server, ...built],
        },
      },
      {
        extends: true,
        // The modules of dist/production, as pages get them: minified, and without what the build removes.
        plugins: [twoBuilds('production'), builtModules()],
        test: {
          name: 'production',
          globalSetup: 'test/support/environments/built.ts',
          isolate: false,
          setupFiles: [sharedProcess],
          include: [
            ...['browser', 'client-assertion', 'client-authentication', 'dpop', 'ky', 'login'],
            ...['opentelemetry', 'providers', 'worker'],
            ...['refresh', 'request', 'session', 'token-endpoint'],
          ]
            .map((wing) => unit(`${wing}/**/*`))
            .concat('test/scenarios/**/*.test.ts'),
          // Options of Node and of Electron's main process, which no page has.
          exclude: ['test/scenarios/nearly-right-options.test.ts'],
        },
      },
      {
        extends: true,
        resolve: { alias: sources },
        test: { name: 'server', include: server, ...limitedTo(60_000) },
      },
      {
        ...environment,
        // Pages get the production build: the plugin that builds it removes the explanations here as well.
        plugins: [twoBuilds('production')],
        test: {
          name: 'jsdom',
          environment: 'jsdom',
          isolate: false,
          setupFiles: [sharedProcess],
          include: everywhere,
          exclude: [...searches, ...needsOauth4webapi, needsNodeBodies],
        },
      },
      {
        ...environment,
        test: {
          name: 'happy-dom',
          environment: 'happy-dom',
          isolate: false,
          setupFiles: [sharedProcess],
          include: everywhere,
          // Its `fetch`, headers and forms differ: no integrity, no iterators, no details about connections.
          exclude: [
            ...searches,
            ...needsOauth4webapi,
            needsNodeBodies,
            ...[
              'request/other-realms',
              'request/replayable-request',
              'request/redirects',
              'token-endpoint/sockets',
            ].map(unit),
          ],
        },
      },
      {
        ...environment,
        test: {
          name: 'zone',
          isolate: false,
          setupFiles: ['test/support/environments/zone.ts', sharedProcess],
          include: everywhere,
          exclude: searches,
        },
      },
      {
        ...environment,
        test: {
          name: 'react-native',
          isolate: false,
          setupFiles: ['test/support/environments/react-native.ts', sharedProcess],
          // The rules of core as well: every platform must have what they need.
          include: [...everywhere, unit('core/**/*')],
          // Without streams the transport itself reads endless responses.
          exclude: [
            ...searches,
            ...needsOauth4webapi,
            needsNodeBodies,
            ...[
              'token-endpoint/discovery',
              'token-endpoint/hostile-responses',
              'request/invalid-token',
              'token-endpoint/revocation',
            ].map(unit),
            unit('refresh/leaving-page'), // React Native has no page
            // tokenkeep/client-assertion does not load without a TextDecoder
            ...['client-assertion/without-web-crypto', 'client-authentication/secret-in-browser'].map(unit),
            ...['core/http/rejection', 'core/http/rejection.challenges'].map(unit), // compared with oauth4webapi
          ],
        },
      },
      {
        extends: true,
        test: { name: 'package', include: built, ...limitedTo(120_000) },
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
