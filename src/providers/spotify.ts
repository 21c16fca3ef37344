/**
 * Spotify.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link spotify}. */
export interface SpotifyOptions extends ReuseOptions {
  /** Clients with PKCE may get new refresh tokens; how long the old ones work is not documented, in ms. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Spotify. Confidential clients authenticate with `clientSecretBasic()`. Where no refresh token comes the old one stays. A
 * refresh token ends six months after the consent. There is no revocation endpoint.
 *
 * @see https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens
 */
export function spotify({ reuseWindow = 0 }: SpotifyOptions = {}): AuthorizationServer {
  return {
    authorizationEndpoint: 'https://accounts.spotify.com/authorize',
    tokenEndpoint: 'https://accounts.spotify.com/api/token',
    profile: { reuseWindow },
  };
}
