import type { TokenStorage } from '../../../src/core/contracts.ts';

export interface Watching {
  /** Resolves at the next notification. */
  next(): Promise<void>;
  stop(): void;
}

/** Watches a key and counts the notifications, so that none is missed between two calls of `next`. */
export function watching(storage: Required<Pick<TokenStorage, 'watch'>>, key: string): Watching {
  let told = 0;
  let heard = 0;
  let resolve = (): void => undefined;
  const stop = storage.watch(key, () => {
    told += 1;
    resolve();
  });
  const next = async (): Promise<void> => {
    heard += 1;
    while (told < heard) {
      await new Promise<void>((go) => {
        resolve = go;
      });
    }
    heard = told;
  };
  return { next, stop };
}

/** Asks until the answer is `true`. If that never happens, the time limit of the test ends it. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}
