/**
 * Linear.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link linear}. */
export interface LinearOptions extends ReuseOptions {
  /** Reuse window in ms. Half an hour is reported, but not verified. @default 1_800_000 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns Linear's authorization server. Access tokens are valid for a day.
 *
 * @see https://linear.app/developers/oauth-2-0-authentication
 */
export function linear({ reuseWindow = 30 * 60_000 }: LinearOptions = {}): AuthorizationServer {
  return {
    authorizationEndpoint: 'https://linear.app/oauth/authorize',
    tokenEndpoint: 'https://api.linear.app/oauth/token',
    revocationEndpoint: 'https://api.linear.app/oauth/revoke',
    profile: { reuseWindow },
  };
}
