/**
 * A login by redirect as one object: begins it, and finishes it in an order that loses no tokens.
 *
 * @module
 */

import { abortable, throwIfAborted } from '../async/abortable.ts';
import { ConfigurationError, StorageError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { safeCause } from '../core/http/network-error.ts';
import { parseUrl } from '../core/http/url.ts';
import { internalsOf, type ManagerInternals } from '../manager-internals.ts';
import type { Session } from '../session/session.ts';
import { loginRefused } from './authorization-response.ts';
import { exchangeResponse } from './complete-login.ts';
import { checkRequest, type LoginRequest, loginClientOf, requireRedirectUri } from './login-options.ts';
import { runInOneTab } from './one-tab.ts';
import { type LoginPage, navigateAway, navigateOnce, requirePersistentKeys } from './page-navigation.ts';
import { type PendingLogins, requirePendingLogins } from './pending-entries.ts';
import { pendingLogins } from './pending-logins.ts';
import {
  type BeginLoginOptions,
  checkRedirectLogin,
  type RedirectLogin,
  type RedirectLoginOptions,
  type RedirectLoginResult,
} from './redirect-login-options.ts';
import { takeResponseFromUrl } from './response-in-url.ts';
import { safeReturnTo } from './return-to.ts';
import { signInWithLogin } from './sign-in-with-login.ts';
import { startLoginWith } from './start-login.ts';
import { withStepUp } from './step-up.ts';

/**
 * Creates a login by redirect, for pages: authorization code with PKCE, begun and finished by one object, with the client and the
 * server of the manager.
 *
 * @example
 * ```ts
 * import { discover, TokenManager } from 'tokenkeep';
 * import { indexedDbStorage } from 'tokenkeep/browser';
 * import { redirectLogin } from 'tokenkeep/login';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: discover('https://auth.example.com'),
 *   protectedResources: ['https://api.example.com/'],
 *   storage: indexedDbStorage(),
 * });
 * const login = redirectLogin({
 *   manager,
 *   redirectUri: '/callback',
 *   scope: ['openid', 'offline_access'],
 *   pending: () => sessionStorage,
 * });
 *
 * const onSignInClick = () => login.begin({ returnTo: location.href });
 *
 * async function start(): Promise<void> {
 *   const result = await login.finish(); // at every start of the page
 *   if (result.outcome === 'signed-in') history.replaceState(null, '', result.returnTo ?? '/');
 * }
 * ```
 * @throws ConfigurationError that names the option and the remedy.
 * @see RFC 6749 §4.1, RFC 7636, RFC 9700 §2.1
 */
export function redirectLogin(options: RedirectLoginOptions): RedirectLogin {
  const login = new RedirectLoginFlow(options, internalsOf(options?.manager));
  return { begin: (more) => login.begin(more), finish: () => login.finish() };
}

/** The state of the responses for a session. All objects for the session share it, because an effect may create one on every run. */
interface FinishState {
  /** The response that was taken from the URL and is not used yet. */
  response?: URL | undefined;
  pending?: Promise<RedirectLoginResult> | undefined;
  /** The login of the previous response, and the time in Unix ms until which a guard may have been rendered before it. */
  signedIn?: { readonly login: string | undefined; readonly until: number } | undefined;
}

/**
 * Time in ms for which `begin()` does nothing after `finish()` has signed the user in: a guard that was rendered earlier calls it in
 * an effect that runs afterwards.
 */
const guardDelay = 1_000;

const finishStates: WeakMap<Session, FinishState> = new WeakMap();

class RedirectLoginFlow {
  readonly #options: RedirectLoginOptions;
  readonly #internals: ManagerInternals;

  constructor(options: RedirectLoginOptions, internals: ManagerInternals | undefined) {
    this.#internals = checkRedirectLogin(options, internals);
    this.#options = options;
  }

  async begin({ returnTo, parameters, stepUp, signal }: BeginLoginOptions = {}): Promise<void> {
    const { context } = this.#internals;
    const page = this.#page;
    if (page === undefined) {
      throw new ConfigurationError(
        explain(
          'redirect-login',
          'begin() needs a page: call it in a browser, not while rendering on a server.',
        ),
      );
    }
    requirePersistentKeys(context.dpop);
    const { scope = context.scope, parameters: always } = this.#options;
    const base: LoginRequest = { ...this.#options, scope, parameters: { ...always, ...parameters } };
    const request = stepUp === undefined ? base : withStepUp(base, stepUp);
    checkRequest(request);
    const place = this.#checkedReturnTo(returnTo, page);
    const finished = await abortable(this.finish(), signal);
    const isAsked = stepUp !== undefined || parameters !== undefined;
    if (finished.outcome === 'signed-in' || (!isAsked && this.#hasJustSignedIn())) return;
    await navigateOnce(page.location, signal, async (aborting) => {
      const client = await abortable(loginClientOf(context), aborting);
      const redirectUri = this.#redirectUri(page);
      const { url } = await startLoginWith(client, {
        ...request,
        signal: aborting,
        redirectUri,
        pending: this.#pending,
        returnTo: place,
      });
      throwIfAborted(aborting);
      await navigateAway(page, url, client, aborting);
    });
  }

  // Runs synchronously up to the first `await`, so a second call finds the response that the first has taken from the URL.
  async finish(): Promise<RedirectLoginResult> {
    const page = this.#page;
    if (page === undefined) return { outcome: 'none' };
    const { session } = this.#internals;
    const finishing: FinishState = finishStates.get(session) ?? {};
    finishStates.set(session, finishing);
    finishing.response = takeResponseFromUrl(page, this.#redirectUri(page)) ?? finishing.response;
    const { response } = finishing;
    finishing.pending ??=
      response &&
      this.#handleResponse(response, finishing, page).finally(() => {
        finishing.pending = undefined;
      });
    return (await finishing.pending) ?? { outcome: 'none' };
  }

  async #handleResponse(
    response: URL,
    finishing: FinishState,
    page: LoginPage,
  ): Promise<RedirectLoginResult> {
    const done = () => {
      if (finishing.response === response) finishing.response = undefined;
    };
    const state = response.searchParams.get('state');
    if (!state) {
      done();
      // Any site can send a browser here, so only the error code of an unknown sender is shown.
      throw loginRefused(response.searchParams.get('error') ?? undefined, undefined, []);
    }
    const { context, session } = this.#internals;
    const use = await runInOneTab(state, context, () => this.#exchange(response, page, done));
    if (use.kind === 'ran') {
      const { login } = session.login ?? {};
      finishing.signedIn = { login, until: context.clock.Date.now() + guardDelay };
      return use.result;
    }
    done();
    await pendingLogins.take(this.#pending, state); // the copy of this tab
    return { outcome: 'none' };
  }

  async #exchange(response: URL, page: LoginPage, done: () => void): Promise<RedirectLoginResult> {
    const { context } = this.#internals;
    const use = await exchangeResponse(
      { client: () => loginClientOf(context), pending: this.#pending },
      response,
    );
    if (use.kind === 'failed') {
      if (!use.isWaiting) done();
      throw use.error;
    }
    done();
    const claims = await signInWithLogin(this.#options.manager, use.login, context);
    const rules = { page: page.location.href, allow: this.#options.allowReturnTo };
    return { outcome: 'signed-in', claims, returnTo: safeReturnTo(use.login.returnTo, rules) };
  }

  /** Returns whether `finish()` has just signed the user in, without a sign-out or another login since. */
  #hasJustSignedIn(): boolean {
    const { session, context } = this.#internals;
    const { signedIn } = finishStates.get(session) ?? {};
    if (signedIn === undefined || session.login === undefined) return false;
    const left = signedIn.until - context.clock.Date.now();
    return session.login.login === signedIn.login && left > 0 && left <= guardDelay;
  }

  get #page(): LoginPage | undefined {
    const page = this.#options.page ?? (globalThis as Partial<LoginPage>);
    return page.location && page.history ? (page as LoginPage) : undefined;
  }

  get #pending(): PendingLogins {
    const { pending } = this.#options;
    if (typeof pending !== 'function') return pending;
    let found: PendingLogins;
    try {
      found = pending();
    } catch (error) {
      throw new StorageError(
        'The option pending returned no storage. The browser blocks site data for this page: ask the user to allow it.',
        { operation: 'read', cause: safeCause(error, []) },
      );
    }
    requirePendingLogins(found);
    return found;
  }

  /** @throws ConfigurationError */
  #redirectUri({ location }: LoginPage): string {
    const { redirectUri } = this.#options;
    const absolute = redirectUri.startsWith('/') ? parseUrl(redirectUri, location.href)?.href : redirectUri;
    requireRedirectUri(absolute);
    return absolute;
  }

  /** @throws ConfigurationError */
  #checkedReturnTo(returnTo: unknown, { location }: LoginPage): string | undefined {
    if (returnTo === undefined) return undefined;
    const place = safeReturnTo(returnTo, { page: location.href, allow: this.#options.allowReturnTo });
    if (place !== undefined) return place;
    throw new ConfigurationError(
      explain(
        'redirect-login',
        'begin({ returnTo }): returnTo must be a URL of the same origin as the page. Allow others with the option allowReturnTo.',
      ),
    );
  }
}
