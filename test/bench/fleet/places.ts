/** Where a fleet keeps its sessions: what there is to share, started and ended, and how one of them opens it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenStorage } from 'tokenkeep';
import { startPostgres } from '../../support/servers/postgres.ts';
import { startRedis } from '../../support/servers/redis.ts';
import { SecretService } from '../../support/servers/secret-service.ts';

export type Place =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'keyring'; readonly directory: string }
  | { readonly kind: 'redis' | 'postgres'; readonly url: string };

export interface Places extends AsyncDisposable {
  readonly all: readonly Place[];
}

/** Starts everything. Processes that find the keyring are started afterwards. */
export async function openPlaces(): Promise<Places> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-bench-'));
  const ring = await SecretService.start();
  // As they come, but for Postgres: the tests let it answer before anything is on the disk.
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres({ fsync: 'on' })]);
  const { Pool } = await import('pg');
  const { postgresTable } = await import('tokenkeep/postgres');
  const pool = new Pool({ connectionString: postgres.url });
  await pool.query(postgresTable());
  await pool.end();
  return {
    all: [
      { kind: 'file', path: join(folder, 'private', 'tokens') },
      { kind: 'keyring', directory: join(folder, 'keyring') },
      { kind: 'redis', url: redis.url },
      { kind: 'postgres', url: postgres.url },
    ],
    async [Symbol.asyncDispose]() {
      await Promise.all([redis.close(), postgres.close(), ring[Symbol.asyncDispose]()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Opens a place in this process. Each module is loaded by those that need it. */
export async function open(place: Place): Promise<TokenStorage> {
  switch (place.kind) {
    case 'memory':
      return (await import('tokenkeep')).memoryStorage();
    case 'file':
      return (await import('tokenkeep/node')).fileStorage({ path: place.path });
    case 'keyring': {
      const { keyringStorage } = await import('tokenkeep/node');
      return keyringStorage({ service: 'tokenkeep-bench', directory: place.directory });
    }
    case 'redis': {
      const { createClient } = await import('redis');
      const { redisStorage } = await import('tokenkeep/redis');
      const client = createClient({ url: place.url });
      await client.connect();
      return redisStorage({ client });
    }
    case 'postgres': {
      const { Pool } = await import('pg');
      const { postgresStorage } = await import('tokenkeep/postgres');
      // Of 32 processes none may take more than its share of the 100 connections that a Postgres has by default.
      return postgresStorage({ pool: new Pool({ connectionString: place.url, max: 3 }) });
    }
  }
}
