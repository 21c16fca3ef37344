import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { productionDoors } from './manifest.ts';

/** Facts of the build for tests themselves, which no module of the package imports. */
const ofTests = ['core/build-facts', 'core/error-pages'];

/** Gives tests the built modules for production in place of the sources, under the names of both. */
export function builtModules(): { name: string; enforce: 'pre'; resolveId(id: string): string | undefined } {
  return {
    name: 'built-modules',
    enforce: 'pre',
    resolveId(id) {
      const door = productionDoors.get(id);
      if (door !== undefined) return resolve('dist', `${door}.js`);
      const module = /\/src\/(.+)\.ts$/.exec(id)?.[1];
      if (module === undefined || ofTests.includes(module)) return undefined;
      const built = resolve('dist/production', `${module}.js`);
      return existsSync(built) ? built : resolve('dist', `${module}.js`);
    },
  };
}
