/**
 * A login by redirect as one object: begins it, and finishes it in the order that loses nothing.
 *
 * @module
 */
import { ConfigurationError, StorageError } from '../core/errors.ts';
import { safeCause } from '../core/transport-failure.ts';
import { parseUrl } from '../core/url.ts';
import { type Inside, insideOf } from '../flow/inside.ts';
import type { Session } from '../flow/session.ts';
import { leavingOn } from '../flow/waiting.ts';
import { takeAnswer } from './answer-in-url.ts';
import { refused } from './authorization-response.ts';
import { exchangeAnswer } from './complete-login.ts';
import { departOnce, type LoginPage, leave, requireLastingKeys } from './leaving.ts';
import { checkRequest, clientOf, requireRedirectUri } from './login-options.ts';
import { inOneTab } from './one-tab.ts';
import { type PendingLogins, requirePending, takePending } from './pending-logins.ts';
import {
  type BeginLoginOptions,
  checkRedirectLogin,
  type RedirectLogin,
  type RedirectLoginOptions,
  type RedirectLoginResult,
} from './redirect-login-options.ts';
import { safeReturnTo } from './return-to.ts';
import { signInWith } from './sign-in-with.ts';
import { begin } from './start-login.ts';
import { withStepUp } from './step-up.ts';

/**
 * A login by redirect, for pages: authorization code with PKCE, begun and finished by one object, with the client and the server of
 * the manager.
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
  const login = new LoginByRedirect(options, insideOf(options?.manager));
  return { begin: (more) => login.begin(more), finish: () => login.finish() };
}

/** The state of the answers for a session. All objects for the session share it, because an effect may create one on every run. */
interface Finishing {
  /** Taken out of the URL, and not used yet. */
  answer: URL | undefined;
  underWay: Promise<RedirectLoginResult> | undefined;
  /** The login that the answer before it began, and until when a guard may not know of it yet, in Unix ms. */
  signedIn: { readonly login: string | undefined; readonly until: number } | undefined;
}

/**
 * How long `begin()` does nothing after `finish()` has signed the user in, in ms: a guard that was rendered before that calls it in
 * an effect that runs afterwards.
 */
const guardDelay = 1_000;

const finishings: WeakMap<Session, Finishing> = new WeakMap();

class LoginByRedirect {
  readonly #options: RedirectLoginOptions;
  readonly #inside: Inside;

  constructor(options: RedirectLoginOptions, inside: Inside | undefined) {
    this.#inside = checkRedirectLogin(options, inside);
    this.#options = options;
  }

