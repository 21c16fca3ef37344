/**
 * Amazon Cognito, without rotation.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const cognitoDialect: AuthorizationServerOptions = {
  issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf',
  tokenEndpoint: 'https://acme.auth.eu-west-1.amazoncognito.com/oauth2/token',
  revocationEndpoint: 'https://acme.auth.eu-west-1.amazoncognito.com/oauth2/revoke',
  profile: 'noRotation',
  accessTokenLifetime: 3_600_000,
  tokenFormat: 'jwt-like',
  dialect: {
    namesIssuer: false,
    granted: ({ access_token, id_token, refresh_token, expires_in }) => ({
      access_token,
      id_token,
      refresh_token,
      token_type: 'Bearer',
      expires_in,
    }),
    refused: { invalid_grant: json(400, { error: 'invalid_grant' }) },
    revokes: 'refresh_token',
  },
};
