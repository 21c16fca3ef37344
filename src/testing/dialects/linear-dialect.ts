/**
 * Linear.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const linearDialect: AuthorizationServerOptions = {
  issuer: 'https://api.linear.app',
  tokenEndpoint: 'https://api.linear.app/oauth/token',
  revocationEndpoint: 'https://api.linear.app/oauth/revoke',
  apiOrigin: 'https://api.linear.app',
  profile: { kind: 'leeway', ms: 30 * 60_000 },
  accessTokenLifetime: 86_399_000,
  refusal: json(401, {
    errors: [
      {
        message: 'Authentication required, not authenticated',
        extensions: { type: 'authentication error', code: 'AUTHENTICATION_ERROR', statusCode: 401 },
      },
    ],
  }),
  dialect: {
    namesIssuer: false,
    granted: ({ access_token, expires_in, scope, refresh_token }) => ({
      access_token,
      token_type: 'Bearer',
      expires_in,
      scope,
      refresh_token,
    }),
    refused: {
      invalid_grant: json(400, { error: 'invalid_grant', error_description: 'Grant not found' }),
    },
  },
};
