/**
 * HubSpot.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';

/**
 * Returns HubSpot's authorization server. Clients authenticate with `clientSecretPost()`. Its refusals have no `error`: the code is in
 * `status` or `category`. It has no revocation endpoint of RFC 7009: sign-out is local.
 *
 * @see https://developers.hubspot.com/docs/api/oauth-quickstart-guide
 */
export function hubspot(): AuthorizationServer {
  return {
    authorizationEndpoint: 'https://app.hubspot.com/oauth/authorize',
    tokenEndpoint: 'https://api.hubapi.com/oauth/v1/token',
    profile: {
      errorFields: ['error', 'status', 'category'],
      errorDetails: ['category', 'subCategory', 'correlationId'],
    },
  };
}
