/**
 * WorkOS: AuthKit.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link workos}. */
export interface WorkosOptions extends ReuseOptions {
  /** In ms. That a used refresh token gets the same answer for 30 s is reported, and not verified. @default 30_000 */
  readonly reuseWindow?: number | undefined;
}

/**
 * User management of WorkOS. Its answers have no lifetime, its access tokens are JWTs that say it. For lost responses to be
 * healed in time give the manager a `timeout` that is shorter than the window. There is no revocation endpoint of RFC 7009.
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
