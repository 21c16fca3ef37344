/**
 * Spotify, for confidential clients.
 *
 * @module
 */

import { refusals } from '../refusals.ts';
import type { AuthorizationServerOptions } from '../settings.ts';
import { json } from '../wire.ts';

export const spotify: AuthorizationServerOptions = {
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
