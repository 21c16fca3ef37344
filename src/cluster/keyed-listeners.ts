/**
 * Who is told of what: listeners by name.
 *
 * @module
 */

/** Listeners by name. A name that nobody listens to costs nothing. */
export class KeyedListeners {
  readonly #listeners: Map<string, Set<{ readonly listener: () => void }>> = new Map();

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  /** Returns how to stop. The same function may listen several times. */
  subscribe(key: string, listener: () => void): () => void {
    const subscriptions = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, subscriptions);
    const subscription = { listener };
    subscriptions.add(subscription);
    return () => {
      subscriptions.delete(subscription);
      if (subscriptions.size === 0 && this.#listeners.get(key) === subscriptions) this.#listeners.delete(key);
    };
  }

  notify(key: string): void {
    for (const { listener } of [...(this.#listeners.get(key) ?? [])]) callSafely(listener);
  }

  /** After a time in which nothing could be heard: anything may have changed. */
  notifyAll(): void {
    for (const key of [...this.#listeners.keys()]) this.notify(key);
  }
}

function callSafely(listener: () => void): void {
  try {
    listener();
  } catch {
    // A listener's error is its own: it must not keep the others from being told.
  }
}
