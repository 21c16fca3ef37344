/**
 * Listeners by key.
 *
 * @module
 */

/** Listeners by key, isolated from each other. A key without listeners costs nothing. */
export class KeyedListeners {
  /** Subscriptions by key. A change creates a new array, so it does not disturb a loop over the old one. */
  readonly #subscriptions: Map<string, readonly Subscription[]> = new Map();

  /** The keys with listeners. */
  get keys(): readonly string[] {
    return [...this.#subscriptions.keys()];
  }

  /** Subscribes. Returns a function that unsubscribes. The same function may subscribe several times. */
  subscribe(key: string, listener: () => void): () => void {
    const subscription: Subscription = { listener };
    // `concat`, because spreading reserves memory for 16 more elements.
    this.#subscriptions.set(key, (this.#subscriptions.get(key) ?? []).concat(subscription));
    return () => {
      subscription.listener = undefined;
      const left = this.#subscriptions.get(key)?.filter((one) => one !== subscription) ?? [];
      if (left.length === 0) this.#subscriptions.delete(key);
      else this.#subscriptions.set(key, left);
    };
  }

  /**
   * Calls the listeners of a key after the current code has run. Their errors must not reach the code that made the change, or
   * other listeners.
   */
  notify(key: string): void {
    for (const subscription of this.#subscriptions.get(key) ?? []) {
      queueMicrotask(() => {
        try {
          subscription.listener?.();
        } catch {}
      });
    }
  }
}

interface Subscription {
  /** Listener of the subscription. `undefined`: the subscription has ended, so a pending notification does not call it. */
  listener: (() => void) | undefined;
}
