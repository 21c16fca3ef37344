/**
 * Which protected resource a URL belongs to. This decides who gets an access token, so a URL matches only if every
 * server reads it as part of that resource (RFC 6750 §5.2).
 *
 * Two ways lead to the answer, and they agree (a property test holds them to it): a pattern for URLs that are written
 * plainly, in the time of one string comparison, and the URL parser for all others.
 *
 * @module
 */
import { parseUrl } from './url.ts';

/** A part of an origin: a path and everything beneath it. */
export interface ResourcePattern<T> {
  readonly resource: T;
  /** As the URL parser writes it: `https://api.example.com:8443`. */
  readonly origin: string;
  /** As the URL parser writes it, without a slash at the end: `''` is the whole origin. */
  readonly path: string;
  /** {@link path} as {@link decodeLeniently} reads it. */
  readonly lenientPath: string;
  /** Matches a URL in this place that is written so plainly that no two readers can differ about it. */
  readonly plain: RegExp;
  /** The index of the last character of `origin + path`, and that character. */
  readonly end: number;
  readonly endCode: number;
}

// What may stand in a path that is plain: no escape, no backslash, no `;` (parameters of a segment), nothing that the URL
// parser strips (tab, newline) or encodes, no empty segment and none that begins with a dot.
const plainStart = "[\\w\\-~!$&'()*+,=:@]";
const plainRest = "[\\w\\-~!$&'()*+,=:@.]";
/** From the first `?` or `#` on, nothing has a say in where a URL leads. */
const plainTail = `(?:/${plainStart}${plainRest}*)*/?(?:[?#]|$)`;

/**
 * Makes a place of a URL that the parser has normalised.
 *
 * @throws nothing; `undefined` if readers differ about the path of `url`.
 */
export function createPattern<T>(url: URL, resource: T): ResourcePattern<T> | undefined {
  const lenientPath = decodeLeniently(url.pathname);
  // In a name only a space and what is not ASCII may be escaped: an escaped letter is a second spelling of another name.
  if (lenientPath === undefined || /\/\/|;|%(?!20|[89a-f])/i.test(url.pathname)) return undefined;
  const path = url.pathname.replace(/\/$/, '');
  const prefix = url.origin + path;
  const plain = new RegExp(`^${prefix.replace(/[^\w/:-]/g, '\\$&')}${plainTail}`);
  const end = prefix.length - 1;
  return { resource, origin: url.origin, path, lenientPath, plain, end, endCode: prefix.charCodeAt(end) };
}

/** Most specific first: the order that both ways of matching count on. */
export function sortPatterns<T>(patterns: readonly ResourcePattern<T>[]): readonly ResourcePattern<T>[] {
  return [...patterns].sort((a, b) => b.path.split('/').length - a.path.split('/').length);
}

/** The hot path: finds the place of a plainly written URL. `undefined` says nothing; {@link matchParsed} knows. */
export function matchPlain<T>(
  patterns: readonly ResourcePattern<T>[],
  url: string,
): ResourcePattern<T> | undefined {
  // Patterns cost stack by the character; no honest URL comes near.
  if (url.length > 0xffff) return undefined;
  for (const pattern of patterns) {
    // One character tells most places apart, at a tenth of the price of the pattern.
    if (url.charCodeAt(pattern.end) === pattern.endCode && pattern.plain.test(url)) return pattern;
  }
  return undefined;
}

/** Finds the place of any URL the way `fetch` reads it. */
export function matchParsed<T>(
  patterns: readonly ResourcePattern<T>[],
  url: string,
  base?: string,
): ResourcePattern<T> | undefined {
  const parsed = parseUrl(url, base);
  // The origin of a blob: URL is that of its page, so the scheme is asked first.
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return undefined;
  if (parsed.username !== '' || parsed.password !== '') return undefined;
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
 * Reads a path like the most eager server: escapes are decoded, repeatedly, before it is cut into segments, `\` cuts too,
 * parameters and empty segments are dropped. If this reading and the written one are in different places, nobody knows
 * where the request ends up. `undefined`: it climbs (`/v1/..%2fadmin`); the parser has resolved every honest `..` before.
 */
function decodeLeniently(path: string): string | undefined {
  let text = path;
  for (let pass = 0, before = ''; text !== before; pass++) {
    // Escapes of escapes of escapes: no server reads so far, and each pass costs the length of the URL.
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
