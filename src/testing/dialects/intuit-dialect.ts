/**
 * Intuit: the same refresh token within a day.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const intuitDialect: AuthorizationServerOptions = {
  issuer: 'https://oauth.platform.intuit.com/op/v1',
  tokenEndpoint: 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer',
  revocationEndpoint: 'https://developer.api.intuit.com/v2/oauth2/tokens/revoke',
  apiOrigin: 'https://quickbooks.api.intuit.com',
  profile: 'sameToken',
  accessTokenLifetime: 3_600_000,
  refusal: json(401, {
    fault: {
      error: [{ message: 'message=AuthenticationFailed; errorCode=003200; statusCode=401', code: '3200' }],
      type: 'AUTHENTICATION',
    },
  }),
  dialect: {
    namesIssuer: false,
    granted: ({ expires_in, refresh_token, access_token }) => ({
      token_type: 'bearer',
      expires_in,
      refresh_token,
      x_refresh_token_expires_in: 15_552_000,
      access_token,
    }),
    refused: { invalid_grant: json(400, { error: 'invalid_grant' }) },
    revocationEncoding: 'json',
  },
};
