import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A server that a test started. It does not outlive the test. */
export interface Child {
  readonly pid: number;
  signal(signal: NodeJS.Signals): void;
  /** Ends it and resolves when it is gone; `SIGKILL` takes no leave. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface ServerCommand {
  readonly command: string;
  readonly parameters: readonly string[];
  readonly cwd: string;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** What it says when it can be used. */
  readonly ready: RegExp;
}

/** Starts a server and resolves when it says that it is ready. */
export async function startServer({ command, parameters, ready, ...where }: ServerCommand): Promise<Child> {
  const identity = where.uid === undefined ? {} : { uid: where.uid, gid: where.gid };
  const child = spawn(command, parameters, {
    cwd: where.cwd,
    ...identity,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const gone = once(child, 'exit').then(() => void running.delete(child));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said = (said + chunk).slice(-5000);
      if (ready.test(said)) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject);
    void gone.then(() => reject(new Error(`${command} ended before it was ready:\n${said}`)));
  });
  return {
    pid: child.pid as number,
    signal: (signal) => void child.kill(signal),
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      if (signal !== 'SIGKILL') child.kill('SIGCONT'); // a stopped one hears nothing
      await gone;
    },
  };
}

/** Where a program is. */
export function binary(name: string, ...alsoIn: readonly string[]): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin'];
  const found = [...alsoIn.flatMap((pattern) => globSync(pattern).sort().reverse()), ...folders]
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  if (found === undefined)
    throw new Error(`${name} is missing. On Debian install it with: .ci/debian-packages`);
  return found;
}

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A folder for what a server writes, and how to remove it. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tokenkeep-server-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
