/**
 * Keycloak, with "Revoke Refresh Token" and no reuse.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const keycloakDialect: AuthorizationServerOptions = {
  issuer: 'https://login.example.com/realms/acme',
  tokenEndpoint: 'https://login.example.com/realms/acme/protocol/openid-connect/token',
  revocationEndpoint: 'https://login.example.com/realms/acme/protocol/openid-connect/revoke',
  profile: 'countsFailures',
  accessTokenLifetime: 60_000,
  tokenFormat: 'jwt-like',
  dialect: {
    granted: ({ access_token, expires_in, refresh_token, id_token, scope }) => ({
      access_token,
      expires_in,
      refresh_expires_in: 1800,
      refresh_token,
      token_type: 'Bearer',
      id_token,
      'not-before-policy': 0,
      session_state: '2d3e2d6c-7d3b-4a0a-9a0b-0f2ad1e6a6f1',
      scope,
    }),
    refused: {
      invalid_grant: json(400, { error: 'invalid_grant', error_description: 'Token is not active' }),
    },
  },
};
