/**
 * Where access tokens come from: memory, else a flight to the storage and perhaps the server, one for all who wait.
 *
 * @module
 */

import { throwIfAborted } from '../core/abort.ts';
import { isTokenKeepError } from '../core/errors.ts';
import { isSameLogin, type LoginIdentity } from '../core/login-identity.ts';
import { changed, ownMembers } from '../core/own-members.ts';
import { keepAlive } from '../platform/keep-alive.ts';
import type { Want } from './attempt.ts';
import type { RefreshCoordinator } from './refresh-coordinator.ts';
import { loginRequired } from './refusal.ts';
import type { Held, Session } from './session.ts';
import { type FullClock, leavingOn } from './waiting.ts';

/** What to ask the source for. */
export interface TokenQuery {
  readonly variant: string;
  readonly scope?: readonly string[] | undefined;
  readonly resource?: readonly string[] | undefined;
  /** The login that it is for. @default the one that is there now */
  readonly login?: LoginIdentity | undefined;
  /** The access token of that login that was just rejected. */
  readonly otherThan?: string | undefined;
  /** `true`: this manager has just received its rejection. */
  readonly wasReceived?: boolean | undefined;
  /** `true`: it has to last, because what it is sent with cannot be sent twice. */
  readonly lasting?: boolean;
  readonly signal?: AbortSignal | null | undefined;
}

/** How long a token is used again after a refresh ahead of its end has failed for want of a storage or a lock, in ms. */
const secondWind = 5_000;

export class TokenSource {
  readonly #coordinator: RefreshCoordinator;
  readonly #clock: FullClock;
  readonly #refreshBefore: number;

  constructor(coordinator: RefreshCoordinator, clock: FullClock, refreshBefore: number) {
    this.#coordinator = coordinator;
    this.#clock = clock;
    this.#refreshBefore = refreshBefore;
  }

  /**
   * Returns an access token from memory, if there is one that may be used. Costs one comparison.
   *
   * @param lasting see {@link TokenQuery.lasting}
   */
  fresh(session: Session, variant: string, lasting: boolean = false): Held | undefined {
    const held = session.held(variant);
    if (held === undefined) return undefined;
    const until = lasting ? held.until - this.#refreshBefore : held.until;
    return this.#clock.now() < until ? held : undefined;
  }

  /**
   * Returns an access token of the login that the call began under, other than the one that was rejected. Refreshes only on evidence.
   * It does not return a token that was rejected for another call either, unless the refresh for that rejection has failed.
   *
   * @throws LoginRequiredError `login_changed` when another user's login is there now; the error of the refresh, the same
   *   one for all callers that wait; the signal's reason, if the caller aborts.
   */
  async get(session: Session, asked: TokenQuery): Promise<Held> {
    const query = ownMembers(asked);
    const { variant, otherThan, signal } = query;
    let { login = session.login } = query;
    for (let flights = 1; ; flights++) {
      if (!session.isOf(login)) throw loginRequired('login_changed');
      if (otherThan !== undefined) session.reject(variant, otherThan);
      const held = this.fresh(session, variant, query.lasting);
      if (held !== undefined && held.token !== otherThan) return held;
      throwIfAborted(signal); // an aborted caller starts no refresh
      // 1 Join: a call during a refresh waits for it and uses its result.
      const joined = session.flight(variant);
      const landed = await keepAlive(
        leavingOn(joined ?? this.#open(session, changed(query, { login })), signal),
      );
      login ??= landed.login;
      // During the refresh another user may have signed in, here or elsewhere.
      if (!session.isOf(login) || !isSameLogin(login, landed.login)) throw loginRequired('login_changed');
      // A flight that began before the evidence may bring the very token that was rejected.
      const isNew =
        landed.token === otherThan ? joined === undefined : landed.token !== session.rejectedToken(variant);
      if (isNew || flights === 3) return landed;
    }
  }

  #open(session: Session, query: TokenQuery): Promise<Held> {
    const { variant, scope, resource, login, wasReceived } = query;
    // Evidence of a call that has left counts for those who come after it.
    const otherThan = query.otherThan ?? session.rejectedToken(variant);
    const refreshBefore = query.lasting === true ? 2 * this.#refreshBefore : this.#refreshBefore;
    const want: Want = { variant, scope, resource, login, otherThan, wasReceived, refreshBefore };
    const flight = this.#coordinator
      .refresh(session, want)
      .catch((error: unknown) => this.#stillValid(session, want, error))
      .finally(() => session.endRejection(variant, otherThan));
    session.open(variant, flight);
    return flight;
  }

  /** A storage or lock that fails ahead of time is no reason not to use a token that is still valid. */
  #stillValid(session: Session, want: Want, error: unknown): Held {
    const held = session.held(want.variant);
    const now = this.#clock.now();
    const over = held === undefined || held.token === want.otherThan || now >= held.expiresAt;
    if (over || (isTokenKeepError(error) && error.code === 'ERR_LOGIN_REQUIRED')) throw error;
    const again: Held = { ...held, until: Math.min(held.expiresAt, now + secondWind) };
    session.hold(want.variant, again);
    return again;
  }
}
