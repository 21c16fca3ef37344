/**
 * The first half of a login by redirect.
 *
 * @module
 */
import { authorizationRequest } from './authorization-request.ts';
import { forgetKey } from './login-key.ts';
import {
  type LoginClientOptions,
  type LoginRequest,
  loginClient,
  requireRedirectUri,
} from './login-options.ts';
import { keepPending, type PendingLogins, requirePending } from './pending-logins.ts';

/** What {@link startLogin} takes. */
export interface StartLoginOptions extends LoginClientOptions, LoginRequest {
  /** Where the server sends the user back to, as it is registered there. */
  readonly redirectUri: string;
  /** Where the login waits for its answer: `sessionStorage` in a page. */
  readonly pending: PendingLogins;
  /** Comes back with the tokens: the place in the application from where the user was sent away. */
  readonly returnTo?: string | undefined;
}

/** A login that waits for its answer. */
export interface StartedLogin {
  /** Where to send the user. */
  readonly url: string;
  /** Names this login: it comes back with its answer. */
  readonly state: string;
}

/**
 * Begins a login with authorization code and PKCE (S256): gives the URL to which the user has to be sent, and goes
 * nowhere by itself. Several logins may be under way, in several tabs; each is used once.
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
 *   await manager.setTokens(login.tokens); // first they are safe …
 *   const claims = login.idTokenClaims(); // … then it is asked who the user is
 *   history.replaceState(null, '', login.returnTo ?? '/');
 *   console.info(claims?.sub);
 * }
 * ```
 * @throws ConfigurationError, LoginFailedError (`no_answer`: no metadata), the signal's reason, and whatever `pending` throws.
 */
export async function startLogin(options: StartLoginOptions): Promise<StartedLogin> {
  requireRedirectUri(options.redirectUri);
  requirePending(options.pending);
  const client = await loginClient(options);
  const { url, state, pending, prover } = await authorizationRequest(client, options, options.redirectUri);
  if (prover !== undefined) await client.dpop?.keep(prover); // this page will be gone
  const login = { ...pending, returnTo: options.returnTo };
  const abandoned = await keepPending(options.pending, state, login, client.clock.now());
  for (const { thumbprint } of abandoned) await forgetKey(client, thumbprint);
  return { url, state };
}

/** {@link startLogin}, and this page goes to the server. */
export async function redirectToLogin(options: StartLoginOptions): Promise<void> {
  const { url } = await startLogin(options);
  options.signal?.throwIfAborted();
  globalThis.location.assign(url);
}
