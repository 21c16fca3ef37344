/** The scripts of the page: TypeScript, and the package as it is built, made into modules for browsers. */
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** File names and their code. */
export async function bundle(): Promise<Map<string, string>> {
  const module = (name: string) => fileURLToPath(new URL(`page/${name}.ts`, import.meta.url));
  const build = await rolldown({
    input: { playground: module('playground'), tab: module('tab') },
    platform: 'browser',
    tsconfig: false, // `tokenkeep` is what its exports map says
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  const { output } = await build.generate({ format: 'es', minify: false });
  await build.close();
  return new Map(output.map((file) => [file.fileName, 'code' in file ? file.code : String(file.source)]));
}
