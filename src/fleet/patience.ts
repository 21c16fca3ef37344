/**
 * Waiting that ends: by a signal, by a deadline, or early because something was heard.
 *
 * @module
 */

/** Waits for `promise` until `signal` aborts. What was waited for goes on. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

/** Waits for `promise` at most `limit` ms. */
export async function atMost<T>(promise: Promise<T>, limit: number): Promise<T> {
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${limit} ms.`)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer as number);
  }
}

/** Calls back after `delay` ms, unless the process has nothing else to do. Returns how to take it back. */
export function later(callback: () => void, delay: number): () => void {
  const timer: unknown = setTimeout(callback, delay);
  (timer as { unref?: () => void }).unref?.(); // a number outside of Node
  return () => clearTimeout(timer as number);
}

/** A pause that can be ended early, also before it begins: what is heard between two looks is not missed. */
export class Pause {
  #heard = false;
  #end: (() => void) | undefined = undefined;

  /** Ends the pause, or the next one. */
  readonly end: () => void = () => {
    this.#heard = true;
    this.#end?.();
  };

  /** @throws the signal's reason */
  async take(delay: number, signal: AbortSignal | undefined): Promise<void> {
    let timer: unknown;
    const over = new Promise<void>((resolve) => {
      this.#end = resolve;
      timer = setTimeout(resolve, this.#heard ? 0 : delay);
    });
    try {
      await untilAborted(over, signal);
    } finally {
      clearTimeout(timer as number);
      this.#heard = false;
    }
  }
}

/** How long to wait before looking once more: the longer the more often one has looked, and never all at once. */
export function jittered(attempt: number, longest: number): number {
  return Math.min(longest, 20 * 1.6 ** attempt) * (0.5 + Math.random() / 2);
}

/**
 * How long someone of this process lets others go first, when others of the fleet wait for the same lock: who is near
 * would win every time.
 */
export function courtesy(): number {
  return 5 + Math.random() * 15;
}
