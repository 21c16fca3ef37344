/**
 * The second half of a logout: the user comes back from the provider.
 *
 * @module
 */

import { completeClock } from '../async/abortable.ts';
import type { Clock } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { parseUrl } from '../core/http/url.ts';
import { isRedirectUri } from './complete-login.ts';
import { type PendingLogins, requirePendingLogins } from './pending-entries.ts';
import { pendingLogouts, withoutState } from './pending-logouts.ts';
import { safeReturnTo } from './return-to.ts';

/** Options of {@link completeLogout}. */
export interface CompleteLogoutOptions {
  /** The same as {@link StartLogoutOptions.pending}. */
  readonly pending: PendingLogins;
  /** The time. @default the platform's */
  readonly clock?: Clock | undefined;
}

/**
 * The result of {@link completeLogout}.
 *
 * `state` is `unsupported` where the provider returns none: then nothing proves that the user comes from there, except that a logout
 * was waiting.
 *
 * Why nothing came back:
 *
 * - `unknown`: the URL belongs to no pending logout. The page was reloaded or opened by hand, or someone else made the URL.
 * - `expired`: the user took longer than `lifetime`.
 * - `other_url`: the user arrived at another URL than `redirectUri`.
 */
export type CompletedLogout =
  | {
      readonly outcome: 'returned';
      /** {@link StartLogoutOptions.returnTo}, checked again: path, query and fragment. */
      readonly returnTo: string | undefined;
      readonly state: 'checked' | 'unsupported';
    }
  | { readonly outcome: 'none'; readonly reason: 'unknown' | 'expired' | 'other_url' };

/**
 * Ends a logout that {@link startLogout} began: finds it by its `state`, once. The session here has ended before, whatever the
 * result. `returned` says that the provider sent the user back. Providers do not say whether the user has let them end the session.
 *
 * @param callback The URL at which the user arrived.
 * @throws ConfigurationError, and StorageError when `pending` fails.
 */
export async function completeLogout(
  { pending, clock }: CompleteLogoutOptions,
  callback: string | URL,
): Promise<CompletedLogout> {
  requirePendingLogins(pending);
  const url = parseUrl(callback);
  if (url === null)
    throw new ConfigurationError(
      explain('sign-out', 'completeLogout(options, callback): callback must be a whole URL.'),
    );
  const states = url.searchParams.getAll('state');
  if (states.length > 1) return { outcome: 'none', reason: 'unknown' };
  const [state] = states;
  const logout =
    state === withoutState ? undefined : await pendingLogouts.take(pending, state ?? withoutState);
  if (logout === undefined) return { outcome: 'none', reason: 'unknown' };
  if (!isRedirectUri(url, logout.redirectUri)) return { outcome: 'none', reason: 'other_url' };
  if (logout.expiresAt <= completeClock(clock).Date.now()) return { outcome: 'none', reason: 'expired' };
  return {
    outcome: 'returned',
    returnTo: safeReturnTo(logout.returnTo, { page: url.href, allow: undefined }),
    state: state === undefined ? 'unsupported' : 'checked',
  };
}
