/**
 * A client that cannot keep a secret.
 *
 * @module
 */

import type { ClientAuthentication, UnauthenticatedRequest } from '../core/oauth/authorization-server.ts';

/** Returns the authentication of a public client, which only sends its id. For programs on a user's machine. */
export function none(): ClientAuthentication {
  return { method: 'none', authenticate: identify };
}

/** Sets the parameters of a public client, which most other clients send as well. */
export function identify({ clientId, parameters }: UnauthenticatedRequest): void {
  parameters.set('client_id', clientId);
}
