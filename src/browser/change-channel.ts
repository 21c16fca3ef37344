/**
 * Word of changes between all tabs and workers of an origin: which key, and at which version it is. Never what is stored.
 *
 * @module
 */
import { whenItWakes } from './waking.ts';

/** What is said: this key is at that version now, gone (`null`), or its user has signed out. */
export interface Word {
  readonly key: string;
  readonly version: string | null | 'signed out';
}

/** Hears of a change, with what was said of it if it was said elsewhere. */
type Listener = (word?: Word) => void;

/** One subscription; the same listener may have several. */
class Watcher {
  #listener: Listener | undefined;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** A watcher's error is its own: the change that it is told of has long happened. */
  tell(word?: Word): void {
    try {
      this.#listener?.(word);
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
  readonly #asleep: 'closes' | 'stays open';
  readonly #watchers: Map<string, Set<Watcher>> = new Map();
  #channel: BroadcastChannel | undefined;
  #rest: (() => void) | undefined;

  /** @param asleep What it does while the page is in the back/forward cache. */
  constructor(name: string, asleep: 'closes' | 'stays open' = 'closes') {
    this.#name = name;
    this.#asleep = asleep;
  }

  /** Tells everyone, here and elsewhere. */
  tell(word: Word): void {
    this.changed(word.key, word);
    this.send(word);
  }

  /** Tells everyone elsewhere. */
  send(word: Word): void {
    const channel = this.#channel ?? open(this.#name);
    channel?.postMessage(word);
    if (channel !== this.#channel) channel?.close();
  }

  /** Tells those who watch here. */
  changed(key: string, word?: Word): void {
    for (const watcher of [...(this.#watchers.get(key) ?? [])]) queueMicrotask(() => watcher.tell(word));
  }

  watch(key: string, listener: Listener): () => void {
    const watcher = new Watcher(listener);
    const those = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, those.add(watcher));
    this.#open();
    return () => {
      watcher.stop();
      those.delete(watcher);
      if (those.size === 0 && this.#watchers.get(key) === those) this.#watchers.delete(key);
      if (this.#watchers.size === 0) this.#close();
    };
  }

  #open(): void {
    this.#listen();
    this.#rest ??= whenItWakes(
      () => this.#wake(),
      () => this.#asleep === 'closes' && this.#mute(),
    );
  }

  #close(): void {
    this.#mute();
    this.#rest?.();
    this.#rest = undefined;
  }

  #listen(): void {
    if (this.#channel !== undefined) return;
    this.#channel = open(this.#name);
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<Word>) =>
      this.changed(data.key, data),
    );
  }

  /** A page with an open channel is not kept in the back/forward cache by every browser. */
  #mute(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** What was said meanwhile was not heard: whoever wakes looks for itself, before anything else. */
  #wake(): void {
    this.#listen();
    for (const those of [...this.#watchers.values()]) for (const watcher of [...those]) watcher.tell();
  }
}

/** `undefined` where there are none, and in pages that may not: their watchers hear of this tab only. */
function open(name: string): BroadcastChannel | undefined {
  if (typeof BroadcastChannel === 'undefined') return undefined;
  const channel = new BroadcastChannel(name);
  (channel as { unref?: () => void }).unref?.(); // Node would stay up for it
  return channel;
}
