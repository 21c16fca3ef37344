/** The guide `examples/worker-isolation/`, built and served as its README says, with an attacker's script in its page. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, preview } from 'vite';
import type { ExampleServer } from '../../../../examples/server/server.ts';
import { bundlePage } from '../../../browser/support/bundle.ts';

export interface IsolatedSite {
  /** It ends with a slash. */
  readonly url: string;
  close(): Promise<void>;
}

const root = 'examples/worker-isolation';

export async function openIsolatedSite(
  kind: 'service' | 'shared',
  { server, api }: ExampleServer,
): Promise<IsolatedSite> {
  const outDir = mkdtempSync(join(tmpdir(), 'tokenkeep-site-'));
  const environment = { VITE_ISSUER: server.issuer, VITE_API: api, VITE_WORKER: kind };
  const before = { ...process.env };
  Object.assign(process.env, environment);
  const options = { root, configFile: `${root}/vite.config.ts`, logLevel: 'error' } as const;
  await build({ ...options, build: { outDir, emptyOutDir: true } });
  for (const name of Object.keys(environment)) {
    if (before[name] === undefined) delete process.env[name];
  }
  writeFileSync(join(outDir, 'attacker.js'), await bundlePage('attacker'));
  const page = join(outDir, 'index.html');
  const html = readFileSync(page, 'utf8').replace('<head>', '<head><script src="/attacker.js"></script>');
  writeFileSync(page, html);
  const served = await preview({
    ...options,
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0, strictPort: false },
  });
  return {
    url: `http://127.0.0.1:${(served.httpServer.address() as AddressInfo).port}/`,
    async close() {
      await served.close();
      rmSync(outDir, { recursive: true, force: true });
    },
  };
}
