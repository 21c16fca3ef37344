/**
 * Curity Identity Server.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { baseUrl } from './address.ts';
import { type ReuseOptions, unlimitedReuse } from './reuse.ts';

/** Options of {@link curity}. */
export interface CurityOptions extends ReuseOptions {
  /** Host of the token service: `login.example.com`, `https://localhost:8443`. */
  readonly domain: string;
  /** Prefix of the endpoints of the token service. @default '/oauth/v2/oauth-' */
  readonly prefix?: string | undefined;
  /** Issuer in the profile. Required for ID tokens. @default none */
  readonly issuer?: string | undefined;
  /** `true`: "Reuse Refresh Tokens" is on, so responses contain the same refresh token. @default false: each is single-use */
  readonly reuseRefreshTokens?: boolean | undefined;
  /** The "grace period" of the profile, in ms. @default 0 */
  readonly reuseWindow?: number | undefined;
}

/**
 * Returns the authorization server of a Curity token service, with the endpoints of its default configuration. All its client
 * authentication methods work; for mutual TLS, or other paths, use `discover(issuer, { profile: curity({ … }).profile })`. Its
 * access tokens are opaque, and a refresh returns no new ID token: that of the login stays.
 *
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { clientSecretPost } from 'tokenkeep/client-authentication';
 * import { curity } from 'tokenkeep/providers';
 *
 * const manager = new TokenManager({
 *   clientId: 'www',
 *   clientAuthentication: clientSecretPost('Secr3t!'),
 *   authorizationServer: curity({ domain: 'https://localhost:8443' }),
 *   protectedResources: ['https://api.example.com/'],
 * });
 * ```
 * @throws ConfigurationError for an invalid domain or prefix.
 * @see https://curity.io/docs/identity-server/configuration-reference/profiles/profile/settings/authorization-server/refresh-token-revocation
 */
export function curity(options: CurityOptions): AuthorizationServer {
  const { domain, prefix = '/oauth/v2/oauth-', issuer, reuseRefreshTokens = false } = options;
  if (!/^\/(?!\/)[^?#\\]*$/.test(prefix)) {
    throw new ConfigurationError(
      explain('server-address', "curity({ prefix }) must be the beginning of a path: '/oauth/v2/oauth-'."),
    );
  }
  const endpoint = `${baseUrl('curity({ domain })', domain)}${prefix}`;
  return {
    ...(issuer !== undefined && { issuer }),
    authorizationEndpoint: `${endpoint}authorize`,
    tokenEndpoint: `${endpoint}token`,
    revocationEndpoint: `${endpoint}revoke`,
    profile: { reuseWindow: reuseRefreshTokens ? unlimitedReuse : (options.reuseWindow ?? 0) },
  };
}
