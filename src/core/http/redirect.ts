/**
 * The rules of following a redirect, for a client that follows redirects itself and decides for each target which token, if any,
 * it receives (RFC 9110 §15.4).
 *
 * @module
 */

import { readMember } from '../own-members.ts';
import type { BodyKind } from './request-body.ts';
import { hasUserInfo, parseUrl } from './url.ts';

/** The request that a redirect leads to, as changes to the redirected request. */
export interface Hop {
  readonly url: string;
  readonly method: string;
  /** `true`: the next request has no body. */
  readonly dropBody: boolean;
  /** Names of headers that the next request must not have, in lower case. */
  readonly dropHeaders: readonly string[];
}

/** Number of redirects that `fetch` follows. The next one is a network error. */
export const redirectLimit = 20;

const redirectStatuses: readonly number[] = [301, 302, 303, 307, 308];
/** Headers that are valid only for the original URL: a token, and the proof of possession that names its URL (RFC 9449 §4.2). */
const tokenHeaders = ['authorization', 'dpop'];
const originHeaders = ['cookie', 'host', 'proxy-authorization'];
const bodyHeaders = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-type',
];

/**
 * Determines how `fetch` would treat a response: follow it to a {@link Hop}, reject (`network-error`), or, if it is
 * no redirect, return it (`undefined`). The caller counts to {@link redirectLimit}.
 *
 * Where a token travels is decided by the caller for each hop: `authorization` is always among the headers to drop.
 *
 * @param location the value of the Location header as `Headers.get` gives it.
 * @see Fetch Standard, "HTTP-redirect fetch"
 */
export function nextHop(
  from: { url: string; method: string; bodyKind: BodyKind },
  status: number,
  location: string | null,
): Hop | undefined | 'network-error' {
  if (location === null || !redirectStatuses.includes(status)) return undefined;
  const current = parseUrl(from.url);
  const target = parseUrl(fromLatin1(location), from.url);
  if (current === null || target === null) return 'network-error';
  if (!/^https?:$/.test(target.protocol)) return 'network-error';
  // Within its own origin a page may do this. A client that follows by hand cannot: a Request refuses such a
  // URL.
  if (hasUserInfo(target)) return 'network-error';
  // Even if the method becomes GET and the body would be dropped: the standard checks the body before the method.
  if (status !== 303 && from.bodyKind === 'one-shot') return 'network-error';
  // A fragment that exists but is empty is not replaced, and `hash` is the same without one.
  if (!target.href.includes('#')) target.hash = current.hash;
  const dropBody = becomesGet(from.method, status);
  const dropHeaders = [
    ...tokenHeaders,
    ...(target.origin === current.origin ? [] : originHeaders),
    ...(dropBody ? bodyHeaders : []),
  ];
  return { url: target.href, method: dropBody ? 'GET' : from.method, dropBody, dropHeaders };
}

const referrerPolicies =
  /^(?:no-referrer(?:-when-downgrade)?|same-origin|(?:strict-)?origin(?:-when-cross-origin)?|unsafe-url)$/;

/** Returns the referrer policy that a redirect sets for the next request: the last known value. */
export function referrerPolicyOf(headers: Headers): RequestInit['referrerPolicy'] {
  const named = headers.get('referrer-policy')?.toLowerCase().split(',') ?? [];
  const known = named.map((token) => token.trim()).filter((token) => referrerPolicies.test(token));
  return known.at(-1) as RequestInit['referrerPolicy'];
}

function becomesGet(method: string, status: number): boolean {
  // A Request normalises these methods in any case.
  if (status === 301 || status === 302) return /^post$/i.test(method);
  return status === 303 && !/^(?:get|head)$/i.test(method);
}

/**
 * Escapes the bytes of a Location. Headers are bytes, and a Location that is not ASCII is meant as UTF-8. The URL parser would
 * encode the characters instead.
 */
function fromLatin1(value: string): string {
  if (/[\u0100-\uffff]/.test(value)) return value;
  return value.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Text for an origin that the transport does not name. */
const otherAddress = 'another address';

/** The members of a response that identify its origin, if the transport has them. */
export interface ResponseSource {
  readonly url?: string | undefined;
  readonly redirected?: boolean | undefined;
}

/**
 * Returns the origin of a response if its URL differs from the requested one. It returns only the origin, because a whole URL may
 * contain a secret. `undefined`: the URL is the requested one, or the transport does not report it.
 */
export function otherResponseOrigin(
  requested: string,
  { url, redirected }: ResponseSource,
): string | undefined {
  const place =
    typeof url === 'string' && url !== '' && url !== requested ? otherOrigin(requested, url) : undefined;
  return place ?? (redirected === true ? otherAddress : undefined);
}

function otherOrigin(requested: string, url: string): string | undefined {
  const [from, to] = [parseUrl(requested), parseUrl(url)];
  if (from === null || to === null) return undefined; // not reported
  from.hash = '';
  to.hash = '';
  return from.href === to.href ? undefined : to.origin;
}

/** The error of a transport that followed a redirect contrary to `redirect: 'manual'`. */
export class RedirectFollowedError extends Error {
  override readonly name = 'RedirectFollowedError';

  constructor(to: string) {
    super(`The transport followed a redirect to ${to} although the request had redirect: 'manual'.`);
  }
}

/**
 * Checks the origin of a response.
 *
 * @throws RedirectFollowedError if a response comes from another address (law tokens-stay-home).
 */
export function assertResponseOrigin(
  requested: string,
  response: ResponseSource,
  transport: { readonly redirects?: 'manual' },
): void {
  const origin = otherResponseOrigin(requested, response);
  if (origin === undefined) return;
  if (readMember(transport, 'redirects') !== 'manual') throw new RedirectFollowedError(origin);
  // A transport that follows no redirects may send a request to another address than the one it was given.
  if (response.redirected === true) throw new RedirectFollowedError(otherAddress);
}
