/** Which build bundlers choose, by bundling: their packages are in a manifest of their own, because only this test needs them. */
import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { rollup } from 'rollup';
import { createServer, build as viteBuild } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packed } from '../support/package/built.ts';
import { installPackages, installTimeout } from '../support/package/install.ts';
import { browserDoors, doors, productionDoors } from '../support/package/manifest.ts';

const folder = resolve('test/package/bundlers');
const load = createRequire(join(folder, 'package.json'));
let pack: ReturnType<typeof packed>;
let entry: string;

beforeAll(async () => {
  await installPackages(folder);
  pack = packed();
  mkdirSync(join(pack.folder, 'app'));
  entry = join(pack.folder, 'app/main.js');
  writeFileSync(
    entry,
    ['', '/login', '/browser', '/providers', '/dpop', '/worker', '/electron', '/ky']
      .map((door, index) => `export * as door${index} from 'tokenkeep${door}';`)
      .join('\n'),
  );
}, installTimeout);
afterAll(() => pack?.remove());

type Build = 'ordinary' | 'production' | 'both' | 'none';

/** The build that modules of a bundle are from. */
function buildOf(modules: Iterable<string>): Build {
  const home = realpathSync(join(pack.folder, 'node_modules/tokenkeep/dist'));
  const own = [...modules]
    .map((id) => relative(home, id))
    .filter((path) => !path.startsWith('..') && path.endsWith('.js'));
  const isProduction = (path: string) => path.startsWith('production/');
  if (own.length === 0) return 'none';
  if (own.every(isProduction)) return 'production';
  return own.some(isProduction) ? 'both' : 'ordinary';
}

const externalToPages = /^node:|^(ioredis|pg|redis|@napi-rs\/keyring|@opentelemetry\/api)$/;

describe('Vite', () => {
  test.each<[string, boolean, Build]>([
    ['production', false, 'production'],
    ['development', false, 'ordinary'],
    ['production', true, 'ordinary'],
    ['development', true, 'ordinary'],
  ])('builds in mode %s (ssr: %s) with the %s build', async (mode, ssr, expected) => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = mode;
    try {
      const result = await viteBuild({
        root: pack.folder,
        mode,
        configFile: false,
        logLevel: 'silent',
        ssr: { noExternal: true },
        build: {
          ssr,
          write: false,
          minify: false,
          rollupOptions: { input: entry, external: externalToPages, preserveEntrySignatures: 'strict' },
        },
      });
      const outputs = [result].flat() as { output?: { type: string; moduleIds?: string[] }[] }[];
      const modules = outputs.flatMap(({ output = [] }) => output.flatMap(({ moduleIds = [] }) => moduleIds));
      expect(buildOf(modules)).toBe(expected);
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });

  test('its development server serves the ordinary build', async () => {
    const server = await createServer({
      root: pack.folder,
      configFile: false,
      logLevel: 'silent',
      server: { middlewareMode: true, ws: false, watch: null },
      optimizeDeps: { noDiscovery: true },
    });
    try {
      const found = await server.environments.client.pluginContainer.resolveId('tokenkeep', entry);
      expect(buildOf([found?.id ?? ''])).toBe('ordinary');
    } finally {
      await server.close();
    }
  });
});

describe('webpack', () => {
  test.each<[string, string, Build]>([
    ['production', 'web', 'production'],
    ['development', 'web', 'ordinary'],
    ['production', 'webworker', 'production'],
    ['production', 'node', 'ordinary'],
    ['production', 'electron-main', 'ordinary'],
    ['production', 'electron-renderer', 'ordinary'],
  ])('builds in mode %s for %s with the %s build', async (mode, target, expected) => {
    const webpack = load('webpack');
    const compiler = webpack({
      mode,
      target,
      entry,
      context: pack.folder,
      devtool: false,
      optimization: { minimize: false },
      output: { path: join(pack.folder, 'out') },
    });
    const stats = await new Promise<WebpackStats>((done, failed) => {
      compiler.run((error: Error | null, result: WebpackStats) => (error ? failed(error) : done(result)));
    });
    expect(stats.compilation.errors).toEqual([]);
    expect(buildOf(stats.compilation.fileDependencies)).toBe(expected);
  });
});

interface WebpackStats {
  readonly compilation: { readonly errors: readonly Error[]; readonly fileDependencies: ReadonlySet<string> };
}

