/**
 * Keycloak.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { baseUrl, segment } from './address.ts';
import type { ReuseOptions } from './reuse.ts';

/** Options of {@link keycloak}. */
export interface KeycloakOptions extends ReuseOptions {
  /** Where it runs: `login.example.com`, or with a path in front of `/realms`: `https://login.example.com/auth`. */
  readonly url: string;
  readonly realm: string;
  /** Its rotation has no such window, but realms without "Revoke Refresh Token" take old ones on. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * A realm of Keycloak. With "Revoke Refresh Token" a refresh token that comes too often ends the whole session, and it is
 * reported that attempts which failed in Keycloak count as well. A refresh token can end before its access token does.
 *
 * @throws ConfigurationError for an invalid URL or realm.
 * @see https://www.keycloak.org/docs/latest/server_admin/
 */
export function keycloak({ url, realm, reuseWindow = 0 }: KeycloakOptions): AuthorizationServer {
  const issuer = `${baseUrl('keycloak({ url })', url)}/realms/${segment('keycloak({ realm })', realm)}`;
  const endpoints = `${issuer}/protocol/openid-connect`;
  return {
    issuer,
    authorizationEndpoint: `${endpoints}/auth`,
    tokenEndpoint: `${endpoints}/token`,
    revocationEndpoint: `${endpoints}/revoke`,
    deviceAuthorizationEndpoint: `${endpoints}/auth/device`,
    profile: { reuseWindow },
  };
}
