/**
 * Waiting that ends: by a signal, by a deadline, or early because something was heard.
 *
 * @module
 */

/** Waits for `promise` until `signal` aborts. What was waited for goes on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Waits for `promise` at most `timeout` ms. */
export async function withTimeout<T>(promise: Promise<T>, timeout: number): Promise<T> {
  let timer: unknown;
  const timedOut = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${timeout} ms.`)), timeout);
  });
  try {
    return await Promise.race([promise, timedOut]);
  } finally {
    clearTimeout(timer as number);
  }
}

/** Calls back after `delay` ms, unless the process has nothing else to do. Returns how to take it back. */
export function setUnrefTimeout(callback: () => void, delay: number): () => void {
  const timer: unknown = setTimeout(callback, delay);
  (timer as { unref?: () => void }).unref?.(); // a number outside of Node
  return () => clearTimeout(timer as number);
}

/** A pause that can be ended early, also before it begins: what is heard between two looks is not missed. */
export class WakeableDelay {
  #isWoken = false;
  #finish: (() => void) | undefined = undefined;

  /** Ends the pause, or the next one. */
  readonly wake: () => void = () => {
    this.#isWoken = true;
    this.#finish?.();
  };

  /** @throws the signal's reason */
  async wait(delay: number, signal: AbortSignal | undefined): Promise<void> {
    let timer: unknown;
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
      timer = setTimeout(resolve, this.#isWoken ? 0 : delay);
    });
    try {
      await abortable(finished, signal);
    } finally {
      clearTimeout(timer as number);
      this.#isWoken = false;
    }
  }
}

/** How long to wait before looking once more: the longer the more often one has looked, and never all at once. */
export function backoffDelay(attempt: number, max: number): number {
  return Math.min(max, 20 * 1.6 ** attempt) * (0.5 + Math.random() / 2);
}

/**
 * How long someone of this process lets others go first, when others of the cluster wait for the same lock: who is near
 * would win every time.
 */
export function yieldDelay(): number {
  return 5 + Math.random() * 15;
}
