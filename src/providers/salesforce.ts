/**
 * Salesforce.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { origin } from './address.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link salesforce}. */
export interface SalesforceOptions extends ReuseOptions {
  /** `acme.my.salesforce.com`, or `test.salesforce.com` for sandboxes. @default 'login.salesforce.com' */
  readonly domain?: string | undefined;
  /** Reuse window in ms, for apps with refresh token rotation. Not documented. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns Salesforce's authorization server. Its responses contain no lifetime: an access token is used until an API rejects it.
 * `extra.instance_url` of the tokens is the URL of the APIs. A user has at most five grants for an app; a sixth revokes the oldest.
 *
 * @throws ConfigurationError for an invalid domain.
 * @see https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_refresh_token_flow.htm
 */
export function salesforce(options: SalesforceOptions = {}): AuthorizationServer {
  const { domain = 'login.salesforce.com', reuseWindow = 0 } = options;
  const base = origin('salesforce({ domain })', domain);
  return {
    issuer: base,
    authorizationEndpoint: `${base}/services/oauth2/authorize`,
    tokenEndpoint: `${base}/services/oauth2/token`,
    revocationEndpoint: `${base}/services/oauth2/revoke`,
    profile: {
      reuseWindow,
      // Reported for two concurrent refreshes: the grant is still valid.
      errorFields: ['error_description', 'error'],
      errorCodes: { 'token request is already being processed': 'transient' },
    },
  };
}
