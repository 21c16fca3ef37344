/**
 * Client authentication with a certificate (RFC 8705).
 *
 * @module
 */

import type { ClientAuthentication } from '../core/oauth/authorization-server.ts';
import { identify } from '../token-endpoint/public-client.ts';

/**
 * Returns the authentication with a certificate of the client, issued or self-signed (RFC 8705 §2). Your `fetch` presents
 * the certificate, also to protected resources, which need it for tokens that are bound to it. Requests to the authorization
 * server go to its `mtls_endpoint_aliases`, if there are any.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { discover, TokenManager } from 'tokenkeep';
 * import { tlsClientAuth } from 'tokenkeep/client-authentication';
 * import { Agent } from 'undici'; // of the same major version as `process.versions.undici`
 *
 * const [cert, key] = [readFileSync('client.crt'), readFileSync('client.key')];
 * const dispatcher = new Agent({ connect: { cert, key } });
 *
 * const manager = new TokenManager({
 *   clientId: 'my-backend',
 *   clientAuthentication: tlsClientAuth(),
 *   authorizationServer: discover('https://as.example.com'),
 *   protectedResources: ['https://api.example.com/'],
 *   fetch: (input, init) => fetch(input, { ...init, dispatcher } as RequestInit),
 * });
 * ```
 */
export function tlsClientAuth(): ClientAuthentication {
  return { method: 'tls_client_auth', authenticate: identify, mutualTls: true };
}
