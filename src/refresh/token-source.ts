/**
 * The source of access tokens: memory, then the storage and if necessary the server. All callers share one flight.
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

/** A query for an access token. */
export interface TokenQuery {
  readonly variant: string;
  readonly scope?: readonly string[] | undefined;
  readonly resource?: readonly string[] | undefined;
  /** Login that the token is for. @default the current one */
  readonly login?: LoginIdentity | undefined;
  /** The access token of that login that was just rejected. */
  readonly rejectedToken?: string | undefined;
  /** `true`: this manager has just received its rejection. */
  readonly wasReceived?: boolean | undefined;
  /** `true`: the token must last longer, because its request cannot be sent twice. */
  readonly mustLast?: boolean;
  readonly signal?: AbortSignal | null | undefined;
}

/** Time for which a valid token is used again after an early refresh failed because of the storage or the lock, in ms. */
const reuseAfterFailureMs = 5_000;

export class TokenSource {
  readonly #context: ManagerContext;

  constructor(context: ManagerContext) {
    this.#context = context;
  }

  /**
   * Returns an access token of the login that the call began under. It differs from the rejected one, unless the server issues
   * that token again. Refreshes only on evidence. A token that was rejected for another call is not returned either, unless the
   * refresh for that rejection has failed.
   *
   * @throws LoginRequiredError `login_changed` if another user has signed in; the error of the refresh, which all waiting callers
   *   share; the signal's reason, if the caller aborts.
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
      // During the refresh, another user may have signed in, here or elsewhere.
      if (!session.isSameLogin(login) || !isSameLogin(login, landed.login))
        throw loginRequired('login_changed');
      // The third flight is final, whatever its result.
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
    // The evidence of an aborted call counts for later callers.
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

  /** Returns a token that is still valid although the storage or the lock has failed during an early refresh. */
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
 * Checks whether the token of a flight was rejected. A joined flight may have begun before the evidence and return the token that
 * was rejected for this call. Any flight may return a token that was rejected for another call meanwhile.
 */
function mayBeRejected(
  session: Session,
  { variant, rejectedToken }: TokenQuery,
  { token }: CachedToken,
  wasJoined: boolean,
): boolean {
  return token === rejectedToken ? wasJoined : token === session.rejectedToken(variant);
}
