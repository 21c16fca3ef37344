/** A copy of a guide in a project of its own, in which the package is installed: for edits that are not to happen here. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createServer, type Plugin, type ViteDevServer } from 'vite';
import { noting } from './guest.ts';
import type { Site } from './single-page-app.ts';

export interface Workspace extends Site {
  readonly folder: string;
  readonly vite: ViteDevServer;
  /** As its developer does, in an editor. */
  edit(file: string, before: string | RegExp, after: string): void;
}

/** @param installed packages beside ours, as a user's `npm install` would bring them. */
export async function openWorkspace(
  guide: string,
  installed: readonly string[],
  plugins: readonly Plugin[] = [],
): Promise<Workspace> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-workspace-'));
  cpSync(guide, folder, { recursive: true });
  const modules = join(folder, 'node_modules');
  for (const name of installed) {
    mkdirSync(join(modules, name, '..'), { recursive: true });
    symlinkSync(resolve('node_modules', name), join(modules, name));
  }
  symlinkSync(resolve('.'), join(modules, 'tokenkeep'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const vite = await createServer({
    root: folder,
    configFile: join(folder, 'vite.config.ts'),
    cacheDir: join(folder, '.vite'),
    logLevel: 'warn',
    plugins: [noting, ...plugins],
    // Files are not watched: a watcher drops the second of two changes of a file within 50 ms.
    server: { port: 0, host: 'localhost', watch: null, fs: { allow: [folder, resolve('.')] } },
  });
  await vite.listen();
  return {
    folder,
    vite,
    url: vite.resolvedUrls?.local[0] ?? '',
    edit(file, before, after) {
      const path = join(folder, file);
      const text = readFileSync(path, 'utf8');
      const edited = text.replace(before, after);
      if (edited === text) throw new Error(`There is no ${String(before)} in ${file}.`);
      writeFileSync(path, edited);
      vite.watcher.emit('change', path);
    },
    async close() {
      await vite.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
