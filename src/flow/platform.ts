/**
 * What the platform is, where that changes what is safe.
 *
 * @module
 */

/** A page, or a worker of one: those have `importScripts`. Servers that call themselves workers have not. */
export function isBrowser(): boolean {
  return 'document' in globalThis || 'importScripts' in globalThis;
}
