/**
 * The place in the application that a user comes back to after a login. It often comes from a URL, so an attacker may have chosen it.
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
 * Returns a place that is safe to go to: path, query and fragment at the page's own origin, or a whole http(s) URL that the
 * application allows. `undefined` for all others.
 *
 * @see RFC 9700 §4.11, open redirectors
 */
export function safeReturnTo(returnTo: unknown, { page, allow }: ReturnRules): string | undefined {
  const [here, url] = [parseUrl(page), typeof returnTo === 'string' ? parseUrl(returnTo, page) : null];
  if (here === null || url === null) return undefined;
  // Schemes of an app's own have no origin.
  if (url.protocol === here.protocol && url.host === here.host) {
    // As a relative URL, a path that begins with two slashes leads to another host.
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