describe('esbuild', () => {
  test.each<[string, object, Build]>([
    ['for browsers, without a mode', { platform: 'browser' }, 'ordinary'],
    [
      'for browsers, with --conditions=production',
      { platform: 'browser', conditions: ['production'] },
      'production',
    ],
    ['for Node, in production', { platform: 'node', conditions: ['production'] }, 'ordinary'],
    ['for no platform', { platform: 'neutral', mainFields: ['module', 'main'] }, 'ordinary'],
    // https://developers.cloudflare.com/workers/wrangler/bundling/#conditional-exports
    [
      'as wrangler calls it',
      { platform: 'browser', conditions: ['workerd', 'worker', 'browser'] },
      'ordinary',
    ],
    [
      'as wrangler calls it, in production',
      { platform: 'browser', conditions: ['workerd', 'worker', 'browser', 'production'] },
      'ordinary',
    ],
    [
      'as Next.js builds for the edge, in production',
      { platform: 'browser', conditions: ['edge-light', 'worker', 'browser', 'production'] },
      'ordinary',
    ],
  ])('%s', async (_name, options, expected) => {
    const esbuild = load('esbuild');
    const { metafile } = await esbuild.build({
      entryPoints: [entry],
      absWorkingDir: realpathSync(pack.folder),
      bundle: true,
      format: 'esm',
      write: false,
      metafile: true,
      external: ['node:*', 'electron'],
      logLevel: 'silent',
      ...options,
    });
    const inputs = Object.keys(metafile.inputs).map((path) => join(realpathSync(pack.folder), path));
    expect(buildOf(inputs)).toBe(expected);
  });
});

describe('Rollup', () => {
  test.each<[string, object, Build]>([
    ['for browsers, in production', { browser: true, exportConditions: ['production'] }, 'production'],
    ['for browsers, in development', { browser: true, exportConditions: ['development'] }, 'ordinary'],
    ['for Node, in production', { exportConditions: ['node', 'production'] }, 'ordinary'],
    ['without a platform, in production', { exportConditions: ['production'] }, 'ordinary'],
  ])('%s', async (_name, options, expected) => {
    const { nodeResolve } = load('@rollup/plugin-node-resolve');
    const bundle = await rollup({
      input: entry,
      external: externalToPages,
      plugins: [nodeResolve(options)],
      preserveEntrySignatures: 'strict',
      onwarn: () => undefined,
    });
    expect(buildOf(bundle.watchFiles)).toBe(expected);
    await bundle.close();
  });
});

describe('Metro', () => {
  const dist = () => join(realpathSync(pack.folder), 'node_modules/tokenkeep/dist');
  const resolveDoors = (names: Iterable<string>, platform: string, conditions: readonly string[]) =>
    [...names].map((name) => {
      const context = { ...metroContext(), unstable_conditionNames: conditions };
      const { filePath } = load('metro-resolver').resolve(context, name, platform);
      return relative(dist(), filePath).replace(/\.js$/, '');
    });

  // The conditions of @react-native/metro-config, of Metro, and of applications that add the mode.
  test.each([
    ['ios', ['react-native'], doors],
    ['android', ['react-native'], doors],
    ['web', ['browser'], browserDoors],
    ['ios', ['react-native', 'production'], doors],
    ['web', ['browser', 'development'], browserDoors],
    ['web', ['browser', 'production'], productionDoors],
  ])('for %s with the conditions %j', (platform, conditions, expected) => {
    expect(resolveDoors(expected.keys(), platform, conditions)).toEqual([...expected.values()]);
  });
});

/** The arguments of Metro for its resolver, for an application in the folder of the package. */
function metroContext() {
  const read = (path: string) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null);
  const root = realpathSync(join(pack.folder, 'node_modules/tokenkeep'));
  return {
    allowHaste: false,
    assetExts: new Set<string>(),
    customResolverOptions: {},
    dev: false,
    disableHierarchicalLookup: false,
    doesFileExist: existsSync,
    extraNodeModules: null,
    fileSystemLookup: (path: string) =>
      existsSync(path)
        ? { exists: true, type: lstatSync(path).isDirectory() ? 'd' : 'f', realPath: realpathSync(path) }
        : { exists: false },
    getPackage: read,
    getPackageForModule: (path: string) => {
      if (!path.startsWith(root)) return null;
      return {
        rootPath: root,
        packageJson: read(join(root, 'package.json')),
        packageRelativePath: relative(root, path),
      };
    },
    isESMImport: true,
    mainFields: ['react-native', 'browser', 'main'],
    nodeModulesPaths: [],
    originModulePath: entry,
    preferNativePlatform: false,
    redirectModulePath: (path: string) => path,
    resolveAsset: () => null,
    resolveHasteModule: () => null,
    resolveHastePackage: () => null,
    sourceExts: ['js', 'json'],
    unstable_conditionsByPlatform: {},
    unstable_enablePackageExports: true,
    unstable_incrementalResolution: false,
    unstable_logWarning: (message: string) => {
      throw new Error(message);
    },
  };
}
