/**
 * Word of changes between all tabs and workers of an origin: which key, and at which version it is. Never what is stored.
 *
 * @module
 */
import { onPageLifecycle } from './page-lifecycle.ts';

/** The version that a key has now. `null`: it was deleted. */
export interface ChangeMessage {
  readonly key: string;
  readonly version: string | null;
}

/** Hears of a change, with what was said of it if it was said elsewhere. */
type ChangeListener = (message?: ChangeMessage) => void;

/** One subscription; the same listener may have several. */
class Watcher {
  #listener: ChangeListener | undefined;

  constructor(listener: ChangeListener) {
    this.#listener = listener;
  }

  /** A watcher's error is its own: the change that it is told of has long happened. */
  notify(message?: ChangeMessage): void {
    try {
      this.#listener?.(message);
    } catch {}
  }

  /** Also for what is on its way. */
  stop(): void {
    this.#listener = undefined;
  }
}

/** A channel of one name: who writes tells, who watches hears. It is open only while someone watches. */
export class ChangeChannel {
  readonly #name: string;
  readonly #watchers: Map<string, Set<Watcher>> = new Map();
  #channel: BroadcastChannel | undefined;
  #stopWatchingPage: (() => void) | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Tells everyone, here and elsewhere. */
  publish(message: ChangeMessage): void {
    this.notifyLocal(message.key, message);
    const channel = this.#channel ?? openChannel(this.#name);
    channel?.postMessage(message);
    if (channel !== this.#channel) channel?.close();
  }

  /** Tells those who watch here. */
  notifyLocal(key: string, message?: ChangeMessage): void {
    for (const watcher of [...(this.#watchers.get(key) ?? [])]) queueMicrotask(() => watcher.notify(message));
  }

  watch(key: string, listener: ChangeListener): () => void {
    const watcher = new Watcher(listener);
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers.add(watcher));
    this.#start();
    return () => {
      watcher.stop();
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(key) === watchers) this.#watchers.delete(key);
      if (this.#watchers.size === 0) this.#stop();
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
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<ChangeMessage>) =>
      this.notifyLocal(data.key, data),
    );
  }

  /** A page with an open channel is not kept in the back/forward cache by every browser. */
  #disconnect(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** What was said meanwhile was not heard: whoever wakes looks for itself, before anything else. */
  #resume(): void {
    this.#connect();
    for (const watchers of [...this.#watchers.values()])
      for (const watcher of [...watchers]) watcher.notify();
  }
}

/** `undefined` where there are none, and in pages that may not: their watchers hear of this tab only. */
function openChannel(name: string): BroadcastChannel | undefined {
  if (typeof BroadcastChannel === 'undefined') return undefined;
  const channel = new BroadcastChannel(name);
  (channel as { unref?: () => void }).unref?.(); // Node would stay up for it
  return channel;
}
