/**
 * The answer of an authorization server in the URL of a page.
 *
 * @module
 */
import { parseUrl } from '../core/http/url.ts';
import { isRedirectUri } from './complete-login.ts';
import type { LoginPage } from './page-navigation.ts';

/**
 * Takes the answer out of the URL of the page, before anything can fail: a reload must not find it again.
 *
 * @returns `undefined` when the URL is no answer. A login always sends a `state`, so a code without one belongs to none. An error
 *   without one is an answer: the server did not understand the request, or did not trust it.
 */
export function takeResponseFromUrl(page: LoginPage, redirectUri: string): URL | undefined {
  const url = parseUrl(page.location.href);
  if (url === null || !isRedirectUri(url, redirectUri)) return undefined;
  const has = (name: string) => Boolean(url.searchParams.get(name));
  if (!(has('error') || (has('code') && has('state')))) return undefined;
  page.history.replaceState(page.history.state, '', redirectUri);
  return url;
}
