/**
 * Lining up inside this process, name by name: of all who want a lock here, one at a time asks the server for it.
 *
 * @module
 */
import { untilAborted } from './patience.ts';

/** A queue for each name. A name that nobody is in line for costs nothing. */
export class Line {
  readonly #tails: Map<string, Promise<void>> = new Map();

  /**
   * Resolves with how to leave, when everyone before has left.
   *
   * @throws the signal's reason. Who gives up is not waited for.
   */
  async enter(name: string, signal: AbortSignal | undefined): Promise<() => void> {
    const before = this.#tails.get(name);
    let leave = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const tail = before === undefined ? over : before.then(() => over);
    this.#tails.set(name, tail);
    void tail.then(() => {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    });
    try {
      if (before !== undefined) await untilAborted(before, signal);
      signal?.throwIfAborted();
    } catch (reason) {
      leave();
      throw reason;
    }
    return leave;
  }
}
