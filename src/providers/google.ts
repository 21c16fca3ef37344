/**
 * Google.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { unlimitedReuse } from './reuse.ts';

/**
 * Returns Google's authorization server. Its refresh responses contain no refresh token: that of the login stays valid. Logins return
 * one for `parameters: { access_type: 'offline', prompt: 'consent' }`. A user has at most 100 for a client, and Google silently
 * removes the oldest. A policy that requires a new sign-in causes `interaction_required`.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/web-server
 */
export function google(): AuthorizationServer {
  return {
    issuer: 'https://accounts.google.com',
    authorizationEndpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
    tokenEndpoint: 'https://oauth2.googleapis.com/token',
    revocationEndpoint: 'https://oauth2.googleapis.com/revoke',
    deviceAuthorizationEndpoint: 'https://oauth2.googleapis.com/device/code',
    profile: { reuseWindow: unlimitedReuse, errorDetails: ['error_subtype'] },
  };
}
