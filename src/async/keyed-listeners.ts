/**
 * Listeners by key.
 *
 * @module
 */

interface Subscription {
  /** `undefined` once it has ended, so that a notification on its way does not reach the listener. */
  listener: (() => void) | undefined;
}

/** Listeners by key, isolated from each other. A key without listeners costs nothing. */
export class KeyedListeners {
  readonly #subscriptions: Map<string, Set<Subscription>> = new Map();

  get isEmpty(): boolean {
    return this.#subscriptions.size === 0;
  }

  /** Subscribes; returns how to stop. The same function may subscribe several times. */
  subscribe(key: string, listener: () => void): () => void {
    const subscription: Subscription = { listener };
    const subscriptions = this.#subscriptions.get(key) ?? new Set();
    this.#subscriptions.set(key, subscriptions.add(subscription));
    return () => {
      subscription.listener = undefined;
      subscriptions.delete(subscription);
      if (subscriptions.size === 0 && this.#subscriptions.get(key) === subscriptions)
        this.#subscriptions.delete(key);
    };
  }

  /** Calls the listeners of a key, after the code that runs now. */
  notify(key: string): void {
    for (const subscription of this.#subscriptions.get(key) ?? []) queueMicrotask(() => call(subscription));
  }

  /** Calls all listeners at once, after a time in which notifications may have been missed. */
  notifyAll(): void {
    for (const subscriptions of [...this.#subscriptions.values()]) [...subscriptions].forEach(call);
  }
}

/** A listener's error must not reach the code that made the change, or other listeners. */
function call({ listener }: Subscription): void {
  try {
    listener?.();
  } catch {}
}
