/**
 * Listeners by key.
 *
 * @module
 */

/** Listeners by key, isolated from each other. A key without listeners costs nothing. */
export class KeyedListeners {
  readonly #calls: Map<string, Set<() => void>> = new Map();

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  /** Subscribes; returns how to stop. The same function may subscribe several times. */
  subscribe(key: string, listener: () => void): () => void {
    const calls = this.#calls.get(key) ?? new Set();
    // A listener's error must not reach the code that made the change, or other listeners.
    const call = (): void => {
      try {
        if (calls.has(call)) listener(); // a notification on its way does not reach a listener that has left
      } catch {}
    };
    this.#calls.set(key, calls.add(call));
    return () => {
      calls.delete(call);
      if (calls.size === 0 && this.#calls.get(key) === calls) this.#calls.delete(key);
    };
  }

  /** Calls the listeners of a key, after the code that runs now. */
  notify(key: string): void {
    for (const call of this.#calls.get(key) ?? []) queueMicrotask(call);
  }

  /** Calls all listeners at once, after a time in which notifications may have been missed. */
  notifyAll(): void {
    for (const calls of [...this.#calls.values()]) for (const call of [...calls]) call();
  }
}
