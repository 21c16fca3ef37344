/** A promise, and how to settle it. */
export function deferred<T = void>() {
  return Promise.withResolvers<T>();
}

/** Returns what a promise rejects with. */
export const rejection = (promise: Promise<unknown>): Promise<Error & Record<string, unknown>> =>
  promise.then(
    (value) => {
      throw new Error(`The promise resolved to ${String(value)}.`);
    },
    (error: Error & Record<string, unknown>) => error,
  );

/** Returns an object whose `done` is `true` once the promise has settled. */
export function settlement(promise: Promise<unknown>): { readonly done: boolean } {
  const state = { done: false };
  const done = () => {
    state.done = true;
  };
  promise.then(done, done);
  return state;
}

/** Returns `count` results of `make`. */
export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
