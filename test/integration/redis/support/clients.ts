import { Redis } from 'ioredis';
import { createClient } from 'redis';
import type { RedisClient } from '../../../../src/redis/redis-client.ts';
import type { RedisProcess } from '../../../support/servers/redis.ts';

export const packages = ['redis', 'ioredis'] as const;
export type Package = (typeof packages)[number];

/** A client with what only tests do with it. */
export interface Connected {
  readonly client: RedisClient;
  /** The server's response to any command. */
  command(...words: string[]): Promise<unknown>;
  /** Closes the connection at once, and never connects again. */
  cut(): void;
}

/** Connects to Redis with either package. */
export async function connect(name: Package, { url }: Pick<RedisProcess, 'url'>): Promise<Connected> {
  if (name === 'ioredis') {
    const client = new Redis(url, { retryStrategy: () => 50 });
    client.on('error', () => undefined);
    await client.ping();
    const command = ([first = '', ...rest]: string[]) => client.call(first, ...rest);
    return { client, command: (...words) => command(words), cut: () => client.disconnect() };
  }
  const client = createClient({ url, socket: { reconnectStrategy: () => 50 } });
  client.on('error', () => undefined);
  await client.connect();
  return { client, command: (...words) => client.sendCommand(words), cut: () => client.destroy() };
}

/** Clients of one test, which end with it. */
export class Clients {
  readonly #name: Package;
  readonly #redis: Pick<RedisProcess, 'url'>;
  readonly #all: Connected[] = [];

  constructor(name: Package, redis: Pick<RedisProcess, 'url'>) {
    this.#name = name;
    this.#redis = redis;
  }

  async connect(): Promise<Connected> {
    const connected = await connect(this.#name, this.#redis);
    this.#all.push(connected);
    return connected;
  }

  close(): void {
    for (const { client, cut } of this.#all) {
      const isOpen = 'isOpen' in client ? client.isOpen : client.status !== 'end';
      if (isOpen) cut();
    }
  }
}
