/**
 * Following a redirect ourselves, so that a token never travels to a place that was not named (law 8).
 *
 * @module
 */
import { nextHop } from '../core/redirect.ts';
import { isRequest, methodOf, type Outgoing } from './outgoing.ts';

/** Sends the next hop. It decides anew which token the next place gets, if any. */
export type Follow = (url: string, init: RequestInit) => Promise<Response>;

/** The Fetch standard's limit. */
const mostHops = 20;

/**
 * Follows a redirect as the Fetch standard says, or gives the response back if it is none.
 *
 * @throws TypeError where `fetch` would.
 */
export async function follow(
  request: Outgoing & { readonly url: string; readonly hops: number },
  response: Response,
  next: Follow,
): Promise<Response> {
  const { url, hops, kind, input, init } = request;
  const { status } = response;
  if (status < 300 || status > 399) return response;
  const from = { url: response.url || url, method: methodOf(input, init), bodyKind: kind };
  const hop = nextHop(from, status, response.headers.get('location'));
  if (hop === undefined) return response;
  response.body?.cancel().catch(() => undefined);
  if (hop === 'network-error')
    throw new TypeError('fetch failed', { cause: new Error('The redirect cannot be followed.') });
  if (hops >= mostHops) throw new TypeError('fetch failed', { cause: new Error('redirect count exceeded') });
  const headers = new Headers(init?.headers ?? (isRequest(input) ? input.headers : undefined));
  for (const name of hop.dropHeaders) headers.delete(name);
  const { body: _body, redirect: _manual, ...rest } = init ?? {};
  const body = hop.dropBody ? undefined : init?.body;
  const members = {
    ...rest,
    method: hop.method,
    headers,
    ...(body === undefined || body === null ? {} : { body }),
  };
  const final = await next(hop.url, await arranged(request, hop.dropBody, members));
  // What the platform would say of a response that it had followed to.
  Object.defineProperty(final, 'redirected', { value: true, configurable: true });
  return final;
}

/**
 * The `init` of a request that is sent once more because its redirect was hidden, for a platform that follows.
 *
 * @throws TypeError for a request that may have had an effect: only GET and HEAD are sent again.
 */
export function followedByPlatform(input: string | Request, init: RequestInit | undefined): RequestInit {
  if (!/^(?:get|head)$/i.test(methodOf(input, init))) {
    const cause = new Error('The transport hides where a redirect leads (opaqueredirect).');
    throw new TypeError('fetch failed', { cause });
  }
  const headers = new Headers(init?.headers ?? (isRequest(input) ? input.headers : undefined));
  headers.delete('authorization');
  headers.delete('dpop');
  return { ...init, headers, redirect: 'follow' };
}

/** A `Request` brings members along that no `init` shows: mode, credentials, signal, its body, … */
async function arranged(
  { input, spare }: Outgoing,
  dropBody: boolean,
  members: RequestInit,
): Promise<RequestInit> {
  if (!isRequest(input)) return members;
  const { credentials, cache, referrer, referrerPolicy, integrity, keepalive, signal, mode } = input;
  const bare = { credentials, cache, referrer, referrerPolicy, integrity, keepalive, signal, mode };
  const inherited = { ...(mode === 'navigate' ? {} : bare), ...members };
  // All of it is in memory since the first place has read it; as a Blob it has a length, like the original.
  return dropBody || spare === undefined ? inherited : { ...inherited, body: await spare.blob() };
}
