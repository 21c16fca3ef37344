/**
 * Cloudentity, with refresh token cycling.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

const errorBody = (status: number, error: string, description: string) =>
  json(status, {
    cause: '',
    details: null,
    error,
    error_description: description,
    error_hint: 'Check that the refresh token was not used before.',
    status_code: status,
  });

export const cloudentityDialect: AuthorizationServerOptions = {
  issuer: 'https://acme.eu.authz.cloudentity.io/acme/default',
  tokenEndpoint: 'https://acme.eu.authz.cloudentity.io/acme/default/oauth2/token',
  revocationEndpoint: 'https://acme.eu.authz.cloudentity.io/acme/default/oauth2/revoke',
  accessTokenLifetime: 3_600_000,
  refreshTokenLifetime: 30 * 86_400_000,
  dialect: {
    namesIssuer: false,
    granted: ({ access_token, expires_in, id_token, refresh_token, scope }) => ({
      access_token,
      expires_in,
      grant_id: 'cb9ks7ub7pb4plkdnvog',
      id_token,
      refresh_token,
      scope,
      token_type: 'bearer',
    }),
    refused: {
      invalid_grant: errorBody(400, 'invalid_grant', 'The provided authorization grant is invalid.'),
      invalid_client: errorBody(401, 'invalid_client', 'Client authentication failed.'),
      invalid_scope: errorBody(400, 'invalid_scope', 'The requested scope is invalid.'),
    },
  },
};
