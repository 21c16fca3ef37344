/**
 * Calls of pages, on the manager's side: each belongs to the login that was current in its page when it began, even if its message
 * arrives later (law one-login).
 *
 * @module
 */
import type { LoginName } from '../core/events.ts';
import type { AccessTokenRequest } from '../core/oauth/token-set.ts';
import type { LoginIdentity } from '../core/session/login-identity.ts';
import { internalsOf } from '../manager-internals.ts';
import { getAccessToken } from '../refresh/get-access-token.ts';

/** The members of a `TokenManager` that page calls use. */
interface CallingManager {
  fetch(url: string, init: RequestInit): Promise<Response>;
  getAccessToken?(request: AccessTokenRequest): Promise<string>;
}

/** Sends calls of pages. The login is `undefined` for a manager that is wrapped or comes from another copy of tokenkeep. */
export class PageCalls {
  readonly #manager: CallingManager;

  constructor(manager: CallingManager) {
    this.#manager = manager;
  }

  /** Returns the current login. The page sends it along with its next call. */
  get login(): LoginName | undefined {
    const { login } = internalsOf(this.#manager)?.session ?? {};
    return login && { login: login.login, subject: login.subject };
  }

  /** @throws LoginRequiredError `login_changed` when another user has signed in since the page began the call. */
  fetch(url: string, init: RequestInit, began: LoginName | undefined): Promise<Response> {
    const internals = began && internalsOf(this.#manager);
    if (internals === undefined) return this.#manager.fetch(url, init);
    const { requests, session } = internals;
    return requests.fetch(session, url, init, { hops: 0, login: identity(began) });
  }

  /** @throws what {@link PageCalls.fetch} throws. */
  async getAccessToken(
    request: AccessTokenRequest,
    began: LoginName | undefined,
  ): Promise<string | undefined> {
    const internals = began && internalsOf(this.#manager);
    if (internals === undefined) return await this.#manager.getAccessToken?.(request);
    const { context, source, session } = internals;
    return await getAccessToken(context, source, session, request, identity(began));
  }
}

function identity({ login, subject }: LoginName = {}): LoginIdentity {
  return { login, issuer: undefined, subject };
}
