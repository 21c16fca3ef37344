/**
 * Atlassian, with OAuth 2.0 (3LO).
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const atlassianDialect: AuthorizationServerOptions = {
  issuer: 'https://auth.atlassian.com',
  tokenEndpoint: 'https://auth.atlassian.com/oauth/token',
  revocationEndpoint: null,
  apiOrigin: 'https://api.atlassian.com',
  accessTokenLifetime: 3_600_000,
  requestEncoding: 'json',
  refusal: refusals.noChallenge,
  dialect: {
    namesIssuer: false,
    // No token_type.
    granted: ({ access_token, refresh_token, expires_in, scope }) => ({
      access_token,
      refresh_token,
      expires_in,
      scope,
    }),
    refused: {
      invalid_grant: json(403, {
        error: 'invalid_grant',
        error_description: 'Unknown or invalid refresh token.',
      }),
    },
  },
};
