/**
 * The symbols of `using` and `await using`.
 *
 * @module
 */

// Older engines lack these symbols, and a method with a missing symbol would be named "undefined". There, esbuild and Babel
// compile `using` to a lookup of these names.
export const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose');
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
