/**
 * Signs of life between a page and a worker: a Web Lock that is held for as long as its holder lives. The browser
 * releases it when the holder is gone, for any reason, and notifies the waiters.
 *
 * @module
 */
import { ConfigurationError } from '../core/errors.ts';
import { randomId } from '../platform/web-crypto.ts';

/** @throws ConfigurationError where there are no Web Locks. */
export function requireLockManager(): LockManager {
  const { navigator } = globalThis as { readonly navigator?: Navigator };
  if (navigator?.locks !== undefined) return navigator.locks;
  throw new ConfigurationError(
    'tokenkeep/worker needs Web Locks, which this page does not have. Serve the page over https or from localhost, with an origin of ' +
      'its own; in an engine without them keep the manager in the page.',
  );
}

/** Time limit for the browser to grant a lock without contention, in ms. */
const grantTimeoutMs = 30_000;

/** Holds a name. Resolves, once it is held, with a function that releases it. */
export function announcePresence(locks: LockManager, name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reject(new TypeError(`The browser granted no Web Lock within ${grantTimeoutMs} ms.`));
    }, grantTimeoutMs);
    const holdUntilLeft = async (): Promise<void> => {
      clearTimeout(timer);
      if (!isLate) await new Promise<void>((leave) => resolve(leave));
    };
    locks.request(name, holdUntilLeft).catch((error: unknown) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

/** Calls back once, when no holder has the name. Returns a function that stops waiting. */
export function whenGone(locks: LockManager, name: string, callback: () => void): () => void {
  const waiting = new AbortController();
  locks.request(name, { signal: waiting.signal }, callback).catch(() => undefined);
  return () => waiting.abort();
}

/** The presence of a page, held only while a task is in progress, because browsers do not cache a page that holds a lock. */
export class PagePresence {
  readonly #locks: LockManager;
  readonly #prefix: string;
  #count = 0;
  #liveness: { readonly name: string; readonly leave: Promise<() => void> } | undefined;

  constructor(locks: LockManager, prefix: string) {
    this.#locks = locks;
    this.#prefix = prefix;
  }

  /** Begins a task. Resolves with the name that is held until all tasks have ended. */
  async begin(): Promise<string> {
    this.#count += 1;
    if (this.#liveness === undefined) {
      const name = `${this.#prefix}${randomId()}`;
      this.#liveness = { name, leave: announcePresence(this.#locks, name) };
    }
    const { name, leave } = this.#liveness;
    try {
      await leave;
    } catch (error) {
      // Forgets the failed lock, so that the next task requests a new one.
      if (this.#liveness?.name === name) this.#liveness = undefined;
      throw error;
    }
    return name;
  }

  /** Ends a task. */
  end(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    void this.#liveness?.leave.then(
      (leave) => leave(),
      () => undefined,
    );
    this.#liveness = undefined;
  }
}

/** Time for which the last message of a holder may still be on its way when the holder is gone, in ms. */
const deliveryGraceMs = 50;

/** Waiters for the end of others: one lock request for all waiters of the same name. */
export class LivenessWatch {
  readonly #locks: LockManager;
  readonly #watched: Map<string, { readonly callbacks: Set<() => void>; readonly stop: () => void }> =
    new Map();

  constructor(locks: LockManager) {
    this.#locks = locks;
  }

  /** Calls back when no holder has the name. Returns a function that stops watching. */
  watch(name: string, callback: () => void): () => void {
    let watched = this.#watched.get(name);
    if (watched === undefined) {
      const callbacks = new Set<() => void>();
      const gone = (): void => {
        this.#watched.delete(name);
        setTimeout(() => {
          for (const call of [...callbacks]) call();
        }, deliveryGraceMs);
      };
      watched = { callbacks, stop: whenGone(this.#locks, name, gone) };
      this.#watched.set(name, watched);
    }
    const { callbacks, stop } = watched;
    callbacks.add(callback);
    return () => {
      callbacks.delete(callback);
      if (callbacks.size > 0 || this.#watched.get(name)?.callbacks !== callbacks) return;
      this.#watched.delete(name);
      stop();
    };
  }
}
