/**
 * Who is told of what: listeners by name.
 *
 * @module
 */

/** Listeners by name. A name that nobody listens to costs nothing. */
export class Hearing {
  readonly #listeners: Map<string, Set<{ readonly hear: () => void }>> = new Map();

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  /** Returns how to stop. The same function may listen several times. */
  listen(name: string, hear: () => void): () => void {
    const those = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, those);
    const one = { hear };
    those.add(one);
    return () => {
      those.delete(one);
      if (those.size === 0 && this.#listeners.get(name) === those) this.#listeners.delete(name);
    };
  }

  tell(name: string): void {
    for (const { hear } of [...(this.#listeners.get(name) ?? [])]) quietly(hear);
  }

  /** After a time in which nothing could be heard: anything may have changed. */
  tellAll(): void {
    for (const name of [...this.#listeners.keys()]) this.tell(name);
  }
}

function quietly(hear: () => void): void {
  try {
    hear();
  } catch {
    // A listener's error is its own: it must not keep the others from being told.
  }
}
