/**
 * Twitch.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link twitch}. */
export interface TwitchOptions extends ReuseOptions {
  /** Reuse window in ms. A refresh may return another refresh token; the validity of the old one is undocumented. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns Twitch's authorization server. Clients authenticate with `clientSecretPost()`. Refusals have their reason in `message`. It
 * revokes access tokens only.
 *
 * @see https://dev.twitch.tv/docs/authentication/refresh-tokens/
 */
export function twitch({ reuseWindow = 0 }: TwitchOptions = {}): AuthorizationServer {
  return {
    issuer: 'https://id.twitch.tv/oauth2',
    authorizationEndpoint: 'https://id.twitch.tv/oauth2/authorize',
    tokenEndpoint: 'https://id.twitch.tv/oauth2/token',
    revocationEndpoint: 'https://id.twitch.tv/oauth2/revoke',
    deviceAuthorizationEndpoint: 'https://id.twitch.tv/oauth2/device',
    profile: {
      reuseWindow,
      revokes: 'access_token',
      errorFields: ['message'],
      errorCodes: { 'Invalid refresh token': 'invalid-grant' },
    },
  };
}
