/**
 * How a client proves who it is with a certificate (RFC 8705).
 *
 * @module
 */

import type { ClientAuthentication } from '../core/oauth/authorization-server.ts';
import { identify } from '../token-endpoint/public-client.ts';

/**
 * The client's certificate, issued or self-signed, which the transport presents (RFC 8705 §2): to the endpoints in
 * `mtls_endpoint_aliases` where there are any, and to the protected resources, for tokens that are bound to it.
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
