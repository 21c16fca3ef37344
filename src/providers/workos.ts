/**
 * WorkOS: AuthKit.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link workos}. */
export interface WorkosOptions extends ReuseOptions {
  /** Reuse window in ms. The same response to a used refresh token for 30 s is reported, but not verified. @default 30_000 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns WorkOS's authorization server for user management. Its responses contain no lifetime: its access tokens are JWTs with an
 * expiry. To recover lost responses in time, give the manager a `timeout` that is shorter than the window. There is no revocation
 * endpoint of RFC 7009.
 *
 * @see https://workos.com/docs/reference/user-management/authentication/refresh-token
 */
export function workos({ reuseWindow = 30_000 }: WorkosOptions = {}): AuthorizationServer {
  return {
    authorizationEndpoint: 'https://api.workos.com/user_management/authorize',
    tokenEndpoint: 'https://api.workos.com/user_management/authenticate',
    profile: { reuseWindow },
  };
}
