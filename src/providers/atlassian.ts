/**
 * Atlassian: Jira, Confluence and others, with OAuth 2.0 (3LO).
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link atlassian}. */
export interface AtlassianOptions extends ReuseOptions {
  /** Reuse window in ms. Ten minutes are reported, but not verified. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns Atlassian's authorization server. Token requests are JSON. A dead refresh token gets a 403. Logins need
 * `parameters: { audience: 'api.atlassian.com', prompt: 'consent' }` and the scope `offline_access`. Its documentation contains
 * no revocation endpoint.
 *
 * @see https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/
 */
export function atlassian({ reuseWindow = 0 }: AtlassianOptions = {}): AuthorizationServer {
  return {
    authorizationEndpoint: 'https://auth.atlassian.com/authorize',
    tokenEndpoint: 'https://auth.atlassian.com/oauth/token',
    profile: {
      reuseWindow,
      requestEncoding: 'json',
      // Reported with `unauthorized_client`, which otherwise concerns the client.
      errorFields: ['error_description', 'error'],
      errorCodes: { 'refresh_token is invalid': 'invalid-grant' },
    },
  };
}
