/** Where a session process keeps its session. Each is loaded only when it is used: many processes start at a time. */
import type { TokenStorage } from '../../../src/core/contracts.ts';
import type { KeyringStorageOptions } from '../../../src/node/keyring-storage.ts';

/** A server that several machines would share, or the file of the storage in `examples/bring-your-own-storage`. */
export interface Place {
  readonly kind: 'redis' | 'ioredis' | 'postgres' | 'sqlite';
  readonly url: string;
  readonly lease?: number;
}

/** The storage that a process opens: a file, unless a server or a keyring is named. */
interface Places {
  readonly path: string;
  readonly place?: Place;
  readonly keyring?: KeyringStorageOptions;
}

export async function openPlace({ path, place, keyring }: Places): Promise<TokenStorage> {
  if (keyring !== undefined) {
    const { keyringStorage } = await import('../../../src/node/keyring-storage.ts');
    return keyringStorage(keyring);
  }
  if (place === undefined) {
    const { fileStorage } = await import('../../../src/node/file-storage.ts');
    return fileStorage({ path });
  }
  if (place.kind === 'sqlite') {
    const { sqliteStorage } = await import('../../../examples/bring-your-own-storage/sqlite-storage.ts');
    return sqliteStorage(place.url);
  }
  const lease = place.lease === undefined ? {} : { lease: place.lease };
  if (place.kind === 'postgres') {
    const { Pool } = await import('pg');
    const { postgresStorage } = await import('../../../src/postgres/index.ts');
    const pool = new Pool({ connectionString: place.url, max: 2, idleTimeoutMillis: 100 });
    pool.on('error', ignore);
    return postgresStorage({ pool, ...lease });
  }
  const { redisStorage } = await import('../../../src/redis/index.ts');
  return redisStorage({ client: await redisClient(place), ...lease });
}

async function redisClient({ kind, url }: Place) {
  if (kind === 'ioredis') {
    const { Redis } = await import('ioredis');
    const client = new Redis(url, { retryStrategy: () => 50 });
    client.on('error', ignore);
    await client.ping();
    return client;
  }
  const { createClient } = await import('redis');
  const client = createClient({ url, socket: { reconnectStrategy: () => 50 } });
  client.on('error', ignore);
  await client.connect();
  return client;
}

/** They connect again by themselves; what fails meanwhile is an error of the storage. */
function ignore(): void {}
