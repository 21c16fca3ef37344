/**
 * Xero.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const xeroDialect: AuthorizationServerOptions = {
  issuer: 'https://identity.xero.com',
  tokenEndpoint: 'https://identity.xero.com/connect/token',
  revocationEndpoint: 'https://identity.xero.com/connect/revocation',
  apiOrigin: 'https://api.xero.com',
  profile: { kind: 'leeway', ms: 30 * 60_000 },
  accessTokenLifetime: 1_800_000,
  refusal: refusals.xero,
  dialect: {
    namesIssuer: false,
    granted: ({ id_token, access_token, expires_in, refresh_token, scope }) => ({
      id_token,
      access_token,
      expires_in,
      token_type: 'Bearer',
      refresh_token,
      scope,
    }),
    refused: { invalid_grant: json(400, { error: 'invalid_grant' }) },
  },
};
