/**
 * The names by which `using` and `await using` end what has a lifetime.
 *
 * @module
 */

// Older engines have none, and a method named by what is missing would be called "undefined". There esbuild and Babel make
// of `using` a look for these.
export const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
