/**
 * One connection for all notifications: changed keys and released locks. It is open while there are watchers.
 *
 * @module
 */

import { setUnrefTimeout } from '../async/abortable.ts';
import { KeyedListeners } from '../async/keyed-listeners.ts';
import { isConnecting, isIoredis, type RedisClient } from './redis-client.ts';
import type { RedisSettings } from './redis-options.ts';

/** The common part of both packages for a subscribed connection. */
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

export class ChangeNotifications {
  readonly channel: string;
  readonly #settings: RedisSettings;
  readonly #listeners: KeyedListeners = new KeyedListeners();
  #closeConnection: (() => void) | undefined = undefined;

  constructor(settings: RedisSettings) {
    this.#settings = settings;
    this.channel = `${settings.prefix}:changes`;
    // tokenkeep opened the connection, so it closes it without the application.
    settings.client.on('end', () => this.#close());
    settings.client.on('ready', () => {
      if (!this.isOpen && this.#listeners.keys.length > 0) this.#open();
    });
  }

  /** Returns whether notifications arrive, so that waiters can poll less often. */
  get isOpen(): boolean {
    return this.#closeConnection !== undefined;
  }

  /** Calls back for a notification of `key`, and when a notification may have been missed. */
  subscribe(key: string, listener: () => void): () => void {
    const stop = this.#listeners.subscribe(key, listener);
    if (this.#closeConnection === undefined) this.#open();
    return () => {
      stop();
      if (this.#listeners.keys.length === 0) this.#close();
    };
  }

  /** Calls back for notifications while the connection is open anyway: waiting for a lock does not open one. */
  subscribeIfOpen(key: string, listener: () => void): () => void {
    return this.isOpen ? this.subscribe(key, listener) : () => undefined;
  }

  #close(): void {
    this.#closeConnection?.();
    this.#closeConnection = undefined;
  }

  #open(): void {
    const { client, subscriber } = this.#settings;
    const own = subscriber === undefined;
    const connection = (subscriber ?? client.duplicate()) as Subscriber & RedisClient;
    const notify = (message: unknown): void => this.#listeners.notify(String(message));
    const onMessage = (channel: unknown, message: unknown): void => {
      if (String(channel) === this.channel) notify(message);
    };
    const listener = isIoredis(connection) ? [] : [notify]; // ioredis emits one event for all channels
    const subscribe = retryUntilSuccess(async () => {
      if (own && needsConnect(connection)) await connection.connect?.(); // its event `ready` calls this method again
      if (isConnecting(connection)) return;
      await connection.subscribe(this.channel, ...listener);
      for (const key of this.#listeners.keys) this.#listeners.notify(key);
    });
    // It reconnects by itself; without a listener its errors would end the process.
    if (own) connection.on('error', () => undefined);
    connection.on('ready', subscribe.now);
    if (isIoredis(connection)) connection.on('message', onMessage);
    subscribe.now();
    this.#closeConnection = () => {
      subscribe.stop();
      connection.off('ready', subscribe.now);
      connection.off('message', onMessage);
      if (own) disconnect(connection);
      else connection.unsubscribe(this.channel, ...listener).catch(() => undefined);
    };
  }
}

/** Returns whether a client of node-redis is not connected yet; those of ioredis connect when they are created, or first used. */
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

/** Runs `attempt`, and again a second after each failure, until it succeeds or is stopped. */
function retryUntilSuccess(attempt: () => Promise<void>): {
  readonly now: () => void;
  readonly stop: () => void;
} {
  let isStopped = false;
  let cancel = (): void => undefined;
  const now = (): void => {
    cancel();
    if (isStopped) return;
    attempt().catch(() => {
      if (!isStopped) cancel = setUnrefTimeout(now, 1000);
    });
  };
  const stop = (): void => {
    isStopped = true;
    cancel();
  };
  return { now, stop };
}
