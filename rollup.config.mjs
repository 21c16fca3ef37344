// `npm run build`: src/*.ts → dist/*.js, *.js.map and *.d.ts, one file per module, one entry per door. The doors of pages are built
// a second time, into dist/production, without the explanations of programming mistakes: see build/two-builds.ts.
// TypeScript emits into .build/ first (no plugin between the compiler and the package), Rollup takes its JavaScript.
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { minifySync } from 'rolldown/utils';
import { twoBuilds } from './build/two-builds.ts';

const tsc = 'node_modules/typescript-7/bin/tsc';
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const production = 'dist/production';

// The exports map is the only list of doors: './testing' → testing/index.
const files = new Set(Object.values(manifest.exports).flatMap((door) => (door.types ? filesOf(door) : [])));
const isForProduction = (file) => file.startsWith(`./${production}/`);

const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
const external = (id) =>
  id.startsWith('node:') || dependencies.some((name) => id === name || id.startsWith(`${name}/`));

mkdirSync('.build', { recursive: true });
const emitted = mkdtempSync('.build/'); // a folder of its own, so that two builds at once do not mix
process.on('exit', () => rmSync(emitted, { recursive: true, force: true }));
const ordinary = compile('ordinary', ['--inlineSources']);
const bare = compile('production', ['--sourceMap', 'false']);

export default [
  {
    ...from(
      ordinary,
      [...files].filter((file) => !isForProduction(file)),
    ),
    plugins: [sourceMaps(), twoBuilds('ordinary'), declarations(), clean('dist')],
    output: output(ordinary, 'dist', { sourcemap: true }),
  },
  {
    ...from(bare, [...files].filter(isForProduction)),
    plugins: [twoBuilds('production', reference()), minified(), clean(production)],
    output: output(bare, production, { sourcemap: false }),
  },
];

/** The modules that one door may lead to. `null` is a wall. */
function filesOf(door) {
  const { types: _, ...conditions } = door;
  return Object.values(conditions).flatMap((target) =>
    typeof target === 'string' ? target : target === null ? [] : filesOf(target),
  );
}

function from(folder, doors) {
  const names = doors.map((door) => door.replace(/^\.\/dist\/(production\/)?/, '').replace(/\.js$/, ''));
  return {
    input: Object.fromEntries(names.map((name) => [name, join(folder, `${name}.js`)])),
    external,
    onwarn(warning) {
      if (warning.code === 'EMPTY_BUNDLE') return; // a module of types only
      throw new Error(`${warning.code}: ${warning.message}`);
    },
  };
}

function output(folder, dir, options) {
  return { dir, format: 'es', preserveModules: true, preserveModulesRoot: folder, ...options };
}

function compile(name, options) {
  const folder = join(emitted, name);
  try {
    execFileSync(process.execPath, [tsc, '--project', '.', ...options, '--outDir', folder]);
  } catch (error) {
    process.stderr.write(String(error.stdout));
    process.exit(1);
  }
  return folder;
}

/** Hands the compiler's maps to Rollup, so that dist/*.js.map leads to the TypeScript. */
function sourceMaps() {
  return {
    name: 'source-maps',
    load(id) {
      const map = JSON.parse(readFileSync(`${id}.map`, 'utf8'));
      return { code: readFileSync(id, 'utf8'), map };
    },
  };
}

/** The address of the published reference. The release job sets it; every other build has a placeholder. */
function reference() {
  const { REFERENCE_URL: address } = process.env;
  if (address !== undefined && !/^https:\/\/[^\s?#]+[^\s?#/]$/.test(address)) {
    throw new Error('REFERENCE_URL must be an https URL without a slash at the end.');
  }
  return address;
}

/** Minifies the modules for production, as those who use them do: readers have the ordinary build. */
function minified() {
  return {
    name: 'minified',
    renderChunk: (code, { fileName }) => minifySync(fileName, code, { module: true }).code,
  };
}

/** Puts the compiler's declarations beside the modules, with the specifiers that the published files have. */
function declarations() {
  return {
    name: 'declarations',
    generateBundle() {
      for (const fileName of globSync('**/*.d.ts', { cwd: ordinary })) {
        const source = readFileSync(join(ordinary, fileName), 'utf8');
        this.emitFile({
          type: 'asset',
          fileName,
          source: source.replace(/((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2'),
        });
      }
    },
  };
}

/** Removes what an earlier build left, after this one is written: dist/ is never empty while others read it. */
function clean(folder) {
  return {
    name: 'clean',
    writeBundle(_, bundle) {
      if (!existsSync(folder)) return;
      for (const file of globSync(`${folder}/**/*.*`)) {
        const isOfOther = folder !== production && file.startsWith(production);
        if (!isOfOther && !(file.slice(folder.length + 1) in bundle)) rmSync(file, { recursive: true });
      }
    },
  };
}
