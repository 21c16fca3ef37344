/** Builds the scripts that Electron runs. A sandboxed preload script must be one file, and so are the others. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'rolldown';

const { API = 'http://127.0.0.1:4001/' } = process.env;
const [out = join(import.meta.dirname, 'out')] = process.argv.slice(2);

const scripts = [
  { input: 'main.ts', platform: 'node', format: 'esm', file: 'main.mjs' },
  { input: 'preload.ts', platform: 'browser', format: 'cjs', file: 'preload.cjs' },
  { input: 'renderer.ts', platform: 'browser', format: 'esm', file: 'renderer.js' },
] as const;

for (const { input, platform, format, file } of scripts) {
  await build({
    input: join(import.meta.dirname, input),
    platform,
    external: ['electron'],
    tsconfig: false, // `tokenkeep` is what its exports map says
    transform: { define: { API: JSON.stringify(API) } },
    output: { file: join(out, file), format, codeSplitting: false },
  });
}
await copyFile(join(import.meta.dirname, 'index.html'), join(out, 'index.html'));
