/**
 * Web Locks for Node 22, which has none: the tests of pages and workers need them, while the package works without them there. Node
 * from 24.5 has its own. The conformance tests of `webLock()` prove that these behave alike.
 */

type Mode = 'exclusive' | 'shared';

interface Request {
  readonly name: string;
  readonly mode: Mode;
  grant(): void;
}

interface Held {
  readonly name: string;
  readonly mode: Mode;
  /** Ends the promise of the request, because another one has stolen the lock. */
  lose(): void;
}

class ThreadLocks {
  readonly #held = new Set<Held>();
  readonly #pending: Request[] = [];

  request(name: string, ...rest: [unknown, unknown?]): Promise<unknown> {
    const [options, callback] = (rest.length > 1 ? rest : [{}, rest[0]]) as [
      LockOptions,
      LockGrantedCallback<unknown>,
    ];
    const { mode = 'exclusive', ifAvailable = false, steal = false, signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const request: Request = {
        name,
        mode,
        grant: () => {
          signal?.removeEventListener('abort', leave);
          const held: Held = {
            name,
            mode,
            lose: () => reject(new DOMException('The lock was stolen.', 'AbortError')),
          };
          this.#held.add(held);
          const run = async () => await callback({ name, mode } as Lock);
          queueMicrotask(
            () =>
              void run()
                .then(resolve, reject)
                .finally(() => this.#release(held)),
          );
        },
      };
      const leave = () => {
        this.#pending.splice(this.#pending.indexOf(request), 1);
        reject(signal?.reason);
        this.#grantNext(name);
      };
      if (steal) {
        for (const held of [...this.#held].filter((one) => one.name === name)) {
          this.#held.delete(held);
          held.lose();
        }
        return request.grant();
      }
      if (ifAvailable && (!this.#isFree(name, mode) || this.#pending.some((one) => one.name === name))) {
        return queueMicrotask(() => resolve(callback(null)));
      }
      signal?.addEventListener('abort', leave, { once: true });
      this.#pending.push(request);
      this.#grantNext(name);
    });
  }

  async query(): Promise<LockManagerSnapshot> {
    const infoOf = ({ name, mode }: { name: string; mode: Mode }) => ({
      name,
      mode,
      clientId: 'this thread',
    });
    return { held: [...this.#held].map(infoOf), pending: this.#pending.map(infoOf) };
  }

  #isFree(name: string, mode: Mode): boolean {
    const others = [...this.#held].filter((held) => held.name === name);
    return mode === 'shared' ? others.every((held) => held.mode === 'shared') : others.length === 0;
  }

  #release(held: Held): void {
    this.#held.delete(held);
    this.#grantNext(held.name);
  }

  /** In the order of the requests: holders of a shared lock share it until an exclusive request comes. */
  #grantNext(name: string): void {
    for (const request of this.#pending.filter((one) => one.name === name)) {
      if (!this.#isFree(name, request.mode)) return;
      this.#pending.splice(this.#pending.indexOf(request), 1);
      request.grant();
    }
  }
}

if (navigator.locks === undefined) {
  Object.defineProperty(navigator, 'locks', { value: new ThreadLocks(), configurable: true });
}
