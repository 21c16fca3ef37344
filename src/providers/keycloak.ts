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
  /** URL of the server: `login.example.com`, or with a path in front of `/realms`: `https://login.example.com/auth`. */
  readonly url: string;
  readonly realm: string;
  /** Reuse window in ms. Rotation has none, but realms without "Revoke Refresh Token" still accept old ones. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns the authorization server of a Keycloak realm. With "Revoke Refresh Token" a refresh token that is sent too often ends the
 * whole session. Reportedly, attempts that failed in Keycloak count as well. A refresh token can expire before its access token.
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
    endSessionEndpoint: `${endpoints}/logout`,
    deviceAuthorizationEndpoint: `${endpoints}/auth/device`,
    profile: { reuseWindow },
  };
}
