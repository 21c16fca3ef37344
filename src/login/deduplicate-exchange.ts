/**
 * One exchange for a response that a page reads twice at once.
 *
 * @module
 */

import { hasBrowserFetch } from '../platform/browser-fetch.ts';
import type { Login } from './login.ts';
import type { PendingLogins } from './pending-entries.ts';

const exchangesInProgress: WeakMap<object, Map<string, Promise<Login>>> = new WeakMap();

/**
 * Exchanges the code once for concurrent callers. In a page all callers are the same user: an effect that runs twice, as in React's
 * Strict Mode, gets the result of the first run. On a server a second caller with the same response may be another user, and is refused.
 */
export async function deduplicateExchange(
  { clientId, pending }: { readonly clientId: string; readonly pending: PendingLogins },
  response: string,
  complete: () => Promise<Login>,
): Promise<Login> {
  if (!hasBrowserFetch() || typeof pending !== 'object') return await complete();
  const logins = exchangesInProgress.get(pending) ?? new Map<string, Promise<Login>>();
  exchangesInProgress.set(pending, logins);
  const name = `${clientId} ${response}`;
  const running = logins.get(name) ?? complete();
  logins.set(name, running);
  try {
    return await running;
  } finally {
    logins.delete(name);
  }
}
