/**
 * Spotify.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link spotify}. */
export interface SpotifyOptions extends ReuseOptions {
  /** Reuse window in ms. Clients with PKCE may get new refresh tokens; the lifetime of old ones is undocumented. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns Spotify's authorization server. Confidential clients authenticate with `clientSecretBasic()`. If a response contains no
 * refresh token, the old one stays valid. A refresh token expires six months after the consent. There is no revocation endpoint.
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
