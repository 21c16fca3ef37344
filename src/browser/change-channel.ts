/**
 * Announces changes to all tabs and workers of an origin: the key, never what is stored.
 *
 * @module
 */
import { KeyedListeners } from '../async/keyed-listeners.ts';
import { onPageLifecycle } from './page-lifecycle.ts';

/** A channel of one name. It is open only while there are listeners. */
export class ChangeChannel {
  readonly #name: string;
  readonly #listeners: KeyedListeners = new KeyedListeners();
  #channel: BroadcastChannel | undefined;
  #stopWatchingPage: (() => void) | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Notifies the listeners of a key in all tabs and workers of the origin. */
  publish(key: string): void {
    this.notifyLocal(key);
    const channel = this.#channel ?? openChannel(this.#name);
    channel?.postMessage({ key });
    if (channel !== this.#channel) channel?.close();
  }

  /** Notifies the listeners of a key in this tab. */
  notifyLocal(key: string): void {
    this.#listeners.notify(key);
  }

  watch(key: string, listener: () => void): () => void {
    const stop = this.#listeners.subscribe(key, listener);
    this.#start();
    return () => {
      stop();
      if (this.#listeners.keys.length === 0) this.#stop();
    };
  }

  #start(): void {
    this.#connect();
    this.#stopWatchingPage ??= onPageLifecycle(
      () => this.#resume(),
      () => this.#disconnect(),
    );
  }

  #stop(): void {
    this.#disconnect();
    this.#stopWatchingPage?.();
    this.#stopWatchingPage = undefined;
  }

  #connect(): void {
    if (this.#channel !== undefined) return;
    this.#channel = openChannel(this.#name);
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<{ readonly key: string }>) =>
      this.notifyLocal(data.key),
    );
  }

  /** Closes the channel, because some browsers do not keep a page with an open channel in the back/forward cache. */
  #disconnect(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** Messages sent meanwhile were lost. So a page that wakes up reads the storage first. */
  #resume(): void {
    this.#connect();
    for (const key of this.#listeners.keys) this.#listeners.notify(key);
  }
}

/**
 * Opens a channel. Returns `undefined` where there are no channels, and in pages that may not use them: watchers there see only the
 * changes of this tab.
 */
export function openChannel(name: string): BroadcastChannel | undefined {
  if (typeof BroadcastChannel === 'undefined') return undefined;
  const channel = new BroadcastChannel(name);
  (channel as { unref?: () => void }).unref?.(); // an open channel would keep Node running
  return channel;
}
