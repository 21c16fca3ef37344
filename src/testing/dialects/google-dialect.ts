/**
 * Google, in front of its APIs.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const googleDialect: AuthorizationServerOptions = {
  issuer: 'https://accounts.google.com',
  tokenEndpoint: 'https://oauth2.googleapis.com/token',
  revocationEndpoint: 'https://oauth2.googleapis.com/revoke',
  apiOrigin: 'https://www.googleapis.com',
  profile: 'noRotation',
  accessTokenLifetime: 3_920_000,
  refusal: refusals.google,
  dialect: {
    namesIssuer: false,
    granted: ({ access_token, expires_in, refresh_token, scope, id_token }) => ({
      access_token,
      expires_in,
      refresh_token,
      scope,
      token_type: 'Bearer',
      id_token,
    }),
    refused: {
      invalid_grant: json(400, {
        error: 'invalid_grant',
        error_description: 'Token has been expired or revoked.',
      }),
      invalid_client: json(401, {
        error: 'invalid_client',
        error_description: 'The OAuth client was not found.',
      }),
    },
  },
};
