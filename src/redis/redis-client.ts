/**
 * The part of the clients of Redis that is used, by shape: tokenkeep imports neither of them.
 *
 * @module
 */

/** Keys and arguments of a script, as in node-redis. */
export interface ScriptCall {
  keys: string[];
  arguments: string[];
}

/** The result of `createClient()` and `createCluster()` of the package `redis`, as far as it is used. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  /** Runs a cached script by its hash. */
  evalSha(sha1: string, call: ScriptCall): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, call: ScriptCall): Promise<unknown>;
  /** Returns another connection with the same options, not connected yet. */
  duplicate(): unknown;
  /** Subscribes to an event. */
  // biome-ignore lint/suspicious/noExplicitAny: the listeners of an event take what the client gives them
  on(event: string, listener: (...values: any[]) => void): unknown;
}

/** The result of `new Redis()` and `new Cluster()` of the package `ioredis`, as far as it is used. */
export interface IoredisClient {
  readonly status: string;
  /** Runs a cached script by its hash. */
  evalsha(sha1: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  /** Runs a script. */
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  /** Returns another connection with the same options, not connected yet. */
  duplicate(): unknown;
  /** Subscribes to an event. */
  // biome-ignore lint/suspicious/noExplicitAny: the listeners of an event take what the client gives them
  on(event: string, listener: (...values: any[]) => void): unknown;
}

/** A client of either package, connected or connecting. */
export type RedisClient = NodeRedisClient | IoredisClient;

/** Other members that both clients have. Not part of the public types: a cluster lacks some of them. */
interface Common {
  /** Set by node-redis, but not by its cluster. */
  readonly isReady?: boolean;
  /** Set by ioredis. */
  readonly isCluster?: boolean;
  /** Set by a cluster of node-redis. */
  readonly masters?: unknown;
  wait(replicas: number, timeout: number): Promise<number>;
  once(event: string, listener: () => void): unknown;
}

export function isIoredis(client: RedisClient): client is IoredisClient {
  return typeof (client as Partial<IoredisClient>).evalsha === 'function';
}

export function isRedisClient(value: unknown): value is RedisClient {
  const client = (value ?? {}) as Partial<NodeRedisClient & IoredisClient>;
  const runsScripts = typeof client.evalSha === 'function' || typeof client.evalsha === 'function';
  return runsScripts && typeof client.eval === 'function' && typeof client.on === 'function';
}

/** Returns whether a value is a `createClientPool()` of node-redis, which runs scripts but cannot subscribe. */
export function isClientPool(value: unknown): boolean {
  return typeof (value as { totalClients?: unknown } | null)?.totalClients === 'number';
}

/** Returns whether a value is a client of redis 3. It has the methods of ioredis, but no status, and calls back with replies. */
export function isCallbackClient(value: unknown): boolean {
  const { evalsha, status } = (value ?? {}) as Partial<IoredisClient>;
  return typeof evalsha === 'function' && typeof status !== 'string' && isRedisClient(value);
}

export function isCluster(client: RedisClient): boolean {
  const { isCluster, masters } = client as unknown as Common;
  return isCluster === true || masters !== undefined;
}

/** Returns whether the client will connect by itself. Commands wait until then in a queue without a limit. */
export function isConnecting(client: RedisClient): boolean {
  if (isIoredis(client)) return ['connecting', 'connect', 'close', 'reconnecting'].includes(client.status);
  return client.isOpen && (client as unknown as Common).isReady === false;
}

export function whenReady(client: RedisClient): Promise<void> {
  return new Promise((resolve) => (client as unknown as Common).once('ready', resolve));
}

/** Resolves with the number of replicas that have the writes of this connection. */
export function waitForReplicas(client: RedisClient, replicas: number, timeout: number): Promise<number> {
  return (client as unknown as Common).wait(replicas, timeout);
}

/** Runs a script: `by` selects whether `text` is its hash or the script itself. */
export function runScript(
  client: RedisClient,
  by: 'hash' | 'text',
  text: string,
  call: ScriptCall,
): Promise<unknown> {
  if (!isIoredis(client)) {
    const run = by === 'hash' ? client.evalSha : client.eval;
    return run.call(client, text, call);
  }
  const run = by === 'hash' ? client.evalsha : client.eval;
  return run.call(client, text, call.keys.length, ...call.keys, ...call.arguments);
}
