import { Redis } from 'ioredis';
import { binary, type Child, freePort, startServer, temporaryFolder } from './child.ts';

/** A Redis of a test's own, on loopback. */
export interface RedisProcess {
  readonly port: number;
  readonly url: string;
  /** The response to an administrator. */
  command(...words: string[]): Promise<unknown>;
  signal(signal: NodeJS.Signals): void;
  /** Ends it. With `SIGKILL` it has no time to notify clients. */
  end(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port, with what it has on disk. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface RedisChoice {
  /** It writes everything to disk before it answers. @default false: it forgets everything when it ends */
  readonly isDurable?: boolean;
  readonly replicaOf?: { readonly port: number };
  readonly more?: readonly string[];
}

export async function startRedis({
  isDurable,
  replicaOf,
  more = [],
}: RedisChoice = {}): Promise<RedisProcess> {
  const folder = temporaryFolder();
  const port = await freePort();
  const durability = isDurable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const primary = replicaOf === undefined ? [] : ['--replicaof', '127.0.0.1', `${replicaOf.port}`];
  const start = (): Promise<Child> =>
    startServer({
      command: binary('redis-server'),
      parameters: [
        ...['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--repl-diskless-sync-delay', '0'],
        ...durability,
        ...primary,
        ...more,
      ],
      cwd: folder.path,
      ready: /ready to accept/i,
    });
  let child = await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async command(first = 'PING', ...rest) {
      const client = new Redis(port, '127.0.0.1', { retryStrategy: () => null });
      try {
        return await client.call(first, ...rest);
      } finally {
        client.disconnect();
      }
    },
    signal: (signal) => child.signal(signal),
    end: (signal) => child.end(signal),
    async restart() {
      await child.end();
      child = await start();
    },
    async close() {
      await child.end('SIGKILL');
      folder.remove();
    },
  };
}
