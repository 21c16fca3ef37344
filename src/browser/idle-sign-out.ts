/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Sign-out of users who are idle.
 *
 * @module
 */

import { completeClock } from '../async/abortable.ts';
import type { Clock } from '../core/contracts.ts';
import { describeReceived } from '../core/describe-received.ts';
import { dispose } from '../core/disposal.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { RevocationResult } from '../core/oauth/revocation-result.ts';
import { requireName, requireOptions } from './argument-checks.ts';
import { type IdleManager, IdleSession } from './idle-session.ts';
import { type IdleState, IdleTimer } from './idle-timer.ts';
import { LastActivity } from './last-activity.ts';

/** See {@link idleSignOut}. */
export interface IdleSignOutOptions {
  /** How long a user may be idle in all tabs before they are signed out, in ms. */
  readonly after: number;
  /** How long before the sign-out the warning begins, in ms. Less than `after`; 0 means no warning. @default 60_000, or half of `after` if that is less */
  readonly warn?: number | undefined;
  /**
   * Name of the session among the tabs of this origin. Tabs with the same name and the same login share their activity.
   * Set it if an origin has several sessions.
   *
   * @default 'default'
   */
  readonly name?: string | undefined;
  /** Receives the result of the sign-out, in the tab that signed out: whether the server confirmed that the tokens are revoked. */
  readonly onSignOut?: ((result: RevocationResult) => void) | undefined;
  /**
   * Receives the error if the sign-out failed, if the session cannot be read, if `localStorage` is not available, or if a
   * listener throws. @default an unhandled rejection, which error reporters receive
   */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** The time. @default the platform's */
  readonly clock?: Clock | undefined;
}

/** The idle sign-out of a session in this tab. */
export interface IdleSignOut extends Disposable {
  /** Returns the countdown. It is bound, and returns the same object until the state changes: pass it to `useSyncExternalStore`. */
  readonly getSnapshot: () => IdleState;
  /** Calls the listener after each change of the countdown. Bound. Returns a function that unsubscribes. */
  readonly subscribe: (listener: () => void) => () => void;
  /**
   * Begins the countdown again, in all tabs, as a user's activity does. For a button, and for activity that the page cannot see:
   * a video, or a frame of another origin. Has no effect after the end.
   */
  readonly stayActive: () => void;
  /**
   * Resolves when the session was checked. If the user was idle for too long before the page was loaded, calls of the manager
   * reject from then on. Await it before the first call.
   */
  readonly ready: Promise<void>;
  /** Stops watching, and leaves no timer and no listener. Does not sign out. Bound. */
  readonly stop: () => void;
}

/**
 * Signs users out who have been idle for `after` ms in all tabs of the session. A user is active who moves or presses a pointer,
 * presses a key, turns the wheel, touches the page or returns to the tab. Events that scripts make do not count. Begins again
 * at the next sign-in.
 *
 * **Only the server enforces an idle timeout.** This is for users who leave a screen unlocked. A thief of the tokens, or a user
 * with the developer tools, is not affected: set the idle lifetime of refresh tokens at the authorization server as well.
 *
 * **Tabs** share the time of the last activity by `localStorage` and a `BroadcastChannel`, without tokens. It is recorded at most
 * once a second, so a sign-out can be up to a second early. If tabs have different options, the shortest time wins, because its
 * tab signs out the session of all. Of tabs whose time comes together one signs out, under a Web Lock.
 *
 * **Sleep.** Each tab compares the clock at least every 30 seconds, at each activity, and when it is shown, focused or resumed.
 * A tab that slept past the end ends the session in these events, before the listeners of the page run. It cannot promise that
 * for a call that a timer, a message or a response of the page starts before the browser emits such an event. A clock that is
 * set forward counts as a sleep; a clock that is set back does not prolong the time of a tab.
 *
 * **The refresh token.** If it is known to expire before the end, the countdown ends then. A user who was active within the last
 * `warn` ms stays signed in: their session ends only when the server says so.
 *
 * Call `stop()` before `manager.close()`. On a server that renders pages nothing happens, and the state is `active`.
 *
 * @example
 * ```ts
 * import type { TokenManager } from 'tokenkeep';
 * import { idleSignOut } from 'tokenkeep/browser';
 *
 * function watchUser(manager: TokenManager, show: (secondsLeft: number | undefined) => void): () => void {
 *   const idle = idleSignOut(manager, { after: 15 * 60_000, warn: 60_000 });
 *   idle.subscribe(() => {
 *     const state = idle.getSnapshot();
 *     show(state.kind === 'warning' ? Math.ceil((state.endsAt - Date.now()) / 1_000) : undefined);
 *   });
 *   return idle.stop;
 * }
 * ```
 * @throws ConfigurationError that names the option and the remedy.
 */
export function idleSignOut(manager: IdleManager, options: IdleSignOutOptions): IdleSignOut {
  const caller = 'idleSignOut(manager, options)';
  requireManager(caller, manager);
  requireOptions(caller, options);
  const { after, warn = Math.min(60_000, after / 2), name = 'default', onSignOut } = options;
  requireLimits(caller, after, warn);
  requireName(caller, 'name', name);
  const onError = options.onError ?? ((error: unknown) => void Promise.reject(error));
  const clock = completeClock(options.clock);
  const shared = `tokenkeep.idle:${name}`;
  const session = new IdleSession(manager, {
    timer: (onTick) => new IdleTimer({ after, warn }, clock, onTick),
    shared: (onActivity) => new LastActivity(shared, onActivity, onError),
    name: shared,
    onSignOut,
    onError,
  });
  const { window, document } = globalThis as { window?: Window; document?: Document };
  const isPage = typeof window?.addEventListener === 'function' && document !== undefined;
  const stop = (): void => session.stop();
  return {
    getSnapshot: () => session.state,
    subscribe: (listener) => session.subscribe(listener),
    stayActive: () => session.note(true),
    ready: isPage ? session.start(window, document) : Promise.resolve(),
    stop,
    [dispose]: stop,
  };
}

function requireManager(caller: string, manager: unknown): void {
  const { on, signOut, getTokens } = (manager ?? {}) as Partial<IdleManager>;
  if ([on, signOut, getTokens].every((method) => typeof method === 'function')) return;
  throw new ConfigurationError(
    `${caller}: ${explain('idle-sign-out', `the manager must be a TokenManager.${describeReceived(manager)}`)}`,
  );
}

function requireLimits(caller: string, after: number, warn: number): void {
  if (!(Number.isFinite(after) && after > 0)) {
    throw new ConfigurationError(
      `${caller}: the option after ${explain('idle-sign-out', `must be a number of milliseconds greater than 0, such as 15 * 60_000.${describeReceived(after)}`)}`,
    );
  }
  if (!(Number.isFinite(warn) && warn >= 0 && warn < after)) {
    throw new ConfigurationError(
      `${caller}: the option warn ${explain('idle-sign-out', `must be a number of milliseconds from 0 to less than after, which is ${after}.${describeReceived(warn)}`)}`,
    );
  }
}
