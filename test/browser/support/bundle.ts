import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Bundles a module of `page/` for browsers, from the sources. */
export async function bundlePage(name: string): Promise<string> {
  const build = await rolldown({
    input: `${root}test/browser/support/page/${name}.ts`,
    platform: 'browser',
    resolve: {
      alias: {
        'tokenkeep/dpop': `${root}src/dpop/index.ts`,
        'tokenkeep/browser': `${root}src/browser/index.ts`,
        'tokenkeep/worker': `${root}src/worker/index.ts`,
        'tokenkeep/login': `${root}src/login/index.ts`,
        'tokenkeep/testing': `${root}src/testing/index.ts`,
        tokenkeep: `${root}src/index.ts`,
      },
    },
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  // One file, as a classic script: it is a page's, a worker's and a service worker's. ky, which the manager loads when a
  // session ends, comes along.
  const { output } = await build.generate({ format: 'iife', codeSplitting: false });
  return output[0].code;
}
