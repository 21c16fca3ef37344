/**
 * Facts that the platform reports.
 *
 * @module
 */

/** Returns `false` only where the platform is sure that there is no network. */
export function isOnline(): boolean {
  return globalThis.navigator?.onLine !== false;
}
