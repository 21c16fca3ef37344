/**
 * GitHub Apps with user tokens that expire.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const githubDialect: AuthorizationServerOptions = {
  issuer: 'https://github.com',
  tokenEndpoint: 'https://github.com/login/oauth/access_token',
  revocationEndpoint: null,
  apiOrigin: 'https://api.github.com',
  accessTokenLifetime: 28_800_000,
  accessTokensSurviveRefresh: false,
  refusal: refusals.github,
  dialect: {
    namesIssuer: false,
    formUnlessJsonAccepted: true,
    granted: ({ access_token, expires_in, refresh_token }) => ({
      access_token,
      expires_in: String(expires_in),
      refresh_token,
      refresh_token_expires_in: '15811200',
      scope: '',
      token_type: 'bearer',
    }),
    // With status 200.
    refused: {
      invalid_grant: json(200, {
        error: 'bad_refresh_token',
        error_description: 'The refresh token passed is incorrect or expired.',
        error_uri: 'https://docs.github.com',
      }),
      invalid_client: json(200, {
        error: 'incorrect_client_credentials',
        error_description: 'The client_id and/or client_secret passed are incorrect.',
        error_uri: 'https://docs.github.com',
      }),
    },
  },
};
