/**
 * A client that cannot keep a secret.
 *
 * @module
 */

import type { ClientAuthentication, UnauthenticatedRequest } from '../core/oauth/authorization-server.ts';

/** A public client: it names itself and proves nothing. For everything that runs on a user's machine. */
export function none(): ClientAuthentication {
  return { method: 'none', authenticate: identify };
}

/** The parameters of a public client, which most other clients send as well. */
export function identify({ clientId, parameters }: UnauthenticatedRequest): void {
  parameters.set('client_id', clientId);
}
