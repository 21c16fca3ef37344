/**
 * The options and results of a login by redirect, and the checks of the options.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { TokenSet } from '../core/oauth/token-set.ts';
import type { ManagerInternals } from '../manager-internals.ts';
import { checkRequest, type LoginRequest, requireRedirectUri } from './login-options.ts';
import type { LoginPage } from './page-navigation.ts';
import { type PendingLogins, requirePendingLogins } from './pending-logins.ts';
import type { StepUpRequest } from './step-up.ts';
import type { IdTokenClaims } from './validate-id-token.ts';

/** A `TokenManager` as it was constructed, also one of `forSession()`. */
export interface RedirectLoginManager {
  /** Begins a session with the tokens of a login. */
  setTokens(tokens: TokenSet): Promise<void>;
  /** Ends the session. */
  signOut(): Promise<unknown>;
}

/** Options of {@link redirectLogin}. Client, server, `dpop`, `fetch`, clock and timeout are those of the manager. */
export interface RedirectLoginOptions extends Omit<LoginRequest, 'signal'> {
  /** The manager that gets the tokens. */
  readonly manager: RedirectLoginManager;
  /** Where the server sends the user back to, as it is registered there: a URL, or a path of the page's own origin. */
  readonly redirectUri: string;
  /**
   * Where logins wait for their answer: `() => sessionStorage`. A function is called when it is needed, so that the object can be
   * made on a server as well.
   */
  readonly pending: PendingLogins | (() => PendingLogins);
  /**
   * Decides whether users may be sent on to `url`, which is not of the page's own origin. It comes from `returnTo`, which
   * an attacker may have chosen: compare whole origins.
   *
   * @default no other origin is allowed
   */
  readonly allowReturnTo?: ((url: URL) => boolean) | undefined;
  /** The page that leaves and comes back. @default `globalThis`, where it has `location` and `history` */
  readonly page?: LoginPage | undefined;
}

/** Options of {@link RedirectLogin.begin}. */
export interface BeginLoginOptions {
  /** The place in the application to which the user comes back: a URL of the page's own origin, or one that `allowReturnTo` allows. */
  readonly returnTo?: string | undefined;
  /** Parameters for this login only, such as `login_hint`. They take precedence over those of the object. */
  readonly parameters?: LoginRequest['parameters'];
  /** The event `stepUpRequired`: the login asks for what the API wants, see {@link withStepUp}. Look at its `scope` first. */
  readonly stepUp?: StepUpRequest | undefined;
  /** Aborts the login while the page has not left yet. */
  readonly signal?: AbortSignal | undefined;
}

/** Result of {@link RedirectLogin.finish}. */
export type RedirectLoginResult =
  | {
      readonly outcome: 'signed-in';
      /** The checked claims of the ID token. `undefined`: neither asked for nor sent. */
      readonly claims: IdTokenClaims | undefined;
      /** `returnTo` of {@link RedirectLogin.begin}, checked again: path, query and fragment, or a URL that is allowed. */
      readonly returnTo: string | undefined;
    }
  /** The URL of the page is no answer to a login. The session is what it was. */
  | { readonly outcome: 'none' };

/** A login by redirect. Made by {@link redirectLogin}. Its functions are bound. */
export interface RedirectLogin {
  /**
   * Sends the user to the authorization server. Pending until the page has left: nothing after `await` runs in a page that leaves. A
   * second call joins the login that is in progress. If {@link RedirectLogin.finish} has an answer to use, `begin()` does that
   * first, and leaves only if that did not sign the user in. Within 1 s after `finish()` signed the user in, it leaves only if it has
   * `parameters` or a `stepUp`: a guard that was rendered before may call it once more.
   *
   * Resolves when the user comes back to this very page by "Back" without having signed in, and when `finish()` signed them in.
   *
   * @throws ConfigurationError on a server, for a `returnTo` that is not allowed, and for `dpop()` with keys that end with the page.
   *   LoginFailedError: `no_response` when the server could not be found, `timed_out` when the page is still here after the manager's
   *   `timeout`. StorageError when the login or its key could not be stored. The signal's reason.
   */
  begin(options?: BeginLoginOptions): Promise<void>;
  /**
   * Finishes the login that the page comes back from, if it does. Call it at every start of the page: it takes the answer out of the
   * URL at once, exchanges the code, stores the tokens, checks the ID token, and signs out again if that is wrong. However often it
   * is called for an answer, in this page or in another tab, the code is exchanged once; calls at the same time share the result.
   *
   * If it fails before the code was sent, for example in the discovery of the server, you can call it again.
   *
   * @returns `none` where the URL is no answer, on a server, and in a tab whose answer another tab has used.
   * @throws LoginFailedError: the login came to nothing, see its `reason`. StorageError when the tokens are in memory only, or the
   *   pending login or its key cannot be read. ConfigurationError for tokens that the manager refuses: they are revoked.
   */
  finish(): Promise<RedirectLoginResult>;
}

const names = [
  'manager',
  'redirectUri',
  'pending',
  'allowReturnTo',
  'page',
  'scope',
  'resource',
  'parameters',
  'lifetime',
];

/** @throws ConfigurationError that names the option and the remedy. */
export function checkRedirectLogin(
  options: RedirectLoginOptions,
  internals: ManagerInternals | undefined,
): ManagerInternals {
  const refuse = (problem: string): never => {
    throw new ConfigurationError(`redirectLogin(): ${problem}`);
  };
  const { redirectUri, pending, allowReturnTo, page } = Object(options) as RedirectLoginOptions;
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
