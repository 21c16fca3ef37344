/**
 * Okta, with rotation.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const oktaDialect: AuthorizationServerOptions = {
  issuer: 'https://acme.okta.com/oauth2/default',
  tokenEndpoint: 'https://acme.okta.com/oauth2/default/v1/token',
  revocationEndpoint: 'https://acme.okta.com/oauth2/default/v1/revoke',
  accessTokenLifetime: 3_600_000,
  dialect: {
    namesIssuer: false,
    granted: ({ expires_in, access_token, scope, refresh_token, id_token }) => ({
      token_type: 'Bearer',
      expires_in,
      access_token,
      scope,
      refresh_token,
      id_token,
    }),
    refused: {
      invalid_grant: json(400, {
        error: 'invalid_grant',
        error_description: 'The refresh token is invalid or expired.',
      }),
    },
  },
};
