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
process.on('exit', endAll);
// A runner ends a process of tests in this way, also one whose hook has timed out and has closed nothing.
process.once('SIGTERM', () => {
  endAll();
  process.kill(process.pid, 'SIGTERM');
});

function endAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

export interface ServerCommand {
  readonly command: string;
  readonly parameters: readonly string[];
  readonly cwd: string;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly env?: NodeJS.ProcessEnv;
  /** Written to its standard input. */
  readonly input?: string | undefined;
  /** The output that shows that it is ready. @default none, and the caller finds out */
  readonly ready?: RegExp;
}

/** Starts a server and resolves when it says that it is ready. One that ends by itself later is reported. */
export async function startServer({
  command,
  parameters,
  ready,
  input,
  ...where
}: ServerCommand): Promise<Child> {
  const identity = where.uid === undefined ? {} : { uid: where.uid, gid: where.gid };
  const child = spawn(command, parameters, {
    cwd: where.cwd,
    ...identity,
    ...(where.env && { env: where.env }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(input);
  running.add(child);
  let said = '';
  let isEnded = false;
  const gone = once(child, 'exit').then(([code, signal]) => {
    running.delete(child);
    // Each test that needs the server fails from now on. This is the cause.
    if (!isEnded) console.error(`${command} ended by itself, by ${signal ?? `code ${code}`}:\n${said}`);
  });
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said = (said + chunk).slice(-5000);
      if (ready?.test(said)) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject);
    if (ready === undefined) child.once('spawn', resolve);
    void gone.then(() => reject(new Error(`${command} ended before it was ready:\n${said}`)));
  });
  return {
    pid: child.pid as number,
    signal: (signal) => void child.kill(signal),
    async end(signal = 'SIGTERM') {
      isEnded = true;
      child.kill(signal);
      if (signal !== 'SIGKILL') child.kill('SIGCONT'); // a stopped one receives no other signal
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
