import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Installing takes as long as the network does. */
export const installTimeout = 300_000;

/**
 * Installs the packages of a folder that has a manifest and a lockfile of its own, because few tests need them and they are large.
 * Each folder belongs to one test file: two that install at once would disturb each other. An installation that is newer than its
 * lockfile is kept. `scripts: true` runs the install scripts.
 */
export async function installPackages(folder: string, { scripts = false } = {}): Promise<void> {
  const installed = join(folder, 'node_modules/.package-lock.json');
  const lockfile = join(folder, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs > statSync(lockfile).mtimeMs) return;
  const { npm_config_local_prefix: _, npm_config_prefix: __, ...env } = process.env;
  const parameters = ['ci', '--loglevel=error', ...(scripts ? [] : ['--ignore-scripts'])];
  await promisify(execFile)('npm', parameters, { cwd: folder, env });
}
