import { readFileSync } from 'node:fs';

export interface Manifest {
  name: string;
  exports: Record<string, string | Record<string, string | null>>;
  dependencies: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

export const manifest: Manifest = JSON.parse(readFileSync('package.json', 'utf8'));

/** The doors, by the name they are imported with, and their modules: `tokenkeep/testing` → `testing/index`. */
export const doors: ReadonlyMap<string, string> = doorsOf((target) => target['default']);

/** The same as bundlers for browsers find them, where they find any. */
export const browserDoors: ReadonlyMap<string, string> = doorsOf(({ browser, default: other }) =>
  browser === undefined ? other : browser,
);

function doorsOf(
  choose: (target: Record<string, string | null>) => string | null | undefined,
): Map<string, string> {
  return new Map(
    Object.entries(manifest.exports).flatMap(([subpath, target]) => {
      const file = typeof target === 'string' ? undefined : choose(target);
      if (!file) return [];
      const module = file.replace('./dist/', '').replace(/\.js$/, '');
      return [[subpath.replace('.', manifest.name), module] as const];
    }),
  );
}
