/**
 * Salesforce, without rotation.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const salesforceDialect: AuthorizationServerOptions = {
  issuer: 'https://login.salesforce.com',
  tokenEndpoint: 'https://login.salesforce.com/services/oauth2/token',
  revocationEndpoint: 'https://login.salesforce.com/services/oauth2/revoke',
  apiOrigin: 'https://acme.my.salesforce.com',
  profile: 'noRotation',
  refusal: refusals.salesforce,
  dialect: {
    namesIssuer: false,
    // No expires_in.
    granted: ({ access_token, refresh_token }) => ({
      access_token,
      refresh_token,
      signature: 'SSSbLO/gBhmmyNUvN18ODBDFYHzakxOMgqYtu+hDPsc=',
      scope: 'refresh_token api',
      instance_url: 'https://acme.my.salesforce.com',
      id: 'https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P',
      token_type: 'Bearer',
      issued_at: '1278448384422',
    }),
    refused: {
      invalid_grant: json(400, {
        error: 'invalid_grant',
        error_description: 'expired access/refresh token',
      }),
      invalid_client: json(400, {
        error: 'invalid_client',
        error_description: 'invalid client credentials',
      }),
    },
  },
};