  async begin({ returnTo, parameters, stepUp, signal }: BeginLoginOptions = {}): Promise<void> {
    const { workshop, signIn } = this.#inside.assembly;
    const page = this.#page;
    if (page === undefined) {
      throw new ConfigurationError(
        'begin() needs a page: call it in a browser, not while rendering on a server.',
      );
    }
    requireLastingKeys(workshop.dpop);
    const { scope = signIn.scope, resource, lifetime, parameters: always } = this.#options;
    const usual = { scope, resource, lifetime, parameters: { ...always, ...parameters } };
    const request = stepUp === undefined ? usual : withStepUp(usual, stepUp);
    checkRequest(request);
    const place = this.#checkedReturnTo(returnTo, page);
    const finished = await leavingOn(this.finish(), signal);
    const isAsked = stepUp !== undefined || parameters !== undefined;
    if (finished.outcome === 'signed-in' || (!isAsked && this.#hasJustSignedIn())) return;
    await departOnce(page.location, signal, async (aborting) => {
      const client = await leavingOn(clientOf(workshop), aborting);
      const redirectUri = this.#redirectUri(page);
      const { url } = await begin(client, {
        ...request,
        redirectUri,
        pending: this.#pending,
        returnTo: place,
      });
      if (aborting.aborted) throw aborting.reason;
      const { clock, timeout } = client;
      await leave(page, url, { clock, timeout, signal: aborting });
    });
  }

  // Runs synchronously up to the first `await`, so a second call finds the answer that the first has taken out of the URL.
  async finish(): Promise<RedirectLoginResult> {
    const page = this.#page;
    if (page === undefined) return { outcome: 'none' };
    const { session } = this.#inside;
    const finishing = finishings.get(session) ?? {
      answer: undefined,
      underWay: undefined,
      signedIn: undefined,
    };
    finishings.set(session, finishing);
    finishing.answer = takeAnswer(page, this.#redirectUri(page)) ?? finishing.answer;
    const { answer } = finishing;
    if (finishing.underWay !== undefined) return await finishing.underWay;
    if (answer === undefined) return { outcome: 'none' };
    finishing.underWay = this.#use(answer, finishing, page).finally(() => {
      finishing.underWay = undefined;
    });
    return await finishing.underWay;
  }

  async #use(answer: URL, finishing: Finishing, page: LoginPage): Promise<RedirectLoginResult> {
    const done = () => {
      if (finishing.answer === answer) finishing.answer = undefined;
    };
    const state = answer.searchParams.get('state');
    if (!state) {
      done();
      // Any site can send a browser here, so only the error code of an unknown sender is shown.
      throw refused(answer.searchParams.get('error') ?? undefined, undefined, []);
    }
    const { clock } = this.#inside.assembly.workshop;
    const result = await inOneTab(state, this.#inside.assembly.workshop, () =>
      this.#exchange(answer, page, done),
    );
    if (result !== 'elsewhere') {
      const { login } = this.#inside.session.login ?? {};
      finishing.signedIn = { login, until: clock.now() + guardDelay };
      return result;
    }
    done();
    await takePending(this.#pending, state); // the copy of this tab
    return { outcome: 'none' };
  }

  async #exchange(answer: URL, page: LoginPage, done: () => void): Promise<RedirectLoginResult> {
    const { workshop } = this.#inside.assembly;
    const use = await exchangeAnswer({ client: () => clientOf(workshop), pending: this.#pending }, answer);
    if (use.kind === 'failed') {
      if (!use.isWaiting) done();
      throw use.error;
    }
    done();
    const claims = await signInWith(this.#options.manager, use.login, workshop);
    const rules = { page: page.location.href, allow: this.#options.allowReturnTo };
    return { outcome: 'signed-in', claims, returnTo: safeReturnTo(use.login.returnTo, rules) };
  }

  /** Checks whether `finish()` has signed the user in a moment ago, and nobody has signed out or in since. */
  #hasJustSignedIn(): boolean {
    const { session, assembly } = this.#inside;
    const { signedIn } = finishings.get(session) ?? {};
    if (signedIn === undefined || session.login === undefined) return false;
    const left = signedIn.until - assembly.workshop.clock.now();
    return session.login.login === signedIn.login && left > 0 && left <= guardDelay;
  }

  get #page(): LoginPage | undefined {
    const page = this.#options.page ?? (globalThis as Partial<LoginPage>);
    return page.location !== undefined && page.history !== undefined ? (page as LoginPage) : undefined;
  }

  get #pending(): PendingLogins {
    const { pending } = this.#options;
    if (typeof pending !== 'function') return pending;
    let found: PendingLogins;
    try {
      found = pending();
    } catch (error) {
      throw new StorageError(
        'The option pending gave no storage. The browser blocks site data for this page: ask the user to allow it.',
        { operation: 'read', cause: safeCause(error, []) },
      );
    }
    requirePending(found);
    return found;
  }

  /** @throws ConfigurationError */
  #redirectUri({ location }: LoginPage): string {
    const { redirectUri } = this.#options;
    const whole = redirectUri.startsWith('/') ? parseUrl(redirectUri, location.href)?.href : redirectUri;
    requireRedirectUri(whole);
    return whole;
  }

  /** @throws ConfigurationError */
  #checkedReturnTo(returnTo: unknown, { location }: LoginPage): string | undefined {
    if (returnTo === undefined) return undefined;
    const place = safeReturnTo(returnTo, { page: location.href, allow: this.#options.allowReturnTo });
    if (place !== undefined) return place;
    throw new ConfigurationError(
      'begin({ returnTo }): returnTo must be a URL of the same origin as the page. Allow others with the option allowReturnTo.',
    );
  }
}
