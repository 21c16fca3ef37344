/**
 * The declarations that the doors lead to: one file for each door, and files in `dist/types` for what several doors share.
 * Declarations of modules that no door mentions are not published.
 */
import { isAbsolute, join } from 'node:path';
import { type Plugin, rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';

/** Adds the declarations of `doors`, such as `login/index`, that the compiler emitted into `folder`. */
export function declarations(folder: string, doors: readonly string[]): Plugin {
  return {
    name: 'declarations',
    async generateBundle() {
      const build = await rollup({
        input: Object.fromEntries(doors.map((door) => [door, join(folder, `${door}.d.ts`)])),
        external: (id) => !id.startsWith('.') && !isAbsolute(id),
        plugins: [asEmitted(), dts()],
        onwarn(warning) {
          // Types that the doors mention and deliberately do not export; typedoc checks the list of them.
          if (warning.message.includes('private shared type exports')) return;
          throw new Error(`${warning.code}: ${warning.message}`);
        },
      });
      const { output } = await build.generate({
        entryFileNames: '[name].d.ts',
        chunkFileNames: ({ name }) => `types/${name.replace(/\.d$/, '')}.d.ts`,
      });
      for (const file of output) {
        if (file.type !== 'chunk') throw new Error(`${file.fileName} is not a declaration.`);
        this.emitFile({ type: 'asset', fileName: file.fileName, source: withReferencesFirst(file.code) });
      }
    },
  };
}

/** Moves references to libraries, such as the one that declares `AsyncDisposable`, to the top: compilers ignore them below it. */
function withReferencesFirst(code: string): string {
  const reference = /^\/\/\/ <reference .+\n/gm;
  return [...new Set(code.match(reference)), code.replace(reference, '')].join('');
}

/** Finds the declaration of a module that another one imports as `./name.ts`. */
function asEmitted(): Plugin {
  return {
    name: 'as-emitted',
    resolveId: (id, importer) =>
      importer !== undefined && id.startsWith('.')
        ? join(importer, '..', id.replace(/\.ts$/, '.d.ts'))
        : undefined,
  };
}
