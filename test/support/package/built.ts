import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manifest } from './manifest.ts';

/**
 * Fails unless dist/ exists and is newer than its sources. Never builds: a test that repairs its subject proves
 * little.
 */
export function requireBuild(): void {
  const age = (file: string) => statSync(file).mtimeMs;
  const built = existsSync('dist/index.js') ? age('dist/index.js') : 0;
  const newest = Math.max(
    ...globSync('{src,build}/**/*.ts').map(age),
    age('rollup.config.mjs'),
    age('tsconfig.json'),
  );
  if (built < newest)
    throw new Error(`dist/ is ${built ? 'older than src/' : 'missing'}. Run: npm run build`);
}

/** Packs the package as it would be published, installs it alone in a fresh folder, and hands both to `use`. */
export function packed(): { tarball: string; folder: string; remove(): void } {
  requireBuild();
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-package-'));
  const options = ['--ignore-scripts', '--json', '--loglevel=error', '--pack-destination', folder];
  const [{ filename }] = JSON.parse(execFileSync('npm', ['pack', ...options], { encoding: 'utf8' }));
  const tarball = join(folder, filename);
  const target = join(folder, 'node_modules', manifest.name);
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
  installDependencies(folder);
  return { tarball, folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Exactly what a user's `npm install` would bring, by the lockfile: nothing that only we have. */
function installDependencies(folder: string): void {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean; peer?: boolean }>;
  };
  for (const [path, { dev, devOptional, optional, peer }] of Object.entries(packages)) {
    if (path === '' || dev || devOptional || optional || peer) continue;
    cpSync(path, join(folder, path), { recursive: true });
  }
}
