/**
 * Microsoft Entra ID, in front of Microsoft Graph.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const entraDialect: AuthorizationServerOptions = {
  issuer: 'https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0',
  tokenEndpoint: 'https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token',
  revocationEndpoint: null,
  apiOrigin: 'https://graph.microsoft.com',
  profile: 'rotateOldStaysValid',
  accessTokenLifetime: 3_599_000,
  refusal: refusals.graph,
  dialect: {
    namesIssuer: false,
    granted: ({ scope, expires_in, access_token, refresh_token, id_token }) => ({
      token_type: 'Bearer',
      scope,
      expires_in,
      ext_expires_in: expires_in,
      access_token,
      refresh_token,
      id_token,
    }),
    refused: {
      invalid_grant: json(400, {
        error: 'invalid_grant',
        error_description: 'AADSTS70008: The refresh token has expired due to inactivity.',
        error_codes: [70_008],
        timestamp: '2030-01-01 00:00:00Z',
        trace_id: '255d1aef-8c98-452f-ac51-23d051240864',
        correlation_id: 'fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7',
        suberror: 'bad_token',
      }),
    },
  },
};
