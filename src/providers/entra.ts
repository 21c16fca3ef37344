/**
 * Microsoft Entra ID.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { segment } from './address.ts';
import { unlimitedReuse } from './reuse.ts';

/** Options of {@link entra}. */
export interface EntraOptions {
  /** The id of a tenant, its domain, `organizations`, `consumers` or `common`. ID tokens need the id. @default 'common' */
  readonly tenant?: string | undefined;
}

/**
 * Returns the authorization server of a Microsoft Entra ID tenant, version 2.0. It has no revocation endpoint. Old refresh tokens
 * continue to work; those of single-page applications expire after 24 hours, even after a refresh. If Entra requires the user to act,
 * `details` of the error contains the `claims` that the login has to request.
 *
 * @throws ConfigurationError for an invalid tenant.
 * @see https://learn.microsoft.com/entra/identity-platform/refresh-tokens
 */
export function entra({ tenant = 'common' }: EntraOptions = {}): AuthorizationServer {
  const base = `https://login.microsoftonline.com/${segment('entra({ tenant })', tenant)}`;
  const isId = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(tenant);
  return {
    ...(isId && { issuer: `${base}/v2.0` }),
    authorizationEndpoint: `${base}/oauth2/v2.0/authorize`,
    tokenEndpoint: `${base}/oauth2/v2.0/token`,
    endSessionEndpoint: `${base}/oauth2/v2.0/logout`,
    deviceAuthorizationEndpoint: `${base}/oauth2/v2.0/devicecode`,
    profile: {
      reuseWindow: unlimitedReuse,
      errorDetails: ['claims', 'suberror', 'error_codes', 'timestamp', 'trace_id', 'correlation_id'],
    },
  };
}
