/**
 * LinkedIn, for partners with programmatic refresh tokens.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const linkedinDialect: AuthorizationServerOptions = {
  issuer: 'https://www.linkedin.com/oauth',
  tokenEndpoint: 'https://www.linkedin.com/oauth/v2/accessToken',
  revocationEndpoint: null,
  apiOrigin: 'https://api.linkedin.com',
  profile: 'sameToken',
  accessTokenLifetime: 5_184_000_000,
  refusal: refusals.linkedin,
  dialect: {
    namesIssuer: false,
    granted: ({ access_token, expires_in, refresh_token }) => ({
      access_token,
      expires_in,
      refresh_token,
      refresh_token_expires_in: 439_200,
    }),
    refused: {
      invalid_grant: json(400, {
        error: 'invalid_request',
        error_description: 'The provided refresh token is invalid, expired or revoked',
      }),
    },
  },
};
