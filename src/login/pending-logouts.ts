/**
 * Logouts that wait for the user to come back from the server, each under its `state`.
 *
 * @module
 */

import { PendingEntries } from './pending-entries.ts';

/** A pending logout. */
export interface PendingLogout {
  readonly redirectUri: string;
  readonly returnTo?: string | undefined;
  /** Expiry, in Unix ms. */
  readonly expiresAt: number;
}

/** The `state` of a logout at a server that does not return it. */
export const withoutState = 'none';

/** Logouts whose user has not come back yet. */
export const pendingLogouts: PendingEntries<PendingLogout> = new PendingEntries('logout', 'redirectUri');
