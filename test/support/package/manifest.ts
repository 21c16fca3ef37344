import { readFileSync } from 'node:fs';

/** Where a door leads to: a file, a wall, or one of these for each condition. */
export type Target = string | null | { readonly [condition: string]: Target };

export interface Manifest {
  name: string;
  exports: Record<string, Target>;
  dependencies: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

export const manifest: Manifest = JSON.parse(readFileSync('package.json', 'utf8'));

/** The doors, by the name they are imported with, and their modules: `tokenkeep/testing` → `testing/index`. */
export const doors: ReadonlyMap<string, string> = doorsFor();

/** The same as bundlers for browsers find them, where they find any. */
export const browserDoors: ReadonlyMap<string, string> = doorsFor('browser');

/** The same as bundlers for browsers find them when they build for production. */
export const productionDoors: ReadonlyMap<string, string> = doorsFor('browser', 'production');

/** The doors that are open to a tool which sets these conditions. */
export function doorsFor(...conditions: readonly string[]): Map<string, string> {
  return new Map(
    Object.entries(manifest.exports).flatMap(([subpath, target]) => {
      const file = subpath === './package.json' ? undefined : resolveTarget(target, conditions);
      if (!file) return [];
      const module = file.replace('./dist/', '').replace(/\.js$/, '');
      return [[subpath.replace('.', manifest.name), module] as const];
    }),
  );
}

/** Returns the first match, as all tools do: a condition without a match inside leads on to the next one. `null` is a wall. */
function resolveTarget(target: Target, conditions: readonly string[]): string | null | undefined {
  if (typeof target === 'string' || target === null) return target;
  for (const [condition, inner] of Object.entries(target)) {
    if (condition !== 'default' && !conditions.includes(condition)) continue;
    const found = resolveTarget(inner, conditions);
    if (found !== undefined) return found;
  }
  return undefined;
}
