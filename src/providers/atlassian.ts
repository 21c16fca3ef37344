/**
 * Atlassian: Jira, Confluence and others, with OAuth 2.0 (3LO).
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link atlassian}. */
export interface AtlassianOptions extends ReuseOptions {
  /** In ms. Ten minutes are reported, and not verified. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Atlassian. Token requests are JSON, a dead refresh token is answered with 403. Logins need
 * `parameters: { audience: 'api.atlassian.com', prompt: 'consent' }` and the scope `offline_access`. There is no revocation
 * endpoint in its documentation.
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
      // Reported, with `unauthorized_client`, which else is about the client.
      errorFields: ['error_description', 'error'],
      errorCodes: { 'refresh_token is invalid': 'invalid-grant' },
    },
  };
}
