/**
 * Curity Identity Server, with its default configuration.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const curityDialect: AuthorizationServerOptions = {
  issuer: 'https://localhost:8443/oauth/v2/oauth-anonymous',
  tokenEndpoint: 'https://localhost:8443/oauth/v2/oauth-token',
  revocationEndpoint: 'https://localhost:8443/oauth/v2/oauth-revoke',
  accessTokenLifetime: 300_000,
  dialect: {
    namesIssuer: false,
    // A refresh brings no new ID token.
    granted: ({ access_token, refresh_token, scope, expires_in }) => ({
      access_token,
      refresh_token,
      scope,
      token_type: 'bearer',
      expires_in,
    }),
    refused: { invalid_grant: json(400, { error: 'invalid_grant', error_description: 'Token is expired' }) },
  },
};
