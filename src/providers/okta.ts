/**
 * Okta.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { origin, segment } from './address.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link okta}. */
export interface OktaOptions extends ReuseOptions {
  /** `acme.okta.com`, or a domain of your own. */
  readonly domain: string;
  /** Id of a custom authorization server, such as `default`. @default the one of the organisation */
  readonly authorizationServer?: string | undefined;
  /** The "grace period for token rotation" of the application, in ms. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns an authorization server of Okta. With persistent refresh tokens, responses contain the same one.
 *
 * @throws ConfigurationError for an invalid domain.
 * @see https://developer.okta.com/docs/guides/refresh-tokens/main/
 */
export function okta({ domain, authorizationServer, reuseWindow = 0 }: OktaOptions): AuthorizationServer {
  const base = origin('okta({ domain })', domain);
  const path =
    authorizationServer === undefined
      ? '/oauth2'
      : `/oauth2/${segment('okta({ authorizationServer })', authorizationServer)}`;
  return {
    issuer: authorizationServer === undefined ? base : base + path,
    authorizationEndpoint: `${base}${path}/v1/authorize`,
    tokenEndpoint: `${base}${path}/v1/token`,
    revocationEndpoint: `${base}${path}/v1/revoke`,
    endSessionEndpoint: `${base}${path}/v1/logout`,
    deviceAuthorizationEndpoint: `${base}${path}/v1/device/authorize`,
    profile: { reuseWindow },
  };
}
