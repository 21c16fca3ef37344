/**
 * The option `protectedResources`: the URLs that receive an access token, and the token for each. A URL matches only if every
 * server reads it as part of that resource (RFC 6750 §5.2).
 *
 * There are two ways of matching, and a property test checks that they agree: a pattern for URLs in plain form, at the cost of
 * one string comparison, and the URL parser for all others.
 *
 * @module
 */

import { ConfigurationError } from '../errors.ts';
import { explain } from '../explain.ts';
import { ownMembers } from '../own-members.ts';
import { variantOf } from '../session/session-record.ts';
import { isSecureUrl } from './endpoint.ts';
import { hasUserInfo, parseUrl } from './url.ts';

/** URL that gets access tokens, with the scope and resource indicators of its token. No other URL gets one (RFC 6750 §5.2). */
export interface ProtectedResource {
  /**
   * Absolute URL with https, or http on loopback. In a page it may be relative. It matches its path and everything
   * below: `https://api.example.com/v1` matches `/v1`, `/v1/` and `/v1/orders?x=1`, but not `/v10`. If several
   * match, the longest path wins.
   */
  readonly url: string;
  /**
   * Scopes of the token for this resource. Try it with your server: some narrow the whole grant permanently, see
   * {@link AccessTokenRequest.scope}.
   *
   * @default the scopes of the whole grant
   */
  readonly scope?: readonly string[] | undefined;
  /** Resource indicators of the token for this resource (RFC 8707): absolute URIs without a fragment. */
  readonly resource?: string | readonly string[] | undefined;
  /**
   * `true`: 401 responses of this resource have no CORS headers, so `fetch` in a page rejects with a `TypeError` instead. Such
   * a rejection then counts as evidence against the access token: it is refreshed once, unless the platform is offline or the
   * previous token failed in the same way. The request is not sent again, because it may have been processed: the caller gets
   * the `TypeError`, and the next call sends the new token. If you can, let the API send CORS headers with its errors instead.
   *
   * @default false: a failed request is no evidence against its token
   */
  readonly hides401?: boolean | undefined;
}

/** A {@link ProtectedResource} that has been checked: its URL is absolute and as the URL parser writes it. */
export interface NamedResource {
  readonly url: string;
  readonly scope?: readonly string[] | undefined;
  readonly resource?: readonly string[] | undefined;
  readonly hides401?: boolean | undefined;
  /** Name of its access token. */
  readonly variant: string;
}

/** Finds the resource that a URL belongs to. Never throws. Returns `undefined` for a URL that is not clearly part of one. */
export type ResourceMatcher = (url: string) => NamedResource | undefined;

/**
 * Checks the option `protectedResources` and makes the matcher of its URLs.
 *
 * @param base Base of relative URLs. A function is called again for each relative URL, because `fetch` does
 *   the same: `history.pushState` and `<base>` change where a relative URL leads.
 * @throws ConfigurationError that names the entry and the remedy. It does not repeat the URL, which may hold a password.
 * @see RFC 6749 §3.3 for scopes, RFC 8707 §2 for resource indicators
 */
export function parseProtectedResources(
  resources: readonly (string | ProtectedResource)[],
  base?: string | (() => string),
): { resources: readonly NamedResource[]; match: ResourceMatcher } {
  const start = currentBase(base);
  if (start !== undefined && parseUrl(start) === null) {
    throw new ConfigurationError(
      explain('resource-url', 'The base of protectedResources is not a URL. Pass an absolute one, or none.'),
    );
  }
  if (!Array.isArray(resources) || resources.length === 0) {
    throw new ConfigurationError(
      explain(
        'protected-resources',
        "protectedResources names no URL that gets a token. Pass an array such as ['https://api.example.com/v1'].",
      ),
    );
  }
  const patterns = resources.map((resource, index) =>
    parseEntry(resource, `protectedResources[${index}]`, start),
  );
  rejectDuplicates(patterns);
  const sorted = sortPatterns(patterns);
  const match: ResourceMatcher = (url) => {
    if (typeof url !== 'string') return undefined;
    return (matchPlain(sorted, url) ?? matchParsed(sorted, url, currentBase(base)))?.resource;
  };
  return { resources: patterns.map(({ resource }) => resource), match };
}

function currentBase(base: string | (() => string) | undefined): string | undefined {
  return typeof base === 'function' ? base() : base;
}

