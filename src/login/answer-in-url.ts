/**
 * The answer of an authorization server in the URL of a page.
 *
 * @module
 */
import { parseUrl } from '../core/url.ts';
import { isSamePlace } from './complete-login.ts';
import type { LoginPage } from './leaving.ts';

/**
 * Takes the answer out of the URL of the page, before anything can fail: a reload must not find it again.
 *
 * @returns `undefined` when the URL is no answer. A login always sends a `state`, so a code without one belongs to none. An error
 *   without one is an answer: the server did not understand the request, or did not trust it.
 */
export function takeAnswer(page: LoginPage, redirectUri: string): URL | undefined {
  const url = parseUrl(page.location.href);
  if (url === null || !isSamePlace(url, redirectUri)) return undefined;
  const has = (name: string) => Boolean(url.searchParams.get(name));
  if (!(has('error') || (has('code') && has('state')))) return undefined;
  page.history.replaceState(page.history.state, '', redirectUri);
  return url;
}
