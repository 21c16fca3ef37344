/**
 * The option `protectedResources`: which URLs get an access token, and which one.
 *
 * @module
 */

import { ConfigurationError } from '../errors.ts';
import { ownMembers } from '../own-members.ts';
import { variantOf } from '../session/session-record.ts';
import { isLoopback } from './endpoint.ts';
import type { ResourcePattern } from './resource-matcher.ts';
import { createPattern, matchParsed, matchPlain, sortPatterns } from './resource-matcher.ts';
import { parseUrl } from './url.ts';

/** A place that access tokens are sent to. Nothing else ever gets one (RFC 6750 §5.2). */
export interface ProtectedResource {
  /**
   * An absolute URL: https, or http on loopback; in a page also relative to it. It stands for its path and everything
   * beneath: `https://api.example.com/v1` is `/v1`, `/v1/` and `/v1/orders?x=1`, but not `/v10`. Of several that
   * fit, the longest path wins.
   */
  readonly url: string;
  /**
   * Scopes that a token for this place must have. Try it with your server: some narrow the whole grant for good, see
   * {@link AccessTokenRequest.scope}.
   *
   * @default the scopes of the whole grant
   */
  readonly scope?: readonly string[] | undefined;
  /** Resource indicators that a token for this place is asked with (RFC 8707): absolute URIs without a fragment. */
  readonly resource?: string | readonly string[] | undefined;
  /**
   * `true`: 401 responses of this place have no CORS headers, so `fetch` of a page rejects with a `TypeError` in their place. Such
   * a rejection then counts as evidence against the access token: it is refreshed once, unless the platform is offline or the
   * previous token failed in the same way. The request is not sent again, because it may have been processed: the caller gets
   * the `TypeError`, and the next call has the new token. Better let the API send CORS headers with its errors.
   *
   * @default false: a request that fails says nothing about its token
   */
  readonly hides401?: boolean | undefined;
}

/** A {@link ProtectedResource} that has been checked: its URL is absolute and as the URL parser writes it. */
export interface NamedResource {
  readonly url: string;
  readonly scope?: readonly string[] | undefined;
  readonly resource?: readonly string[] | undefined;
  readonly hides401?: boolean | undefined;
  /** Names the access token that it gets. */
  readonly variant: string;
}

/** Finds the resource that a URL belongs to. Never throws; what is not clearly in a named place is in none. */
export type ResourceMatcher = (url: string) => NamedResource | undefined;

/**
 * Checks the option `protectedResources` and makes the matcher of its URLs.
 *
 * @param base what relative URLs are relative to. A function is asked again for each relative URL, because `fetch` does
 *   the same: `history.pushState` and `<base>` change where a relative URL leads.
 * @throws ConfigurationError that names the entry and the remedy. It does not repeat the URL, which may hold a password.
 * @see RFC 6749 §3.3 for scopes, RFC 8707 §2 for resource indicators
 */
export function parseProtectedResources(
  resources: readonly (string | ProtectedResource)[],
  base?: string | (() => string),
): { resources: readonly NamedResource[]; match: ResourceMatcher } {
  const currentBase = typeof base === 'function' ? base : () => base;
  const start = currentBase();
  if (start !== undefined && parseUrl(start) === null) {
    throw new ConfigurationError(
      'The base of protectedResources is not a URL: give an absolute one, or none.',
    );
  }
  if (!Array.isArray(resources) || resources.length === 0) {
    throw new ConfigurationError(
      "protectedResources names no place that gets a token: give an array such as ['https://api.example.com/v1'].",
    );
  }
  const patterns = resources.map((resource, index) =>
    parseEntry(resource, `protectedResources[${index}]`, start),
  );
  rejectDuplicates(patterns);
  const sorted = sortPatterns(patterns);
  const match: ResourceMatcher = (url) => {
    if (typeof url !== 'string') return undefined;
    return (matchPlain(sorted, url) ?? matchParsed(sorted, url, currentBase()))?.resource;
  };
  return { resources: patterns.map(({ resource }) => resource), match };
}

/** The request of a place without options. All members are present, so that none is inherited. */
const noOptions = { scope: undefined, resource: undefined, hides401: undefined } as const;

