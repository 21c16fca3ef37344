/**
 * ReachFive: JSON bodies. A refresh token that is sent twice invalidates all others.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { origin } from './address.ts';

/** Options of {@link reachfive}. */
export interface ReachfiveOptions {
  /** The domain of the account: `acme.reach5.net`, or one of your own. */
  readonly domain: string;
  /** Lifetime of a refresh token, as set in the console, in ms: 1 to 365 days, there 90 by default. @default unknown */
  readonly refreshTokenLifetime?: number | undefined;
}

/**
 * Returns the authorization server of a ReachFive account. Refresh tokens are single-use, and one that is used again invalidates all
 * others of the user and client, so none is ever sent twice. A refresh token needs the scope `offline_access`, refresh tokens
 * enabled in the console, and for public clients PKCE enforced. 100 token requests a minute are allowed for one address.
 *
 * The issuer is not documented: its ID tokens are assumed to come from the domain. If they do not, set `issuer`.
 *
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { reachfive } from 'tokenkeep/providers';
 *
 * const manager = new TokenManager({
 *   clientId: 'CLIENT_ID',
 *   authorizationServer: reachfive({ domain: 'acme.reach5.net' }),
 *   protectedResources: ['https://api.example.com/'],
 * });
 * manager.on('sessionEnded', ({ error }) => console.log(error.details?.['error_user_msg']));
 * ```
 * @throws ConfigurationError for an invalid domain.
 * @see https://developer.reachfive.com/docs/openid.html
 */
export function reachfive({ domain, refreshTokenLifetime }: ReachfiveOptions): AuthorizationServer {
  const base = origin('reachfive({ domain })', domain);
  return {
    issuer: base,
    authorizationEndpoint: `${base}/oauth/authorize`,
    tokenEndpoint: `${base}/oauth/token`,
    revocationEndpoint: `${base}/oauth/revoke`,
    profile: {
      requestEncoding: 'json',
      ...(refreshTokenLifetime !== undefined && { refreshTokenLifetime }),
      errorDetails: ['error_id', 'error_message_key', 'error_user_msg', 'error_details'],
    },
  };
}
