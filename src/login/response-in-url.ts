/**
 * The response of an authorization server in the URL of a page.
 *
 * @module
 */
import { parseUrl } from '../core/http/url.ts';
import { isRedirectUri } from './complete-login.ts';
import type { LoginPage } from './page-navigation.ts';

/**
 * Removes the response from the URL of the page, before anything can fail: a reload must not find it again.
 *
 * @returns `undefined` if the URL is not a response. A login always sends a `state`, so a code without one belongs to none. An error
 *   without one is a response: the server did not understand the request, or did not trust it.
 */
export function takeResponseFromUrl(page: LoginPage, redirectUri: string): URL | undefined {
  const url = parseUrl(page.location.href);
  if (url === null || !isRedirectUri(url, redirectUri)) return undefined;
  const has = (name: string) => Boolean(url.searchParams.get(name));
  if (!(has('error') || (has('code') && has('state')))) return undefined;
  page.history.replaceState(page.history.state, '', redirectUri);
  return url;
}
