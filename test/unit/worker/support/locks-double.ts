/** Web Locks whose holders can die. Those of Node do not notify waiters of that. */
export class LocksDouble {
  readonly #queues: Map<string, (() => void)[]> = new Map();
  readonly #held: Map<string, () => void> = new Map();

  get held(): string[] {
    return [...this.#held.keys()];
  }

  readonly request = (
    name: string,
    ...[options, given]: [object | (() => unknown), (() => unknown)?]
  ): Promise<unknown> => {
    const callback = (given ?? options) as () => unknown;
    const { signal } = (given === undefined ? {} : options) as { signal?: AbortSignal };
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        const killed = new Promise<void>((die) => this.#held.set(name, die));
        await Promise.race([Promise.resolve(callback()).then(resolve, reject), killed]);
        this.#held.delete(name);
        this.#queues.get(name)?.shift()?.();
      };
      if (!this.#held.has(name)) return void run();
      const queue = this.#queues.get(name) ?? [];
      this.#queues.set(name, queue);
      queue.push(run);
      signal?.addEventListener('abort', () => {
        queue.splice(queue.indexOf(run), 1);
        reject(signal.reason);
      });
    });
  };

  /** Its holder dies. */
  kill(prefix: string): void {
    for (const [name, die] of this.#held) if (name.startsWith(prefix)) die();
  }
}