/** Request members of a resource without options. All members are present, so that none is inherited. */
const noOptions = { scope: undefined, resource: undefined, hides401: undefined } as const;

function parseEntry(entry: unknown, name: string, base: string | undefined): ResourcePattern<NamedResource> {
  if (typeof entry === 'string') return parseEntryUrl(entry, noOptions, { name, base });
  if (typeof entry !== 'object' || entry === null) {
    throw new ConfigurationError(
      `${name} ${explain('protected-resources', "is neither a URL nor an object. Pass 'https://…' or { url: 'https://…' }.")}`,
    );
  }
  const { url, scope, resource, hides401 } = ownMembers(entry) as {
    [key in keyof ProtectedResource]: unknown;
  };
  const other = Object.keys(entry).find((name) => !['url', 'scope', 'resource', 'hides401'].includes(name));
  if (other !== undefined) {
    throw new ConfigurationError(
      `${name} ${explain('protected-resources', `has an unknown member ${other}. It takes url, scope, resource and hides401.`)}`,
    );
  }
  if (hides401 !== undefined && typeof hides401 !== 'boolean') {
    throw new ConfigurationError(
      `${name}.hides401 ${explain('protected-resources', 'must be true or false.')}`,
    );
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
    return reject(
      explain(
        'resource-url',
        'is not an absolute URL. Write it as text, such as https://api.example.com/v1.',
      ),
    );
  if (!isSecureUrl(url))
    return reject(
      explain('resource-url', 'must be https: (http: only on localhost, 127.0.0.0/8 and [::1]).'),
    );
  if (hasUserInfo(url)) return reject(explain('resource-url', 'has a user or a password. Remove them.'));
  if (/[?#]/.test(url.href))
    return reject(explain('resource-url', 'has a query or a fragment. Remove it: only the path counts.'));
  if (url.href.includes('*')) {
    return reject(
      explain('resource-url', 'has a *. Name each host. A path needs no *: it includes everything below it.'),
    );
  }
  const pattern = createPattern(url, {
    url: url.href,
    ...request,
    variant: variantOf(request.scope, request.resource),
  });
  return (
    pattern ??
    reject(
      explain(
        'resource-url',
        'has a path that servers read in different ways. Write it without %, ; and //.',
      ),
    )
  );
}

/** One scope (RFC 6749 §3.3). */
export const scopeToken: RegExp = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * Checks a list of scopes.
 *
 * @throws ConfigurationError that names the value, unless it is a list of scopes.
 */
export function checkScope(scope: unknown, name: string): readonly string[] {
  if (isTexts(scope, scopeToken)) return [...scope];
  throw new ConfigurationError(
    `${name} ${explain('scope-list', 'is not a list of scopes. Pass an array with one or more, each without spaces, quotes and backslashes.')}`,
  );
}

/**
 * Checks resource indicators.
 *
 * @throws ConfigurationError that names the value, unless it is one resource indicator or a list of them.
 */
export function checkIndicators(resource: unknown, name: string): readonly string[] {
  // Sent unchanged, because the server compares them as text. The pattern of RFC 3986 §4.3 also accepts `urn:`.
  const absolute = /^[a-z][a-z\d+.-]*:(?:[\w\-.~:/?[\]@!$&'()*+,;=]|%[\da-f]{2})+$/i;
  const indicators = typeof resource === 'string' ? [resource] : resource;
  if (isTexts(indicators, absolute)) return [...indicators];
  throw new ConfigurationError(
    `${name} ${explain('resource-indicator', 'is not an absolute URI without a fragment. Pass one, or an array of them.')}`,
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
        `protectedResources[${index}] ${explain('protected-resources', `names the same place as protectedResources[${first}]: remove one of them.`)}`,
      );
    }
    seen.set(origin + lenientPath, index);
  }
}

/** A part of an origin: a path and everything below it. */
export interface ResourcePattern<T> {
  readonly resource: T;
  /** Origin in the form of the URL parser: `https://api.example.com:8443`. */
  readonly origin: string;
  /** Path in the form of the URL parser, without a trailing slash. `''` is the whole origin. */
  readonly path: string;
  /** {@link path} as {@link decodeLeniently} reads it. */
  readonly lenientPath: string;
  /** Pattern for a URL below this path in plain form, which all readers interpret alike. */
  readonly plain: RegExp;
  /** Index of the last character of `origin + path`, and that character. */
  readonly end: number;
  readonly endCode: number;
}

// The characters of a plain path: no escape, no backslash, no `;` (parameters of a segment), nothing that the URL
// parser strips (tab, newline) or encodes, no empty segment and none that begins with a dot.
const plainStart = "[\\w\\-~!$&'()*+,=:@]";
const plainRest = "[\\w\\-~!$&'()*+,=:@.]";
/** Rest of a plain URL. After the first `?` or `#`, no character affects the target. */
const plainTail = `(?:/${plainStart}${plainRest}*)*/?(?:[?#]|$)`;

/**
 * Creates the pattern of a URL that the parser has normalised.
 *
 * @returns `undefined` if readers interpret the path of `url` differently.
 */
export function createPattern<T>(url: URL, resource: T): ResourcePattern<T> | undefined {
  const lenientPath = decodeLeniently(url.pathname);
  // In a name, only a space and non-ASCII characters may be escaped: an escaped letter is a second spelling of another name.
  if (lenientPath === undefined || /\/\/|;|%(?!20|[89a-f])/i.test(url.pathname)) return undefined;
  const path = url.pathname.replace(/\/$/, '');
  const prefix = url.origin + path;
  const plain = new RegExp(`^${prefix.replace(/[^\w/:-]/g, '\\$&')}${plainTail}`);
  const end = prefix.length - 1;
  return { resource, origin: url.origin, path, lenientPath, plain, end, endCode: prefix.charCodeAt(end) };
}

/** Sorts patterns, the most specific first. Both ways of matching rely on this order. */
export function sortPatterns<T>(patterns: readonly ResourcePattern<T>[]): readonly ResourcePattern<T>[] {
  return [...patterns].sort((a, b) => b.path.split('/').length - a.path.split('/').length);
}

/**
 * Finds the pattern of a URL in plain form. `undefined`: not decided, so {@link matchParsed} must decide. This is the hot path.
 */
export function matchPlain<T>(
  patterns: readonly ResourcePattern<T>[],
  url: string,
): ResourcePattern<T> | undefined {
  // Patterns use stack space for each character. No valid URL is this long.
  if (url.length > 0xffff) return undefined;
  for (const pattern of patterns) {
    // One character distinguishes most resources, at a tenth of the cost of the pattern.
    if (url.charCodeAt(pattern.end) === pattern.endCode && pattern.plain.test(url)) return pattern;
  }
  return undefined;
}

/** Finds the pattern of any URL, as `fetch` reads it. */
export function matchParsed<T>(
  patterns: readonly ResourcePattern<T>[],
  url: string,
  base?: string,
): ResourcePattern<T> | undefined {
  const parsed = parseUrl(url, base);
  // The origin of a blob: URL is that of its page, so the scheme is checked first.
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || hasUserInfo(parsed)) return undefined;
  const { origin, pathname } = parsed;
  const byWrittenPath = patterns.find((place) => place.origin === origin && isWithin(pathname, place.path));
  const lenient = byWrittenPath && decodeLeniently(pathname);
  if (lenient === undefined) return undefined;
  const byLenientPath = patterns.find(
    (place) => place.origin === origin && isWithin(lenient, place.lenientPath),
  );
  return byWrittenPath === byLenientPath ? byWrittenPath : undefined;
}

function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}

/**
 * Decodes a path like the most lenient server: escapes are decoded repeatedly before the path is split, `\` is a separator,
 * parameters and empty segments are dropped. If this reading and the written one lead to different resources, the target of the
 * request is uncertain. `undefined`: the path climbs (`/v1/..%2fadmin`). The parser has already resolved every regular `..`.
 */
function decodeLeniently(path: string): string | undefined {
  let text = path;
  for (let pass = 0, before = ''; text !== before; pass++) {
    // No server decodes more than three levels of escapes, and each pass costs the length of the URL.
    if (pass > 3) return undefined;
    before = text;
    text = text.replace(/%[0-7][\da-f]/gi, (coded) =>
      String.fromCharCode(Number.parseInt(coded.slice(1), 16)),
    );
  }
  // `..;x` and `..` before a space or a NUL climb at some servers; `...` and `..x` are names.
  if (/(?:^|[/\\])\.\.(?![\w.-])/.test(text)) return undefined;
  const names = text.split(/[/\\]/).map((segment) => segment.replace(/[;?#].*/s, ''));
  return names.reduce((read, name) => (name === '' || name === '.' ? read : `${read}/${name}`), '');
}
