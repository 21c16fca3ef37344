/**
 * Auth0, with rotation.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const auth0Dialect: AuthorizationServerOptions = {
  issuer: 'https://acme.eu.auth0.com/',
  tokenEndpoint: 'https://acme.eu.auth0.com/oauth/token',
  revocationEndpoint: 'https://acme.eu.auth0.com/oauth/revoke',
  accessTokenLifetime: 86_400_000,
  dialect: {
    namesIssuer: false,
    granted: ({ access_token, refresh_token, id_token, scope, expires_in }) => ({
      access_token,
      refresh_token,
      id_token,
      scope,
      expires_in,
      token_type: 'Bearer',
    }),
    refused: {
      invalid_grant: json(403, {
        error: 'invalid_grant',
        error_description: 'Unknown or invalid refresh token.',
      }),
    },
    revokes: 'refresh_token',
    revoked: { status: 200, headers: {}, body: 'OK' },
  },
};
