/**
 * Waiting a moment.
 *
 * @module
 */

/** Resolves after about `ms` ms, a quarter more or less, so that those who wait for the same do not move in step. */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      ms * (0.75 + Math.random() / 2),
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
