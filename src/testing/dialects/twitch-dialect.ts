/**
 * Twitch.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const twitchDialect: AuthorizationServerOptions = {
  issuer: 'https://id.twitch.tv/oauth2',
  tokenEndpoint: 'https://id.twitch.tv/oauth2/token',
  revocationEndpoint: 'https://id.twitch.tv/oauth2/revoke',
  apiOrigin: 'https://api.twitch.tv',
  profile: 'sameToken',
  accessTokenLifetime: 5_215_742_000,
  refusal: refusals.twitch,
  dialect: {
    namesIssuer: false,
    granted: ({ access_token, expires_in, refresh_token }) => ({
      access_token,
      expires_in,
      refresh_token,
      scope: ['channel:moderate', 'chat:edit'],
      token_type: 'bearer',
    }),
    // The error is the text of the status.
    refused: {
      invalid_grant: json(400, { error: 'Bad Request', status: 400, message: 'Invalid refresh token' }),
      invalid_client: json(403, { status: 403, message: 'invalid client secret' }),
    },
    revokes: 'access_token',
  },
};
