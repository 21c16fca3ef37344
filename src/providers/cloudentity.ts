/**
 * Cloudentity, now SecureAuth: a server for each workspace of a tenant.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { origin, segment } from './address.ts';
import { unlimitedReuse } from './reuse.ts';

/** Options of {@link cloudentity}. */
export interface CloudentityOptions {
  /** `acme.eu.authz.cloudentity.io`, or a domain of your own. */
  readonly domain: string;
  /** Id of the tenant. Omit it if the domain belongs to the tenant. */
  readonly tenant?: string | undefined;
  /** Id of the workspace, which is the authorization server. Omit it if the domain belongs to the workspace. */
  readonly workspace?: string | undefined;
  /**
   * `false`: the workspace has refresh token cycling switched off, so the first refresh token continues to work.
   *
   * @default true: each refresh token is single-use
   */
  readonly cycling?: boolean | undefined;
}

/**
 * Returns the authorization server of a Cloudentity workspace. Its generic errors contain a sentence in place of a code, which becomes
 * the `description`.
 *
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { clientSecretBasic } from 'tokenkeep/client-authentication';
 * import { cloudentity } from 'tokenkeep/providers';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-backend',
 *   clientAuthentication: clientSecretBasic('the secret'),
 *   authorizationServer: cloudentity({
 *     domain: 'acme.eu.authz.cloudentity.io',
 *     tenant: 'acme',
 *     workspace: 'default',
 *   }),
 *   protectedResources: ['https://api.example.com/'],
 * });
 * ```
 * @throws ConfigurationError for an invalid domain, tenant or workspace.
 * @see https://cloudentity.com/developers/howtos/auth-settings/configuring_oauth_settings/
 */
export function cloudentity(options: CloudentityOptions): AuthorizationServer {
  const { domain, cycling = true } = options;
  const names = (['tenant', 'workspace'] as const).filter((name) => options[name] !== undefined);
  const path = names.map((name) => segment(`cloudentity({ ${name} })`, options[name]));
  const issuer = [origin('cloudentity({ domain })', domain), ...path].join('/');
  return {
    issuer,
    authorizationEndpoint: `${issuer}/oauth2/authorize`,
    tokenEndpoint: `${issuer}/oauth2/token`,
    revocationEndpoint: `${issuer}/oauth2/revoke`,
    profile: {
      reuseWindow: cycling ? 0 : unlimitedReuse,
      errorDetails: ['error_hint', 'cause', 'details', 'status_code', 'error_code'],
    },
  };
}
