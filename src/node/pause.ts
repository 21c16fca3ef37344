/**
 * Waiting a moment.
 *
 * @module
 */

/** Resolves after about `ms` ms, a quarter more or less, so that those who wait for the same do not move in step. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const leave = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      },
      ms * (0.75 + Math.random() / 2),
    );
    signal?.addEventListener('abort', leave, { once: true });
  });
}
