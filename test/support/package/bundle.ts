import { builtinModules } from 'node:module';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { OutputChunk, OutputOptions } from 'rolldown';
import { rolldown } from 'rolldown';
import { browserDoors, manifest, productionDoors } from './manifest.ts';

export interface BundleOptions {
  /** Modules that a bundle leaves out, as packages. */
  readonly external?: readonly string[];
  /** `true`: the build for production, as bundlers choose it for pages. */
  readonly production?: boolean;
}

/** The download size of `code`: bundled, minified and gzipped, in bytes. */
export async function sizeOf(code: string, options?: BundleOptions): Promise<number> {
  return gzipSync(await bundle(code, options), { level: 9 }).length;
}

/** The minified bundle as one text. */
export async function bundle(code: string, options?: BundleOptions): Promise<string> {
  return (await build(code, options)).map((chunk) => chunk.code).join('');
}

/** Modules that no bundle contains: Node's own, and packages that an application installs if it wants them. */
const elsewhere = [
  ...builtinModules.map((name) => (name.startsWith('node:') ? name : `node:${name}`)),
  ...Object.keys(manifest.peerDependencies ?? {}),
];

/** Everything in one classic script, whose exports are the value of `name`. */
export async function script(code: string, name: string): Promise<string> {
  const [chunk] = await build(code, {}, { format: 'iife', name, codeSplitting: false });
  return chunk?.code ?? '';
}

/** Bundles from dist/, by the exports map, as an application's bundler does. */
export async function build(
  code: string,
  { external = [], production = false }: BundleOptions = {},
  form: OutputOptions = { format: 'es' },
): Promise<OutputChunk[]> {
  const entry = '\0entry';
  const build = await rolldown({
    input: entry,
    external: [...external, ...elsewhere],
    platform: 'browser',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? id : null),
        load: (id) => (id === entry ? { code, moduleSideEffects: true } : null),
      },
    ],
    resolve: { alias: aliasOf(production ? productionDoors : browserDoors) },
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  const { output } = await build.generate({ ...form, minify: true });
  return output.filter((chunk) => chunk.type === 'chunk');
}

/** Longest names first: an alias also matches what begins with it. */
function aliasOf(doors: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    [...doors]
      .map(([name, module]) => [name, resolve('dist', `${module}.js`)] as const)
      .sort(([a], [b]) => b.length - a.length),
  );
}
