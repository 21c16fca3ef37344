/** The way of the page to the API: the cookie stays here, a token continues. */
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { TokenManager } from 'tokenkeep';
import { api } from './sessions.ts';

/**
 * Headers that are forwarded, in both directions. All others stay between the browser and us, or between us and the
 * API.
 */
const asked = ['accept', 'accept-language', 'content-type', 'if-match', 'if-none-match'];
const answered = ['content-type', 'content-language', 'etag', 'retry-after'];

/**
 * A body is held in memory, so that it can be sent once more with another token.
 *
 * @param path beneath the API, after the URL parser has resolved what climbs. A path that climbs in another spelling gets no token.
 */
export async function forward(
  request: IncomingMessage,
  path: string,
  session: TokenManager,
  signal: AbortSignal,
): Promise<Response> {
  const { method = 'GET', headers } = request;
  const target = new URL(`./${path}`, api);
  if (!target.href.startsWith(api)) return new Response(null, { status: 404 });
  const body = headers['content-length'] === undefined ? null : new Uint8Array(await buffer(request));
  const given = asked.map((name) => [name, headers[name]]).filter((pair) => typeof pair[1] === 'string');
  const answer = await session.fetch(target, {
    method,
    headers: given as [string, string][],
    body,
    signal,
    redirect: 'error', // where this backend goes is not the API's to say
  });
  const known = [...answer.headers].filter(([name]) => answered.includes(name));
  return new Response(answer.body, { status: answer.status, headers: known });
}
