/**
 * Client authentication with a secret (RFC 6749 §2.3).
 *
 * @module
 */

import type { ClientAuthentication } from '../core/oauth/authorization-server.ts';
import { identify } from '../token-endpoint/public-client.ts';
import { requireSecret } from '../token-endpoint/secret-in-browser.ts';

/** Options of {@link clientSecretBasic}. */
export interface BasicOptions {
  /**
   * Encoding of id and secret. `'form'` form-encodes them first (RFC 6749 §2.3.1), `'plain'` does not, as many servers
   * expect. The two differ only for ids or secrets with characters other than letters, digits and `-._*`.
   *
   * @default 'form'
   */
  readonly encoding?: 'form' | 'plain' | undefined;
  /** `true`: sends `client_id` in the body too, for servers that expect it there. @default false */
  readonly clientIdInBody?: boolean | undefined;
}

/**
 * Returns the authentication with the client's secret in the `Authorization` header (RFC 6749 §2.3.1).
 *
 * @throws ConfigurationError if `secret` is not a non-empty string.
 */
export function clientSecretBasic(secret: string, options: BasicOptions = {}): ClientAuthentication {
  requireSecret('clientSecretBasic', secret);
  const encode = options.encoding === 'plain' ? (text: string) => text : formEncode;
  return {
    method: 'client_secret_basic',
    authenticate: ({ clientId, parameters, headers }) => {
      const bytes = new TextEncoder().encode(`${encode(clientId)}:${encode(secret)}`);
      headers.set('authorization', `Basic ${btoa(String.fromCharCode(...bytes))}`);
      if (options.clientIdInBody === true) parameters.set('client_id', clientId);
    },
  };
}

/**
 * Encodes as RFC 6749 Appendix B requires. oauth4webapi also encodes `-`, `_`, `.` and `*`: a server that does not decode would then
 * not recognise a client named `my-app`.
 */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/**
 * Returns the authentication with the client's secret in the body (RFC 6749 §2.3.1).
 *
 * @throws ConfigurationError if `secret` is not a non-empty string.
 */
export function clientSecretPost(secret: string): ClientAuthentication {
  requireSecret('clientSecretPost', secret);
  return {
    method: 'client_secret_post',
    authenticate: (request) => {
      identify(request);
      request.parameters.set('client_secret', secret);
    },
  };
}
