/**
 * Logouts whose user is at the server, each under its own `state`.
 *
 * @module
 */

import { type ItemStore, namesIn, type PendingLogins, storeOf } from './pending-logins.ts';

/** A logout whose user has not come back yet. */
export interface PendingLogout {
  readonly redirectUri: string;
  readonly returnTo?: string | undefined;
  /** Unix ms. */
  readonly expiresAt: number;
}

const prefix = 'tokenkeep.logout.';

/** The `state` of a logout at a server that returns none. */
export const withoutState = 'none';

/** Stores a logout, and removes those that have expired. @throws what the storage throws */
export async function storePendingLogout(
  pending: PendingLogins,
  state: string,
  logout: PendingLogout,
  now: number,
): Promise<void> {
  const store = storeOf(pending);
  for (const name of namesIn(pending)) {
    const text = name.startsWith(prefix) ? store.getItem(name) : null;
    if (typeof text === 'string' && !((parse(text)?.expiresAt ?? 0) > now)) store.removeItem(name);
  }
  await store.setItem(prefix + state, JSON.stringify(logout));
}

/** Removes and returns the logout that is pending under `state`. @throws what the storage throws */
export async function takePendingLogout(
  pending: PendingLogins,
  state: string,
): Promise<PendingLogout | undefined> {
  const store: ItemStore = storeOf(pending);
  const found = store.getItem(prefix + state);
  // No `await` for a synchronous storage: two calls for one callback must not both find the logout.
  const text = typeof found === 'object' && found !== null ? await found : found;
  if (text === null) return undefined;
  await store.removeItem(prefix + state);
  return parse(text);
}

function parse(text: string): PendingLogout | undefined {
  try {
    const logout = JSON.parse(text) as Partial<PendingLogout> | null;
    const isComplete = typeof logout?.redirectUri === 'string' && Number.isFinite(logout.expiresAt);
    return isComplete ? (logout as PendingLogout) : undefined;
  } catch {
    return undefined;
  }
}
