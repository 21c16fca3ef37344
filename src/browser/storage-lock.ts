/**
 * The default lock of browser storages.
 *
 * @module
 */
import type { TokenLock } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import { webLocksReach } from './platform-locks.ts';
import { serverRenderingRemedy } from './server-rendering.ts';
import { webLock } from './web-lock.ts';

/**
 * Returns {@link webLock}. Where there is neither a browser nor such a storage, as on a server that renders pages, there is nothing to
 * lock: a manager can be created there, and its calls reject with an error that names the need for a page.
 *
 * @param area returns the storage, or throws if the page has no storage.
 */
export function storageLock(area: () => unknown): TokenLock {
  if (webLocksReach() === 'machine' || isAvailable(area)) return webLock();
  const refusal =
    'This is not a browser: the storages of tokenkeep/browser keep nothing here, and have no lock.';
  return {
    reach: 'machine',
    request: () => Promise.reject(new ConfigurationError(`${refusal} ${serverRenderingRemedy}`)),
  };
}

function isAvailable(area: () => unknown): boolean {
  try {
    return area() !== undefined;
  } catch {
    return false;
  }
}
