// `npm run build`: src/*.ts → dist/*.js, *.js.map and *.d.ts, one file per module, one entry per door.
// TypeScript emits into .build/ first (no plugin between the compiler and the package), Rollup takes its JavaScript.
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const tsc = 'node_modules/typescript-7/bin/tsc';
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

// The exports map is the only list of doors: './testing' → testing/index. One of them is smaller for browsers.
const doors = Object.values(manifest.exports)
  .filter((door) => door.types)
  .flatMap((door) => [door.default, door.browser ?? []].flat())
  .map((door) => door.replace('./dist/', '').replace(/\.js$/, ''));

const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
const external = (id) =>
  id.startsWith('node:') || dependencies.some((name) => id === name || id.startsWith(`${name}/`));

mkdirSync('.build', { recursive: true });
const emitted = mkdtempSync('.build/'); // a folder of its own, so that two builds at once do not mix
process.on('exit', () => rmSync(emitted, { recursive: true, force: true }));
compile();

export default {
  input: Object.fromEntries(doors.map((door) => [door, join(emitted, `${door}.js`)])),
  external,
  plugins: [sourceMaps(), declarations(), clean()],
  onwarn(warning) {
    if (warning.code === 'EMPTY_BUNDLE') return; // a module of types only
    throw new Error(`${warning.code}: ${warning.message}`);
  },
  output: {
    dir: 'dist',
    format: 'es',
    preserveModules: true,
    preserveModulesRoot: emitted,
    sourcemap: true,
  },
};

function compile() {
  try {
    execFileSync(process.execPath, [tsc, '--project', '.', '--inlineSources', '--outDir', emitted]);
  } catch (error) {
    process.stderr.write(String(error.stdout));
    process.exit(1);
  }
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

/** Puts the compiler's declarations beside the modules, with the specifiers that the published files have. */
function declarations() {
  return {
    name: 'declarations',
    generateBundle() {
      for (const fileName of globSync('**/*.d.ts', { cwd: emitted })) {
        const source = readFileSync(join(emitted, fileName), 'utf8');
        this.emitFile({
          type: 'asset',
          fileName,
          source: source.replace(/((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2'),
        });
      }
    },
  };
}

/** Removes what an earlier build left in dist/, after this one is written: dist/ is never empty while others read it. */
function clean() {
  return {
    name: 'clean',
    writeBundle(_, bundle) {
      if (!existsSync('dist')) return;
      for (const file of globSync('dist/**/*.*')) {
        if (!(file.slice('dist/'.length) in bundle)) rmSync(file, { recursive: true });
      }
    },
  };
}
