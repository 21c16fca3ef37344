/**
 * A custom API behind the test server's check of tokens: it handles the accepted requests.
 *
 * @module
 */

import type { Exchange, ServerResponse } from './http-exchange.ts';
import type { AccessToken } from './issued-tokens.ts';

/** The owner of an access token, as the token or introspection names it to an API. */
export interface ApiCaller {
  readonly subject: string;
  readonly clientId: string;
  readonly scope: readonly string[];
}

/**
 * Responds to a request with a valid token. An error that it throws rejects the test's `fetch`; over HTTP it is a 500
 * with its message.
 */
export type ApiHandler = (request: Request, caller: ApiCaller) => Response | Promise<Response>;

/** Returns the response of a handler, read as text. */
export async function callApiHandler(
  handler: ApiHandler,
  { method, url, headers, body }: Exchange,
  { family, scope }: AccessToken,
): Promise<ServerResponse> {
  const request = new Request(url, { method, headers, ...(body.length > 0 && { body }) });
  const response = await handler(request, { subject: family.subject, clientId: family.clientId, scope });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}
