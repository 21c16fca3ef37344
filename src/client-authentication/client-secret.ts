/**
 * How a client proves who it is with a secret (RFC 6749 §2.3).
 *
 * @module
 */

import type { ClientAuthentication } from '../core/oauth/authorization-server.ts';
import { identify } from '../token-endpoint/public-client.ts';
import { requireSecret } from '../token-endpoint/secret-in-browser.ts';

/** How {@link clientSecretBasic} writes what it sends. */
export interface BasicOptions {
  /**
   * `'form'` encodes id and secret first, as RFC 6749 §2.3.1 says; `'plain'` does not, as many servers expect. They
   * differ only for ids or secrets with other characters than letters, digits and `-._*`.
   *
   * @default 'form'
   */
  readonly encoding?: 'form' | 'plain' | undefined;
  /** `true`: `client_id` stands in the body as well, for servers that look for it there. @default false */
  readonly clientIdInBody?: boolean | undefined;
}

/** The client's secret in the `Authorization` header (RFC 6749 §2.3.1). */
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
 * RFC 6749 Appendix B. Not oauth4webapi's, which encodes `-`, `_`, `.` and `*` as well: servers that do not decode would
 * not know a `my-app` any more.
 */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/** The client's secret in the body (RFC 6749 §2.3.1). */
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
