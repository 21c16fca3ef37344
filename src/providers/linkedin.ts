/**
 * LinkedIn.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';

/**
 * LinkedIn, for partners with programmatic refresh tokens: these end a year after the login, whatever is done. There is no
 * revocation endpoint in its documentation.
 *
 * @see https://learn.microsoft.com/linkedin/shared/authentication/programmatic-refresh-tokens
 */
export function linkedin(): AuthorizationServer {
  return {
    authorizationEndpoint: 'https://www.linkedin.com/oauth/v2/authorization',
    tokenEndpoint: 'https://www.linkedin.com/oauth/v2/accessToken',
    profile: {
      // Reported, not documented: it comes with `invalid_request` as well as with `invalid_grant`.
      errorFields: ['error_description', 'error'],
      errorCodes: {
        'The provided authorization grant or refresh token is invalid, expired or revoked': 'invalid-grant',
        'The provided refresh token is invalid, expired or revoked': 'invalid-grant',
      },
    },
  };
}
