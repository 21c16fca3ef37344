/**
 * HubSpot.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const hubspotDialect: AuthorizationServerOptions = {
  issuer: 'https://api.hubapi.com',
  tokenEndpoint: 'https://api.hubapi.com/oauth/v1/token',
  revocationEndpoint: null,
  apiOrigin: 'https://api.hubapi.com',
  profile: 'sameToken',
  accessTokenLifetime: 1_800_000,
  refusal: refusals.hubspot,
  dialect: {
    namesIssuer: false,
    // No token_type.
    granted: ({ refresh_token, access_token, expires_in }) => ({ refresh_token, access_token, expires_in }),
    // No error.
    refused: {
      invalid_grant: json(400, {
        status: 'BAD_REFRESH_TOKEN',
        message: 'missing or unknown refresh token',
        correlationId: 'fc2a54d0-a6d3-4a4b-9d51-5d0b1e1d0f0a',
      }),
    },
  },
};
