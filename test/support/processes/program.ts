import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** Inside the package, so that the names of packages and its own name resolve. */
const folder = fileURLToPath(new URL('../../../.build/programs', import.meta.url));

/**
 * Bundles a program that a test runs in its own processes, and returns the path of the bundle. It starts with a ninth
 * of the CPU time that the sources need (40 ms instead of 350 ms): each process would load about a hundred modules
 * and strip their types, because a process that is killed writes no compile cache. Modules that the program imports
 * later stay separate files.
 */
export async function bundledProgram(source: URL): Promise<string> {
  const input = fileURLToPath(source);
  const build = await rolldown({
    input,
    platform: 'node',
    external: (id) => /^[^./]/.test(id), // packages and Node's own modules
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  const { output } = await build.generate({ format: 'es', chunkFileNames: '[name].js' });
  const hash = createHash('sha256');
  mkdirSync(folder, { recursive: true });
  const draft = mkdtempSync(join(folder, 'draft-'));
  for (const chunk of output) {
    const content = chunk.type === 'chunk' ? chunk.code : chunk.source;
    writeFileSync(join(draft, chunk.fileName), content);
    hash.update(chunk.fileName).update(content);
  }
  const name = basename(input, '.ts');
  return join(settle(draft, join(folder, `${name}-${hash.digest('hex').slice(0, 16)}`)), `${name}.js`);
}

/** Names the bundle after its content. Files that run at the same time make the same bundle, and the first one wins. */
function settle(draft: string, bundle: string): string {
  try {
    renameSync(draft, bundle);
  } catch (error) {
    rmSync(draft, { recursive: true });
    if (!existsSync(bundle)) throw error;
  }
  return bundle;
}
