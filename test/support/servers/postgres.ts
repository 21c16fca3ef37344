import { execFileSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { binary, type Child, freePort, startServer, temporaryFolder } from './child.ts';

/** A PostgreSQL of a test's own, on loopback. */
export interface PostgresProcess {
  readonly port: number;
  readonly url: string;
  signal(signal: NodeJS.Signals): void;
  /** Ends it: `SIGTERM` waits for its clients, `SIGINT` sends them away, `SIGQUIT` is a crash. */
  end(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const packaged = '/usr/lib/postgresql/*/bin';

/** Makes a new cluster and starts it. PostgreSQL refuses to run as root, so then it is run as Debian's user for it. */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresProcess> {
  const folder = temporaryFolder();
  const data = join(folder.path, 'data');
  const identity = process.getuid?.() === 0 ? userFor() : undefined;
  if (identity !== undefined) chownSync(folder.path, identity.uid, identity.gid);
  const init = ['--no-sync', '-A', 'trust', '-U', 'tester', '-E', 'UTF8', '--locale=C.UTF-8', '-D', data];
  execFileSync(binary('initdb', packaged), init, { cwd: '/', stdio: 'pipe', ...identity });
  const port = await freePort();
  // A crash of the server is in scope, one of the machine is not: no waiting for the disk.
  const all = { listen_addresses: '127.0.0.1', port: `${port}`, fsync: 'off', ...settings };
  const start = (): Promise<Child> =>
    startServer({
      command: binary('postgres', packaged),
      parameters: [
        ...['-D', data, '-k', folder.path],
        ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      cwd: '/',
      ...identity,
      ready: /ready to accept connections/,
    });
  let child = await start();
  return {
    port,
    url: `postgres://tester@127.0.0.1:${port}/postgres`,
    signal: (signal) => child.signal(signal),
    end: (signal = 'SIGINT') => child.end(signal),
    async start() {
      child = await start();
    },
    async close() {
      await child.end('SIGQUIT');
      folder.remove();
    },
  };
}

function userFor(): { readonly uid: number; readonly gid: number } {
  const id = (what: string) => Number(execFileSync('id', [what, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
