/**
 * The options and results of a login by redirect, and the checks of the options.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { TokenSet } from '../core/oauth/token-set.ts';
import type { ManagerInternals } from '../manager-internals.ts';
import { checkRequest, type LoginRequest, requestOptions, requireRedirectUri } from './login-options.ts';
import type { LoginPage } from './page-navigation.ts';
import { type PendingLogins, requirePendingLogins } from './pending-entries.ts';
import type { StepUpRequest } from './step-up.ts';
import type { IdTokenClaims } from './validate-id-token.ts';

/** A `TokenManager` as it was constructed, also one of `forSession()`. */
export interface RedirectLoginManager {
  /** Begins a session with the tokens of a login. */
  setTokens(tokens: TokenSet): Promise<void>;
  /** Ends the session. */
  signOut(): Promise<unknown>;
}

/** Options of {@link redirectLogin}. It uses the client, server, `dpop`, `fetch`, clock and timeout of the manager. */
export interface RedirectLoginOptions extends Omit<LoginRequest, 'signal'> {
  /** The manager that gets the tokens. */
  readonly manager: RedirectLoginManager;
  /** Redirect URI as registered at the server (RFC 6749 §3.1.2): a URL, or a path of the page's origin. */
  readonly redirectUri: string;
  /**
   * Storage for pending logins: `() => sessionStorage`. A function is called when the storage is needed, so that you can
   * create the login on a server too.
   */
  readonly pending: PendingLogins | (() => PendingLogins);
  /**
   * Returns whether `returnTo` may be `url`, a URL of another origin than the page's. An attacker may have chosen it:
   * compare whole origins.
   *
   * @default only the page's origin is allowed
   */
  readonly allowReturnTo?: ((url: URL) => boolean) | undefined;
  /** Page that is navigated. @default `globalThis`, if it has `location` and `history` */
  readonly page?: LoginPage | undefined;
}

/** Options of {@link RedirectLogin.begin}. */
export interface BeginLoginOptions {
  /** Place in the application to return to: a URL of the page's origin, or one that `allowReturnTo` allows. */
  readonly returnTo?: string | undefined;
  /** Parameters for this login only, such as `login_hint`. They take precedence over those of {@link redirectLogin}. */
  readonly parameters?: LoginRequest['parameters'];
  /** The event `stepUpRequired`: the login requests the authentication that the API requires (RFC 9470), see {@link withStepUp}. Check its `scope` first. */
  readonly stepUp?: StepUpRequest | undefined;
  /** Aborts the login while the page has not left yet. */
  readonly signal?: AbortSignal | undefined;
}

/** Result of {@link RedirectLogin.finish}. */
export type RedirectLoginResult =
  | {
      readonly outcome: 'signed-in';
      /** Validated claims of the ID token. `undefined`: it was neither requested nor sent. */
      readonly claims: IdTokenClaims | undefined;
      /** `returnTo` of {@link RedirectLogin.begin}, checked again: path, query and fragment, or a URL that is allowed. */
      readonly returnTo: string | undefined;
    }
  /** The page URL is not a response to a login. The session is unchanged. */
  | { readonly outcome: 'none' };

/** Login by redirect, created by {@link redirectLogin}. You can pass its functions on without binding them. */
export interface RedirectLogin {
  /**
   * Sends the user to the authorization server. The promise stays pending while the page unloads, so code after `await` does
   * not run then. A second call joins the login in progress. If the page URL is a response to a login, `begin()` first does what
   * {@link RedirectLogin.finish} does, and navigates only if that did not sign the user in. Within 1 s after `finish()` signed
   * the user in, it navigates only with `parameters` or a `stepUp`, because a guard that was rendered earlier may still call it.
   *
   * Resolves if the user returns to this page by "Back" without signing in, or if `finish()` signed the user in.
   *
   * @throws ConfigurationError on a server, for a `returnTo` that is not allowed, and for `dpop()` with keys that end with the page.
   *   LoginFailedError with `no_response` if discovery failed, with `refused` if the server refused a pushed request, or with
   *   `timed_out` if the page has not unloaded within the manager's `timeout`. StorageError if the login or its key could not be stored. The signal's reason if it aborts.
   */
  begin(options?: BeginLoginOptions): Promise<void>;
  /**
   * Finishes a login if the page URL is its response. Call it at every start of the page. It removes the response from the URL at
   * once, exchanges the code, stores the tokens and validates the ID token. If the ID token is invalid, it signs out again. The code
   * is exchanged once, even if several calls or tabs have the same response; concurrent calls share the result.
   *
   * If it fails before the code was sent, for example during discovery, you can call it again.
   *
   * @returns the outcome `none` if the URL is not a response, on a server, and if another tab has used the response.
   * @throws LoginFailedError if the login failed, with its `reason`. StorageError if the tokens are in memory only, or if the
   *   pending login or its key cannot be read. ConfigurationError for tokens that the manager rejects; they are revoked.
   */
  finish(): Promise<RedirectLoginResult>;
}

/** @throws ConfigurationError that names the option and the remedy. */
export function checkRedirectLogin(
  options: RedirectLoginOptions,
  internals: ManagerInternals | undefined,
): ManagerInternals {
  const refuse = (problem: string): never => {
    throw new ConfigurationError(`redirectLogin(): ${problem}`);
  };
  const { redirectUri, pending, allowReturnTo, page } = Object(options) as RedirectLoginOptions;
  const names = ['manager', 'redirectUri', 'pending', 'allowReturnTo', 'page', ...requestOptions()];
  const unknown = Object.keys(Object(options)).find((name) => !names.includes(name));
  if (unknown !== undefined)
    refuse(explain('redirect-login', `there is no option ${unknown}. The options are ${names.join(', ')}.`));
  if (internals === undefined)
    return refuse(
      explain(
        'redirect-login',
        'the option manager must be a TokenManager of this copy of tokenkeep, where it was constructed.',
      ),
    );
  if (internals.context.grant.kind === 'token-handler')
    refuse(
      explain(
        'redirect-login',
        'this manager has no tokens, because its token handler keeps them. Log in through the token handler.',
      ),
    );
  if (typeof redirectUri !== 'string' || !/^(?:\/(?![/\\])|[a-z][a-z\d+.-]*:)/i.test(redirectUri))
    refuse(
      explain(
        'redirect-login',
        'the option redirectUri must be an absolute URL, or a path such as /callback.',
      ),
    );
  if (!redirectUri.startsWith('/')) requireRedirectUri(redirectUri);
  if (typeof pending !== 'function') requirePendingLogins(pending);
  if (allowReturnTo !== undefined && typeof allowReturnTo !== 'function')
    refuse(explain('redirect-login', 'the option allowReturnTo must be a function of a URL.'));
  if (page !== undefined && !(page?.location !== undefined && page.history !== undefined))
    refuse(explain('redirect-login', 'the option page must have location and history.'));
  checkRequest(options);
  return internals;
}
