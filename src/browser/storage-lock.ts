/**
 * The lock that storages of the browser bring along.
 *
 * @module
 */
import type { TokenLock } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import { webLocksReach } from './platform-locks.ts';
import { serverRenderingRemedy } from './server-rendering.ts';
import { webLock } from './web-lock.ts';

/**
 * {@link webLock}. Where there is neither a browser nor such a storage, as on a server that renders pages, there is nothing
 * to lock either: a manager can be made there, and whatever is asked of it says that it cannot be had there.
 *
 * @param area gives the storage, or throws where there is none.
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
