import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { build } from '../../../support/package/bundle.ts';

const source = resolve('test/package/support/engines/worker.ts');
const entry = `import { answer } from '${source}'; export default { fetch: answer };`;

/** The runtime of Cloudflare's workers, with one worker, nothing of Node, and a network that reaches loopback. */
export async function workerd(
  folder: string,
): Promise<AsyncDisposable & { ask(path: string, body: unknown, signal?: AbortSignal): Promise<unknown> }> {
  const [chunk] = await build(entry, {}, { format: 'es', codeSplitting: false });
  writeFileSync(join(folder, 'worker.js'), chunk?.code ?? '');
  writeFileSync(join(folder, 'config.capnp'), config);
  const child = spawn(
    'test/package/engines/node_modules/.bin/workerd',
    ['serve', join(folder, 'config.capnp'), '--control-fd=3'],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    },
  );
  const exited = once(child, 'exit');
  const [line] = await once(child.stdio[3] as Readable, 'data');
  const { port } = JSON.parse(String(line).split('\n')[0] ?? '');
  return {
    async ask(path, body, signal) {
      const init = { method: 'POST', body: JSON.stringify(body), ...(signal && { signal }) };
      return await (await fetch(`http://127.0.0.1:${port}${path}`, init)).json();
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
    },
  };
}

const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      compatibilityDate = "2026-10-01")),
    (name = "internet", network = (allow = ["local", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
`;
