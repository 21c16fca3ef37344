/**
 * The source of access tokens: memory, else the storage and perhaps the server, in one flight for all callers.
 *
 * @module
 */

import { abortable, throwIfAborted } from '../async/abortable.ts';
import { isTokenKeepError } from '../core/errors.ts';
import { ownMembers } from '../core/own-members.ts';
import { isSameLogin, type LoginIdentity } from '../core/session/login-identity.ts';
import { keepAlive } from '../platform/environment.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { CachedToken, Session } from '../session/session.ts';
import { loginRequired } from '../session/session-errors.ts';
import { Refresh, type RefreshRequirement } from './refresh.ts';

/** What to ask the source for. */
export interface TokenQuery {
  readonly variant: string;
  readonly scope?: readonly string[] | undefined;
  readonly resource?: readonly string[] | undefined;
  /** The login that it is for. @default the one that is there now */
  readonly login?: LoginIdentity | undefined;
  /** The access token of that login that was just rejected. */
  readonly rejectedToken?: string | undefined;
  /** `true`: this manager has just received its rejection. */
  readonly wasReceived?: boolean | undefined;
  /** `true`: it has to last, because what it is sent with cannot be sent twice. */
  readonly mustLast?: boolean;
  readonly signal?: AbortSignal | null | undefined;
}

/** How long a token is used again after a refresh ahead of its end has failed for want of a storage or a lock, in ms. */
const reuseAfterFailureMs = 5_000;

export class TokenSource {
  readonly #context: ManagerContext;

  constructor(context: ManagerContext) {
    this.#context = context;
  }

  /**
   * Returns an access token of the login that the call began under, other than the one that was rejected, unless the server issues that
   * very token again. Refreshes only on evidence. It does not return a token that was rejected for another call either, unless the
   * refresh for that rejection has failed.
   *
   * @throws LoginRequiredError `login_changed` when another user's login is there now; the error of the refresh, the same
   *   one for all callers that wait; the signal's reason, if the caller aborts.
   */
  async get(session: Session, requested: TokenQuery): Promise<CachedToken> {
    const query = ownMembers(requested);
    const { variant, rejectedToken, signal } = query;
    let { login = session.login } = query;
    for (let flights = 1; ; flights++) {
      if (!session.isSameLogin(login)) throw loginRequired('login_changed');
      if (rejectedToken !== undefined) session.reject(variant, rejectedToken);
      const cached = this.#cachedToken(session, query);
      if (cached !== undefined && cached.token !== rejectedToken) return cached;
      throwIfAborted(signal); // an aborted caller starts no refresh
      // 1 Join: a call during a refresh waits for it and uses its result.
      const joined = session.pending.flight(variant);
      const landed = await keepAlive(abortable(joined ?? this.#startFlight(session, query, login), signal));
      login ??= landed.login;
      // During the refresh another user may have signed in, here or elsewhere.
      if (!session.isSameLogin(login) || !isSameLogin(login, landed.login))
        throw loginRequired('login_changed');
      // The last flight counts, whatever it brings.
      if (flights === 3 || !mayBeRejected(session, query, landed, joined !== undefined)) return landed;
    }
  }

  /** Returns the access token in memory, if it may be used and lasts long enough. */
  #cachedToken(session: Session, { variant, mustLast }: TokenQuery): CachedToken | undefined {
    const { clock, refreshBefore } = this.#context;
    const now = clock.Date.now();
    return session.usableToken(variant, mustLast === true ? now + refreshBefore : now);
  }

  #startFlight(session: Session, query: TokenQuery, login: LoginIdentity | undefined): Promise<CachedToken> {
    const { variant, scope, resource, wasReceived } = query;
    // Evidence of a call that was aborted counts for later callers.
    const rejectedToken = query.rejectedToken ?? session.rejectedToken(variant);
    // A token that must last is refreshed `refreshBefore` earlier than one that other callers still use.
    const refreshBefore = this.#context.refreshBefore * (query.mustLast === true ? 2 : 1);
    const requirement = { variant, scope, resource, wasReceived, login, rejectedToken, refreshBefore };
    const flight = new Refresh(this.#context, session, requirement)
      .run()
      .catch((error: unknown) => this.#reuseValidToken(session, requirement, error))
      .finally(() => session.clearRejection(variant, rejectedToken));
    session.work.addFlight(variant, flight);
    return flight;
  }

  /** A storage or lock that fails ahead of time is no reason not to use a token that is still valid. */
  #reuseValidToken(session: Session, requirement: RefreshRequirement, error: unknown): CachedToken {
    const cached = session.cachedToken(requirement.variant);
    const now = this.#context.clock.Date.now();
    const over =
      cached === undefined || cached.token === requirement.rejectedToken || now >= cached.expiresAt;
    if (over || (isTokenKeepError(error) && error.code === 'ERR_LOGIN_REQUIRED')) throw error;
    const again: CachedToken = { ...cached, until: Math.min(cached.expiresAt, now + reuseAfterFailureMs) };
    session.cacheToken(requirement.variant, again);
    return again;
  }
}

/**
 * Checks whether the token of a flight was rejected. A flight that was joined may have begun before the evidence, and so may bring the
 * very token that was rejected for this call; any flight may bring one that was rejected for another call meanwhile.
 */
function mayBeRejected(
  session: Session,
  { variant, rejectedToken }: TokenQuery,
  { token }: CachedToken,
  wasJoined: boolean,
): boolean {
  return token === rejectedToken ? wasJoined : token === session.rejectedToken(variant);
}
