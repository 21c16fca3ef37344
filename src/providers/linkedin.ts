/**
 * LinkedIn.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';

/**
 * Returns LinkedIn's authorization server, for partners with programmatic refresh tokens: these expire a year after the login, even
 * after a refresh. Its documentation contains no revocation endpoint.
 *
 * @see https://learn.microsoft.com/linkedin/shared/authentication/programmatic-refresh-tokens
 */
export function linkedin(): AuthorizationServer {
  return {
    authorizationEndpoint: 'https://www.linkedin.com/oauth/v2/authorization',
    tokenEndpoint: 'https://www.linkedin.com/oauth/v2/accessToken',
    profile: {
      // Reported, but not documented: it occurs with `invalid_request` as well as with `invalid_grant`.
      errorFields: ['error_description', 'error'],
      errorCodes: {
        'The provided authorization grant or refresh token is invalid, expired or revoked': 'invalid-grant',
        'The provided refresh token is invalid, expired or revoked': 'invalid-grant',
      },
    },
  };
}
