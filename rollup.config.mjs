// `npm run build`: src/*.ts → dist/*.js, one file per module, and the declarations of the doors. The doors of pages are built a second
// time, into dist/production, without the explanations of programming mistakes: see .config/build/two-builds.ts.
// TypeScript emits into .build/ first (no plugin between the compiler and the package), Rollup takes its JavaScript.
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { minifySync } from 'rolldown/utils';
import { declarations } from './.config/build/declarations.ts';
import { readable } from './.config/build/readable.ts';
import { twoBuilds } from './.config/build/two-builds.ts';

const tsc = 'node_modules/typescript-7/bin/tsc';
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const production = 'dist/production';

// The exports map is the only list of doors: './testing' → testing/index.
const files = new Set(Object.values(manifest.exports).flatMap((door) => (door.types ? filesOf(door) : [])));
const declared = Object.values(manifest.exports).flatMap(({ types }) =>
  types ? types.replace('./dist/', '').replace(/\.d\.ts$/, '') : [],
);
const isForProduction = (file) => file.startsWith(`./${production}/`);

const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
const external = (id) =>
  id.startsWith('node:') || dependencies.some((name) => id === name || id.startsWith(`${name}/`));

mkdirSync('.build', { recursive: true });
const compiled = compile();

export default [
  {
    ...from([...files].filter((file) => !isForProduction(file))),
    plugins: [twoBuilds('ordinary'), readable(), declarations(compiled, declared), clean('dist')],
    output: output('dist'),
  },
  {
    ...from([...files].filter(isForProduction)),
    plugins: [twoBuilds('production', reference()), minified(), clean(production)],
    output: output(production),
  },
];

/** The modules that one door may lead to. `null` is a wall. */
function filesOf(door) {
  const { types: _, ...conditions } = door;
  return Object.values(conditions).flatMap((target) =>
    typeof target === 'string' ? target : target === null ? [] : filesOf(target),
  );
}

function from(doors) {
  const names = doors.map((door) => door.replace(/^\.\/dist\/(production\/)?/, '').replace(/\.js$/, ''));
  return {
    input: Object.fromEntries(names.map((name) => [name, join(compiled, `${name}.js`)])),
    external,
    onwarn(warning) {
      if (warning.code === 'EMPTY_BUNDLE') return; // a module of types only
      throw new Error(`${warning.code}: ${warning.message}`);
    },
  };
}

function output(dir) {
  return { dir, format: 'es', preserveModules: true, preserveModulesRoot: compiled };
}

function compile() {
  const folder = mkdtempSync('.build/'); // a folder of its own, so that two builds at once do not mix
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  try {
    execFileSync(process.execPath, [tsc, '--project', '.', '--outDir', folder]);
  } catch (error) {
    process.stderr.write(String(error.stdout));
    process.exit(1);
  }
  return folder;
}

/** The address of the published reference. The release job sets it; every other build has a placeholder. */
function reference() {
  const { REFERENCE_URL: address } = process.env;
  if (address !== undefined && !/^https:\/\/[^\s?#]+[^\s?#/]$/.test(address)) {
    throw new Error('REFERENCE_URL must be an https URL without a slash at the end.');
  }
  return address;
}

/** Minifies the modules for production, as applications do: readers have the ordinary build. */
function minified() {
  const keepNames = { function: true, class: false }; // `manager.fetch` has the name of the platform's
  const names = { compress: { keepNames }, mangle: { keepNames } };
  return {
    name: 'minified',
    renderChunk: (code, { fileName }) => minifySync(fileName, code, { module: true, ...names }).code,
  };
}

/** Removes what an earlier build left, after this one is written: dist/ is never empty while others read it. */
function clean(folder) {
  return {
    name: 'clean',
    writeBundle(_, bundle) {
      if (!existsSync(folder)) return;
      for (const found of globSync('**/*.*', { cwd: folder })) {
        const file = found.replaceAll('\\', '/');
        const isOfOther = folder !== production && `${folder}/${file}`.startsWith(`${production}/`);
        if (!isOfOther && !(file in bundle)) rmSync(join(folder, file), { recursive: true });
      }
    },
  };
}
