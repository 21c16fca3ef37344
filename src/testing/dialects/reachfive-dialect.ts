/**
 * ReachFive.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

const errorBody = (error: string, description: string, message: string) => ({
  error,
  error_id: 'GxW1k8kRpF',
  error_description: description,
  error_message_key: `error.${error.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
  error_user_msg: message,
});

export const reachfiveDialect: AuthorizationServerOptions = {
  issuer: 'https://acme.reach5.net',
  tokenEndpoint: 'https://acme.reach5.net/oauth/token',
  revocationEndpoint: 'https://acme.reach5.net/oauth/revoke',
  accessTokenLifetime: 86_400_000,
  requestEncoding: 'json',
  refusal: json(401, errorBody('invalid_token', 'The access token is invalid.', 'Please sign in again.')),
  dialect: {
    namesIssuer: false,
    granted: ({ id_token, access_token, refresh_token, expires_in }) => ({
      id_token,
      access_token,
      refresh_token,
      token_type: 'Bearer',
      expires_in,
    }),
    refused: {
      invalid_grant: json(400, errorBody('invalid_grant', 'Invalid refresh token.', 'Please sign in again.')),
      invalid_client: json(401, errorBody('invalid_client', 'Invalid client.', 'Something went wrong.')),
      invalid_request: json(400, {
        ...errorBody('invalid_request', 'Validation error.', 'Something went wrong.'),
        error_details: [{ field: 'client_id', message: 'Missing required field', code: 'missing' }],
      }),
    },
    revoked: { status: 204, headers: {}, body: '' },
  },
};
