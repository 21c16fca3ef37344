/**
 * An API of one's own behind the test server's door: it answers those that the server lets in.
 *
 * @module
 */

import type { Exchange, ServerResponse } from './http-exchange.ts';
import type { AccessToken } from './issued-tokens.ts';

/** The owner of an access token, as an API learns it from the token or by introspection. */
export interface ApiCaller {
  readonly subject: string;
  readonly clientId: string;
  readonly scope: readonly string[];
}

/**
 * Answers a request with a valid token. An error that it throws rejects the test's `fetch`; over HTTP it is a 500
 * with its message.
 */
export type ApiHandler = (request: Request, caller: ApiCaller) => Response | Promise<Response>;

/** The answer of a handler, read as text. */
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
