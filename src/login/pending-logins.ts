/**
 * Logins that wait for their response, each under its `state`: several can be in progress, in several tabs.
 *
 * @module
 */

import { PendingEntries } from './pending-entries.ts';

/** A pending login. */
export interface PendingLogin {
  readonly issuer: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly verifier: string;
  /** The nonce, if `openid` was requested. */
  readonly nonce?: string | undefined;
  readonly scope?: readonly string[] | undefined;
  /** Maximum age of the user's authentication, in seconds. */
  readonly maxAge?: number | undefined;
  readonly returnTo?: string | undefined;
  /** Thumbprint of the key that the code is bound to. */
  readonly thumbprint?: string | undefined;
  /** Expiry, in Unix ms. */
  readonly expiresAt: number;
}

/** Logins that wait for their response. */
export const pendingLogins: PendingEntries<PendingLogin> = new PendingEntries('login', 'verifier');
