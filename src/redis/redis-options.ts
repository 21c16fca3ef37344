/**
 * The options of `redisStorage()`, and their checks.
 *
 * @module
 */
import { ConfigurationError } from '../core/errors.ts';
import {
  isCallbackClient,
  isClientPool,
  isCluster,
  isIoredis,
  isRedisClient,
  type RedisClient,
} from './redis-client.ts';

/** Options of {@link redisStorage}. */
export interface RedisStorageOptions {
  /** A client of `redis` (node-redis) or `ioredis`, connected or connecting. tokenkeep does not close it. */
  readonly client: RedisClient;
  /** Prefix of all keys, so that other data in the same Redis is not touched. @default 'tokenkeep' */
  readonly prefix?: string | undefined;
  /**
   * Separate connection for change notifications, connected and of the same package as `client`. tokenkeep does not close it.
   *
   * @default a duplicate of `client`, opened for the first watcher and closed after the last one
   */
  readonly subscriber?: RedisClient | undefined;
  /**
   * Time until the lock of a dead holder expires, in ms. It must exceed the longest refresh: the `timeout` of the manager
   * plus 10 s. A live holder renews it.
   *
   * @default 45_000
   */
  readonly lease?: number | undefined;
  /**
   * Replication of a write, for a primary with replicas. A write resolves when this number of `replicas` has it, and rejects
   * with a `StorageError` after `timeout` ms. Without it, a failover can restore a refresh token that is already spent. Not
   * for a cluster.
   */
  readonly wait?: { readonly replicas: number; readonly timeout: number } | undefined;
  /**
   * Time that a session is kept after its last change, in ms, if its server does not report the lifetime of its
   * refresh token. If the server reports it, the session is kept until a day after that. @default forever
   */
  readonly expireAfter?: number | undefined;
  /** Time limit of one operation, in ms, including a reconnection. @default 10_000 */
  readonly timeout?: number | undefined;
}

/** The options with their defaults. */
export interface RedisSettings
  extends Pick<RedisStorageOptions, 'client' | 'subscriber' | 'wait' | 'expireAfter'> {
  readonly prefix: string;
  readonly lease: number;
  readonly timeout: number;
}

/** @throws ConfigurationError that names the option and the remedy. */
export function checkRedisOptions(options: RedisStorageOptions): RedisSettings {
  const { client, subscriber, wait, prefix = 'tokenkeep', ...durations } = options ?? {};
  checkClient('client', client);
  if (subscriber !== undefined) checkClient('subscriber', subscriber);
  if (subscriber !== undefined && isIoredis(subscriber) !== isIoredis(client)) {
    refuse('subscriber', 'must be a client of the same package as the option client.');
  }
  if (subscriber === client) refuse('subscriber', 'must be another connection than the client.');
  if (typeof prefix !== 'string' || !/^[^{}]+$/.test(prefix)) {
    refuse(
      'prefix',
      'must be a non-empty string without braces: they would decide where a cluster puts a key.',
    );
  }
  const { lease = 45_000, timeout = 10_000, expireAfter, ...others } = durations;
  for (const [name, value] of Object.entries({ lease, timeout, expireAfter })) {
    if (value !== undefined && !isDuration(value)) refuse(name, 'must be a positive number of milliseconds.');
  }
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) refuse(unknown, 'is not known.');
  checkWait(wait, client);
  return { client, subscriber, wait, prefix, lease, timeout, expireAfter };
}

function checkClient(name: 'client' | 'subscriber', client: RedisClient): void {
  if (isClientPool(client)) {
    refuse(
      name,
      'is a pool of clients. Pass one client, createClient(): announcements need their own connection.',
    );
  }
  if (isCallbackClient(client)) {
    refuse(
      name,
      'is a client of redis 3 or older, which answers to callbacks. Install redis 4 or newer, or ioredis.',
    );
  }
  if (!isRedisClient(client)) refuse(name, 'must be a client of redis (node-redis) or ioredis.');
}

function checkWait(wait: RedisStorageOptions['wait'], client: RedisClient): void {
  if (wait === undefined) return;
  if (!Number.isInteger(wait?.replicas) || wait.replicas < 1 || !isDuration(wait.timeout)) {
    refuse('wait', 'must be { replicas, timeout }, such as { replicas: 1, timeout: 1000 }.');
  }
  if (isCluster(client)) {
    refuse(
      'wait',
      'does not work with a cluster: WAIT would ask a node that does not have the session. Remove it.',
    );
  }
}

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 2 ** 53 - 1;
}

function refuse(name: string, problem: string): never {
  throw new ConfigurationError(`redisStorage(): the option ${name} ${problem}`);
}
