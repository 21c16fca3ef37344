/**
 * Auth0.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { origin } from './address.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link auth0}. */
export interface Auth0Options extends ReuseOptions {
  /** `acme.eu.auth0.com`, or a domain of your own. */
  readonly domain: string;
  /** "Rotation overlap period" of the application, in ms. It applies only to the latest used refresh token. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns the authorization server of an Auth0 tenant. A dead refresh token gets a 403. Logins for your own API need its `audience`
 * as a parameter. A user has at most 200 refresh tokens for an application, and Auth0 silently removes the oldest.
 * Logouts use Auth0's own form, without `state`. `discover()` finds the form of OpenID Connect.
 *
 * @throws ConfigurationError for an invalid domain.
 * @see https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation
 */
export function auth0({ domain, reuseWindow = 0 }: Auth0Options): AuthorizationServer {
  const base = origin('auth0({ domain })', domain);
  return {
    issuer: `${base}/`,
    authorizationEndpoint: `${base}/authorize`,
    tokenEndpoint: `${base}/oauth/token`,
    revocationEndpoint: `${base}/oauth/revoke`,
    endSessionEndpoint: `${base}/v2/logout`,
    endSessionRedirectParameter: 'returnTo',
    deviceAuthorizationEndpoint: `${base}/oauth/device/code`,
    profile: { reuseWindow },
  };
}
