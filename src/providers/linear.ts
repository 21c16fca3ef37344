/**
 * Linear.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link linear}. */
export interface LinearOptions extends ReuseOptions {
  /** In ms. Half an hour is reported, and not verified. @default 1_800_000 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Linear. Access tokens live a day.
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