function parseEntry(entry: unknown, name: string, base: string | undefined): ResourcePattern<NamedResource> {
  if (typeof entry === 'string') return parseEntryUrl(entry, noOptions, { name, base });
  if (typeof entry !== 'object' || entry === null) {
    throw new ConfigurationError(
      `${name} is neither a URL nor an object: give 'https://…' or { url: 'https://…' }.`,
    );
  }
  const { url, scope, resource, hides401 } = ownMembers(entry) as {
    [key in keyof ProtectedResource]: unknown;
  };
  const other = Object.keys(entry).find((name) => !['url', 'scope', 'resource', 'hides401'].includes(name));
  if (other !== undefined) {
    throw new ConfigurationError(
      `${name} has an unknown member ${other}. It takes url, scope, resource and hides401.`,
    );
  }
  if (hides401 !== undefined && typeof hides401 !== 'boolean') {
    throw new ConfigurationError(`${name}.hides401 must be true or false.`);
  }
  const request = {
    hides401,
    scope: scope === undefined ? undefined : checkScope(scope, `${name}.scope`),
    resource: resource === undefined ? undefined : checkIndicators(resource, `${name}.resource`),
  };
  return parseEntryUrl(url, request, { name: `${name}.url`, base });
}

function parseEntryUrl(
  value: unknown,
  request: Pick<NamedResource, 'scope' | 'resource' | 'hides401'>,
  { name, base }: { name: string; base: string | undefined },
): ResourcePattern<NamedResource> {
  const reject = (problem: string): never => {
    throw new ConfigurationError(`${name} ${problem}`);
  };
  const url = typeof value === 'string' && value !== '' ? parseUrl(value, base) : null;
  if (url === null)
    return reject('is not an absolute URL as text: write it out, https://api.example.com/v1.');
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
  if (!secure) return reject('must be https: (http: only on localhost, 127.0.0.0/8 and [::1]).');
  if (url.username !== '' || url.password !== '') return reject('has a user or a password: leave them out.');
  if (/[?#]/.test(url.href)) return reject('has a query or a fragment: leave it out, only the path counts.');
  if (url.href.includes('*')) {
    return reject('has a *: name each host; a path needs none, it stands for everything beneath it.');
  }
  const pattern = createPattern(url, {
    url: url.href,
    ...request,
    variant: variantOf(request.scope, request.resource),
  });
  return pattern ?? reject('has a path that servers read in different ways: write it without %, ; and //.');
}

/** @throws ConfigurationError that names it, unless it is a list of scopes. */
export function checkScope(scope: unknown, name: string): readonly string[] {
  if (isTexts(scope, /^[\x21\x23-\x5b\x5d-\x7e]+$/)) return [...scope];
  throw new ConfigurationError(
    `${name} is not a list of scopes: give an array with one or more, each without spaces, quotes and backslashes.`,
  );
}

/** @throws ConfigurationError that names it, unless it is one resource indicator or a list of them. */
export function checkIndicators(resource: unknown, name: string): readonly string[] {
  // Sent as they are, for the server compares them as text. A pattern of RFC 3986 §4.3, so that urn: is one as well.
  const absolute = /^[a-z][a-z\d+.-]*:(?:[\w\-.~:/?[\]@!$&'()*+,;=]|%[\da-f]{2})+$/i;
  const indicators = typeof resource === 'string' ? [resource] : resource;
  if (isTexts(indicators, absolute)) return [...indicators];
  throw new ConfigurationError(
    `${name} is not an absolute URI without a fragment: give one, or an array of them.`,
  );
}

function isTexts(value: unknown, pattern: RegExp): value is readonly string[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every((item) => typeof item === 'string' && pattern.test(item));
}

function rejectDuplicates(patterns: readonly ResourcePattern<NamedResource>[]): void {
  const seen = new Map<string, number>();
  for (const [index, { origin, lenientPath }] of patterns.entries()) {
    const first = seen.get(origin + lenientPath);
    if (first !== undefined) {
      throw new ConfigurationError(
        `protectedResources[${index}] names the same place as protectedResources[${first}]: leave one of them out.`,
      );
    }
    seen.set(origin + lenientPath, index);
  }
}
