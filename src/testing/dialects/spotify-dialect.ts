/**
 * Spotify, for confidential clients.
 *
 * @module
 */

import { json } from '../server/http-exchange.ts';
import { refusals } from '../server/refusals.ts';
import type { AuthorizationServerOptions } from '../server/server-settings.ts';

export const spotifyDialect: AuthorizationServerOptions = {
  issuer: 'https://accounts.spotify.com',
  tokenEndpoint: 'https://accounts.spotify.com/api/token',
  revocationEndpoint: null,
  apiOrigin: 'https://api.spotify.com',
  profile: 'noRotation',
  accessTokenLifetime: 3_600_000,
  refusal: refusals.spotify,
  dialect: {
    namesIssuer: false,
    granted: ({ access_token, scope, expires_in, refresh_token }) => ({
      access_token,
      token_type: 'Bearer',
      scope,
      expires_in,
      refresh_token,
    }),
    refused: {
      invalid_grant: json(400, { error: 'invalid_grant', error_description: 'Refresh token revoked' }),
    },
  },
};
