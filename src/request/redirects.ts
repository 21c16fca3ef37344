/**
 * Follows redirects in place of the platform, so that a token is never sent to a URL that is not a protected resource (law
 * tokens-stay-home).
 *
 * @module
 */
import { nextHop, redirectLimit, referrerPolicyOf } from '../core/http/redirect.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';
import { discardBody } from '../token-endpoint/send-request.ts';
import { copyMembers, type ReplayableRequest } from './replayable-request.ts';

/** Sends the next hop. Decides again which credentials its target receives, if any. */
export type SendNextHop = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Follows a redirect by the rules of the Fetch standard. Returns a response that is not a redirect.
 *
 * @throws TypeError if `fetch` would.
 */
export async function followRedirect(
  request: ReplayableRequest,
  hops: number,
  response: Response,
  next: SendNextHop,
): Promise<Response> {
  const { url, kind, method, init } = request;
  const { status } = response;
  if (status < 300 || status > 399) return await withCheckedIntegrity(request, response);
  const from = { url: response.url || url, method, bodyKind: kind };
  const hop = nextHop(from, status, response.headers.get('location'));
  if (hop === undefined) return await withCheckedIntegrity(request, response);
  discardBody(response);
  if (hop === 'network-error') throw fetchFailed('The redirect cannot be followed.');
  if (hops >= redirectLimit) throw fetchFailed('redirect count exceeded');
  const headers = new Headers(init.headers);
  for (const name of hop.dropHeaders) headers.delete(name);
  const {
    body: _body,
    redirect: _manual,
    ...members
  } = { ...inheritedInit(request.input), ...definedMembers(init) };
  const body = hop.dropBody ? undefined : ((await request.cloneBody()) ?? init.body);
  const policy = referrerPolicyOf(response.headers);
  const final = await next(hop.url, {
    ...members,
    method: hop.method,
    headers,
    ...(body === undefined || body === null ? {} : { body }),
    ...(policy && { referrerPolicy: policy }),
    ...(request.integrity && { integrity: request.integrity }),
  });
  return asRedirected(final);
}

function withCheckedIntegrity(
  { integrity }: ReplayableRequest,
  response: Response,
): Response | Promise<Response> {
  return integrity ? verifyIntegrity(response, integrity) : response;
}

/**
 * Returns the `init` for sending a request again on a platform that follows redirects, because its redirect was hidden.
 *
 * @throws TypeError for a request that may have had an effect: only GET and HEAD are sent again.
 */
export function initForPlatformRedirect({ method, init, integrity }: ReplayableRequest): RequestInit {
  if (!/^(?:get|head)$/i.test(method))
    throw fetchFailed('The transport hides where a redirect leads (opaqueredirect).');
  const headers = new Headers(init.headers);
  headers.delete('authorization');
  headers.delete('dpop');
  return { ...init, headers, redirect: 'follow', ...(integrity && { integrity }) };
}

/** Returns the members that a `Request` has without an `init`: credentials, signal, members of single platforms. */
function inheritedInit(input: string | Request): RequestInit {
  if (typeof input === 'string') return {};
  const { mode, referrer: _referrer, referrerPolicy: _policy, ...members } = copyMembers(input);
  return mode === undefined || mode === 'navigate' ? members : { ...members, mode };
}

/** Drops undefined members: `fetch` ignores them, so they must not override a member that is set. */
function definedMembers(init: RequestInit): RequestInit {
  return Object.fromEntries(Object.entries(init).filter(([, value]) => value !== undefined));
}

/** Marks a response and its copies as redirected, as the platform does when it follows a redirect. */
function asRedirected(response: Response): Response {
  return Object.defineProperties(response, {
    redirected: { value: true, configurable: true },
    clone: {
      value: () => asRedirected(Object.getPrototypeOf(response).clone.call(response)),
      configurable: true,
    },
  });
}

/**
 * Checks the integrity of a body as the platform would have done.
 *
 * @throws TypeError for another body.
 * @see Subresource Integrity §3.3
 */
async function verifyIntegrity(response: Response, integrity: string): Promise<Response> {
  const named = [...integrity.matchAll(/(?:^|\s)sha(256|384|512)-([^\s?]*)/gi)];
  // The strongest of several algorithms counts, even if its hash can never match. Without a known algorithm nothing is checked.
  const strongest = String(Math.max(...named.map(([, bits]) => Number(bits))));
  const required = named
    .filter(([, bits]) => bits === strongest)
    .map(([, , hash = '']) => normalizeBase64(hash));
  if (required.length === 0) return response;
  const digest = await subtleCrypto('The option integrity of fetch').digest(
    `SHA-${strongest}`,
    await response.clone().arrayBuffer(),
  );
  const found = btoa(String.fromCharCode(...new Uint8Array(digest)));
  if (required.includes(normalizeBase64(found))) return response;
  await response.body?.cancel();
  throw fetchFailed('integrity mismatch');
}

function normalizeBase64(base64: string): string {
  return base64.replace(/-/g, '+').replace(/_/g, '/').replace(/=/g, '');
}

/** Returns an error like that of `fetch`. */
function fetchFailed(why: string): TypeError {
  return new TypeError('fetch failed', { cause: new Error(why) });
}
