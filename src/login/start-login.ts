/**
 * The first half of a login by redirect.
 *
 * @module
 */

import { completeClock, throwIfAborted } from '../async/abortable.ts';
import { authorizationRequest } from './authorization-request.ts';
import { deleteLoginKey, storeLoginKey } from './login-key.ts';
import {
  createLoginClient,
  type LoginClient,
  type LoginClientOptions,
  type LoginRequest,
  requireRedirectUri,
} from './login-options.ts';
import { navigateAway, navigateOnce, requirePersistentKeys } from './page-navigation.ts';
import { type PendingLogins, requirePendingLogins } from './pending-entries.ts';
import { pendingLogins } from './pending-logins.ts';

/** Options of {@link startLogin}. */
export interface StartLoginOptions extends LoginClientOptions, LoginRequest {
  /** Redirect URI as registered at the server (RFC 6749 §3.1.2). */
  readonly redirectUri: string;
  /** Storage for the pending login: `sessionStorage` in a page. */
  readonly pending: PendingLogins;
  /** Place in the application to return to. The result of `completeLogin()` contains it. */
  readonly returnTo?: string | undefined;
}

/** Pending login, the result of {@link startLogin}. */
export interface StartedLogin {
  /** URL to navigate the user to, at once: servers keep a request that was pushed (`par`) for about a minute. */
  readonly url: string;
  /** Identifies this login: the response has the same `state` (RFC 6749 §4.1.1). */
  readonly state: string;
}

/**
 * Begins a login with authorization code and PKCE (RFC 7636, S256). It returns the URL for the user and does not
 * navigate by itself. Several logins may be pending, also in several tabs. Each can be completed once.
 *
 * @example
 * ```ts
 * import { completeLogin, startLogin } from 'tokenkeep/login';
 * import { discover, TokenManager } from 'tokenkeep';
 *
 * const client = { clientId: 'my-app', authorizationServer: discover('https://auth.example.com') };
 * const manager = new TokenManager({ ...client, protectedResources: ['https://api.example.com/'] });
 *
 * async function signIn(): Promise<void> {
 *   const { url } = await startLogin({
 *     ...client,
 *     redirectUri: 'https://app.example.com/callback',
 *     scope: ['openid', 'offline_access'],
 *     pending: sessionStorage,
 *     returnTo: location.pathname,
 *   });
 *   location.assign(url);
 * }
 *
 * async function onCallbackPage(): Promise<void> {
 *   const login = await completeLogin({ ...client, pending: sessionStorage }, location.href);
 *   await manager.setTokens(login.tokens); // store the tokens first …
 *   const claims = login.idTokenClaims(); // … then validate the ID token
 *   history.replaceState(null, '', login.returnTo ?? '/');
 *   console.info(claims?.sub);
 * }
 * ```
 * @throws ConfigurationError, LoginFailedError (`no_response`: no metadata, or no response to a pushed request), the signal's reason,
 *   and the errors of `pending`.
 */
export async function startLogin(options: StartLoginOptions): Promise<StartedLogin> {
  requireRedirectUri(options.redirectUri);
  requirePendingLogins(options.pending);
  return await startLoginWith(await createLoginClient(options), options);
}

/** Begins a login of a client, whose options are checked. */
export async function startLoginWith(
  client: LoginClient,
  options: Omit<StartLoginOptions, keyof LoginClientOptions>,
): Promise<StartedLogin> {
  const { url, state, pending, dpopKey } = await authorizationRequest(client, options, options.redirectUri);
  if (dpopKey !== undefined) await storeLoginKey(client, dpopKey); // stored, because this page will unload
  const login = { ...pending, returnTo: options.returnTo };
  try {
    const abandoned = await pendingLogins.store(options.pending, state, login, client.clock.Date.now());
    for (const { thumbprint } of abandoned) await deleteLoginKey(client, thumbprint);
  } catch (error) {
    await deleteLoginKey(client, dpopKey?.thumbprint);
    throw error;
  }
  return { url, state };
}

/**
 * Calls {@link startLogin} and navigates this page to the server. The promise is pending until the page has unloaded: a guard that calls
 * this and then renders navigates once. A second call joins the login in progress and ignores its own options. Resolves if the user
 * returns to this page by "Back", without a response.
 *
 * @throws LoginFailedError `timed_out` if the page has not unloaded after `timeout` ms. ConfigurationError for `dpop()` with keys
 *   that are lost when the page unloads. The errors of {@link startLogin}.
 */
export async function redirectToLogin(options: StartLoginOptions): Promise<void> {
  requirePersistentKeys(options.dpop);
  const { clock, timeout = 30_000 } = options;
  await navigateOnce(globalThis.location, options.signal, async (signal) => {
    const { url } = await startLogin({ ...options, signal });
    throwIfAborted(signal);
    await navigateAway(globalThis, url, { clock: completeClock(clock), timeout }, signal);
  });
}
