/**
 * The place in the application to return to after a login. It often comes from a URL, so an attacker may have chosen it.
 *
 * @module
 */
import { parseUrl } from '../core/http/url.ts';

/** The rules that {@link safeReturnTo} checks `returnTo` against. */
export interface ReturnRules {
  /** The URL of the page. */
  readonly page: string;
  /** Decides whether a URL of another origin is allowed. */
  readonly allow: ((url: URL) => boolean) | undefined;
}

/**
 * Returns `returnTo` if it is a safe place: path, query and fragment at the page's origin, or a whole http(s) URL that the
 * application allows. Returns `undefined` for all others.
 *
 * @see RFC 9700 §4.11, open redirectors
 */
export function safeReturnTo(returnTo: unknown, { page, allow }: ReturnRules): string | undefined {
  const [here, url] = [parseUrl(page), typeof returnTo === 'string' ? parseUrl(returnTo, page) : null];
  if (here === null || url === null) return undefined;
  // Private-use schemes have no origin.
  if (url.protocol === here.protocol && url.host === here.host) {
    // A path that begins with two slashes would, as a relative URL, lead to another host.
    return url.pathname.startsWith('//') ? undefined : url.pathname + url.search + url.hash;
  }
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  return isWeb && isAllowed(url, allow) ? url.href : undefined;
}

/** Calls `allowReturnTo`. If it throws, the URL is not allowed, and the login continues. */
function isAllowed(url: URL, allow: ReturnRules['allow']): boolean {
  try {
    return allow?.(url) === true;
  } catch {
    return false;
  }
}
