/**
 * One connection for all announcements: what has changed, and which lock is free. Open while somebody watches.
 *
 * @module
 */
import { Hearing } from '../fleet/hearing.ts';
import { later } from '../fleet/patience.ts';
import { isConnecting, isIoredis, type RedisClient } from './redis-client.ts';
import type { RedisSettings } from './redis-options.ts';

/** What both packages have for a connection that hears. */
interface Subscriber {
  // biome-ignore lint/suspicious/noExplicitAny: the listeners of an event take what the client gives them
  on(event: string, listener: (...values: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  off(event: string, listener: (...values: any[]) => void): unknown;
  subscribe(channel: string, listener?: (message: string) => void): Promise<unknown>;
  unsubscribe(channel: string, listener?: (message: string) => void): Promise<unknown>;
  /** node-redis */
  connect?(): Promise<unknown>;
  destroy?(): void;
  /** ioredis */
  disconnect?(): unknown;
}

export class Announcements {
  readonly channel: string;
  readonly #settings: RedisSettings;
  readonly #hearing: Hearing = new Hearing();
  #close: (() => void) | undefined = undefined;

  constructor(settings: RedisSettings) {
    this.#settings = settings;
    this.channel = `${settings.prefix}:changes`;
    // The connection is ours, but nobody who closes his client should have to know of it.
    settings.client.on('end', () => this.#end());
    settings.client.on('ready', () => {
      if (!this.areHeard && !this.#hearing.isEmpty) this.#open();
    });
  }

  /** Whether announcements are heard, so that whoever waits for one need not look so often. */
  get areHeard(): boolean {
    return this.#close !== undefined;
  }

  /** Calls back when something is said about `key`, and when something may have been said that nobody heard. */
  listen(key: string, hear: () => void): () => void {
    const stop = this.#hearing.listen(key, hear);
    if (this.#close === undefined) this.#open();
    return () => {
      stop();
      if (this.#hearing.isEmpty) this.#end();
    };
  }

  /** Calls back while announcements are heard anyway: waiting for a lock is no reason to open a connection. */
  overhear(key: string, hear: () => void): () => void {
    return this.areHeard ? this.listen(key, hear) : () => undefined;
  }

  #end(): void {
    this.#close?.();
    this.#close = undefined;
  }

  #open(): void {
    const { client, subscriber } = this.#settings;
    const own = subscriber === undefined;
    const connection = (subscriber ?? client.duplicate()) as Subscriber & RedisClient;
    const tell = (message: unknown): void => this.#hearing.tell(String(message));
    const tellOf = (channel: unknown, message: unknown): void => {
      if (String(channel) === this.channel) tell(message);
    };
    const listener = isIoredis(connection) ? [] : [tell]; // ioredis has an event for all channels
    const subscribe = untilItSucceeds(async () => {
      if (own && needsConnect(connection)) await connection.connect?.(); // its event `ready` brings us back here
      if (isConnecting(connection)) return;
      await connection.subscribe(this.channel, ...listener);
      this.#hearing.tellAll();
    });
    // It connects again by itself; without a listener its errors would end the process.
    if (own) connection.on('error', () => undefined);
    connection.on('ready', subscribe.now);
    if (isIoredis(connection)) connection.on('message', tellOf);
    subscribe.now();
    this.#close = () => {
      subscribe.stop();
      connection.off('ready', subscribe.now);
      connection.off('message', tellOf);
      if (own) disconnect(connection);
      else connection.unsubscribe(this.channel, ...listener).catch(() => undefined);
    };
  }
}

/** One of node-redis that was not told to connect; those of ioredis do it when they are made, or first used. */
function needsConnect(connection: RedisClient): boolean {
  return !isIoredis(connection) && !connection.isOpen;
}

function disconnect(connection: Subscriber): void {
  try {
    if (connection.destroy !== undefined) connection.destroy();
    else void connection.disconnect?.();
  } catch {
    // It was closed already.
  }
}

/** Runs `attempt`, and again a second after it failed, until it succeeds or is stopped. */
function untilItSucceeds(attempt: () => Promise<void>): {
  readonly now: () => void;
  readonly stop: () => void;
} {
  let isStopped = false;
  let cancel = (): void => undefined;
  const now = (): void => {
    cancel();
    if (isStopped) return;
    attempt().catch(() => {
      if (!isStopped) cancel = later(now, 1000);
    });
  };
  const stop = (): void => {
    isStopped = true;
    cancel();
  };
  return { now, stop };
}
