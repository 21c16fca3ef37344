/**
 * Xero.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link xero}. */
export interface XeroOptions extends ReuseOptions {
  /** Reuse window in ms. @default 1_800_000, which Xero grants for lost responses */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns Xero's authorization server. An unused refresh token expires after 30 days. Confidential clients authenticate with
 * `clientSecretBasic()`.
 *
 * @see https://developer.xero.com/documentation/guides/oauth2/token-types
 */
export function xero({ reuseWindow = 30 * 60_000 }: XeroOptions = {}): AuthorizationServer {
  return {
    issuer: 'https://identity.xero.com',
    authorizationEndpoint: 'https://login.xero.com/identity/connect/authorize',
    tokenEndpoint: 'https://identity.xero.com/connect/token',
    revocationEndpoint: 'https://identity.xero.com/connect/revocation',
    profile: { reuseWindow },
  };
}
