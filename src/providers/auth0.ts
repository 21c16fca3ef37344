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
  /** The "rotation overlap period" of the application, in ms. Only the latest used refresh token has it. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * A tenant of Auth0. A dead refresh token is answered with 403. Logins for an API of yours need its `audience` as a
 * parameter; a user has 200 refresh tokens for an application at most, and the oldest go silently.
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
    deviceAuthorizationEndpoint: `${base}/oauth/device/code`,
    profile: { reuseWindow },
  };
}
