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
export const doors: ReadonlyMap<string, string> = new Map(
  Object.entries(manifest.exports).flatMap(([subpath, target]) => {
    const file = typeof target === 'string' ? undefined : target['default'];
    if (!file) return [];
    return [[subpath.replace('.', manifest.name), file.replace('./dist/', '').replace(/\.js$/, '')] as const];
  }),
);
