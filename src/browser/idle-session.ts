/**
 * Watches the activity of one session in this tab, and ends the session.
 *
 * @module
 */

import type { AnyTokenEvent } from '../core/events.ts';
import type { RevocationResult } from '../core/oauth/revocation-result.ts';
import type { IdleState, IdleTimer } from './idle-timer.ts';
import type { Activity, LastActivity } from './last-activity.ts';
import { onPageLifecycle } from './page-lifecycle.ts';

/** The part of a `TokenManager` that `idleSignOut()` uses. */
export interface IdleManager {
  /** Subscribes to all events. Returns a function that unsubscribes. */
  on(type: '*', listener: (event: AnyTokenEvent) => unknown): () => void;
  /** Ends the session. From the call on, all calls of the manager reject. */
  signOut(): Promise<RevocationResult>;
  /** Returns the login and the end of its refresh token, or `undefined` if there is no session. */
  getTokens(): Promise<
    { readonly login?: string | undefined; readonly refreshTokenExpiresAt?: number | undefined } | undefined
  >;
}

/** Events after which the session may be another one, or end at another time. */
const sessionEvents = [
  'signedIn',
  'signedOut',
  'sessionEnded',
  'refreshed',
  'adopted',
  'refreshTokenExpiring',
];

/** Events that a user causes. Each of them counts only if it is trusted: a script cannot pretend to be the user. */
const activityEvents = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'touchmove'];

/** Maximum time for another tab to end the session, in ms. After it, this tab ends the session. */
const electionMs = 5_000;

const active: IdleState = { kind: 'active' };
const signedOut: IdleState = { kind: 'signed-out' };

/**
 * - `starting`: it is not known whether there is a session.
 * - `electing`: the time has come, and the tabs choose the one that signs out.
 * - `ending`: this tab signs out.
 */
type Phase = 'starting' | 'watching' | 'electing' | 'ending' | 'signed-out' | 'stopped';

export interface IdleParts {
  readonly timer: (onTick: () => void) => IdleTimer;
  readonly shared: (onActivity: (activity: Activity) => void) => LastActivity;
  /** The name of the lock of the tabs. */
  readonly name: string;
  readonly onSignOut: ((result: RevocationResult) => void) | undefined;
  readonly onError: (error: unknown) => void;
}

export class IdleSession {
  readonly #manager: IdleManager;
  readonly #parts: IdleParts;
  readonly #timer: IdleTimer;
  readonly #shared: LastActivity;
  readonly #listeners: Set<() => void> = new Set();
  #phase: Phase = 'starting';
  #state: IdleState = active;
  #login: string | null = null;
  /** Changes with each login and each end, so that what began before does nothing afterwards. */
  #epoch = 0;
  /** Number of calls of `#load()` so far. */
  #loads = 0;
  #stop: (() => void)[] = [];

  constructor(manager: IdleManager, parts: IdleParts) {
    this.#manager = manager;
    this.#parts = parts;
    this.#timer = parts.timer(() => this.#tick());
    this.#shared = parts.shared((activity) => {
      if (activity.login === this.#login) this.#look(activity);
    });
  }

  get state(): IdleState {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** Resolves when it is known whether there is a session, and one whose time has come has ended here. */
  async start(window: Window, document: Document): Promise<void> {
    const wake = (): void => this.#wake();
    const note = ({ isTrusted, type }: Event): void => {
      const isLeaving = type === 'visibilitychange' && document.visibilityState === 'hidden';
      if (isTrusted && !isLeaving) this.note(false);
    };
    // Before the listeners of the page, which may call the API.
    const options = { capture: true, passive: true };
    this.#stop = [
      onPageLifecycle(wake, () => this.#shared.close()),
      listen(window, 'focus', wake, options),
      listen(document, 'visibilitychange', note, options),
      ...activityEvents.map((type) => listen(window, type, note, options)),
      this.#manager.on('*', ({ type }) => {
        if (sessionEvents.includes(type)) void this.#load();
      }),
    ];
    this.#shared.open();
    await this.#load();
  }

  stop(): void {
    this.#become('stopped');
    for (const stop of this.#stop) stop();
    this.#shared.close();
    this.#listeners.clear();
  }

  /** The user is active. */
  note(isCertain: boolean): void {
    if (this.#phase !== 'watching' || (!isCertain && this.#timer.isRecent)) return;
    // After a sleep the first movement comes too late.
    this.#look(undefined, true);
    if (!this.#is('watching')) return;
    this.#record();
    this.#look();
  }

  #record(): void {
    this.#shared.write({ login: this.#login, at: this.#timer.touch() });
  }

  /**
   * Asks the manager for the login, and for the end of its refresh token. An event alone is not enough: it may be
   * about another session of the manager. Resolves with `true` if no later call has begun.
   */
  async #load(): Promise<boolean> {
    this.#loads++;
    const load = this.#loads;
    const isLatest = (): boolean => load === this.#loads && !this.#is('stopped');
    try {
      const tokens = await this.#manager.getTokens();
      if (!isLatest()) return false;
      if (tokens === undefined) this.#end();
      else this.#begin(tokens.login ?? null, tokens.refreshTokenExpiresAt);
    } catch (error) {
      this.#parts.onError(error);
      if (isLatest() && this.#is('starting')) this.#timer.start(electionMs);
    }
    return isLatest();
  }

  #begin(login: string | null, refreshTokenExpiresAt: number | undefined): void {
    const isSame = this.#login === login;
    if (isSame && this.#is('ending')) return;
    this.#timer.refreshTokenExpiresAt = refreshTokenExpiresAt;
    const isKnown = isSame && (this.#is('watching') || this.#is('electing'));
    if (!isKnown) {
      this.#login = login;
      this.#become('watching');
      const shared = this.#shared.read(login);
      this.#timer.reset();
      if (shared === undefined) this.#record();
      else this.#timer.adopt(shared.at);
    }
    // A call may follow the first look, and no later one.
    this.#look(undefined, !isKnown);
  }

  #end(): void {
    if (this.#is('ending')) return;
    this.#become('signed-out');
    this.#shared.remove(this.#login);
    this.#set(signedOut);
  }

  #tick(): void {
    if (this.#is('starting')) void this.#load();
    else if (this.#is('electing')) void this.#signOut();
    else this.#look(this.#shared.read(this.#login));
  }

  #wake(): void {
    this.#shared.open();
    if (this.#is('starting')) void this.#load();
    else this.#look(this.#shared.read(this.#login), true);
  }

  /** Compares with the clock. `isUrgent`: a call may follow, so this tab does not wait for the others. */
  #look(activity?: Activity, isUrgent = false): void {
    if (!this.#is('watching') && !this.#is('electing')) return;
    if (activity !== undefined) this.#timer.adopt(activity.at);
    const now = this.#timer.look();
    if (now === 'over') {
      if (isUrgent) void this.#signOut();
      else this.#elect();
      return;
    }
    this.#phase = 'watching';
    const { endsAt } = this.#timer;
    if (now === 'active') this.#set(active);
    else if (this.#state.kind !== 'warning' || this.#state.endsAt !== endsAt)
      this.#set({ kind: 'warning', endsAt });
  }

  /** Signs out under a lock of the tabs: the next one finds no session. */
  #elect(): void {
    if (this.#is('electing')) return;
    const { locks } = globalThis.navigator ?? {};
    if (locks === undefined) {
      void this.#signOut();
      return;
    }
    this.#phase = 'electing';
    // The tab that holds the lock may sleep.
    this.#timer.start(electionMs);
    const epoch = this.#epoch;
    const isElecting = (): boolean => epoch === this.#epoch && this.#is('electing');
    const signOutOnce = async (): Promise<void> => {
      if (!isElecting()) return;
      const isLatest = await this.#load();
      // The user may have been active in another tab, or may have signed in again.
      if (isElecting()) this.#look(this.#shared.read(this.#login));
      if (!isElecting()) return;
      if (isLatest) await this.#signOut();
      else this.#phase = 'watching';
    };
    locks.request(this.#parts.name, signOutOnce).catch(() => {
      if (isElecting()) void this.#signOut();
    });
  }

  /** From the first line on, all calls of the manager reject. */
  async #signOut(): Promise<void> {
    const signingOut = this.#manager.signOut();
    this.#become('ending');
    const epoch = this.#epoch;
    const login = this.#login;
    this.#set(signedOut);
    try {
      const result = await signingOut;
      this.#shared.remove(login);
      this.#parts.onSignOut?.(result);
    } catch (error) {
      // The stored time stays: a page that is loaded again signs out as well.
      this.#parts.onError(error);
    }
    if (epoch === this.#epoch) this.#phase = 'signed-out';
  }

  #is(phase: Phase): boolean {
    return this.#phase === phase;
  }

  #become(phase: Phase): void {
    this.#phase = phase;
    this.#epoch++;
    this.#timer.stop();
  }

  #set(state: IdleState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch (error) {
        this.#parts.onError(error);
      }
    }
  }
}

function listen(
  target: EventTarget,
  type: string,
  listener: (event: Event) => void,
  options: AddEventListenerOptions,
): () => void {
  target.addEventListener(type, listener, options);
  return () => target.removeEventListener(type, listener, options);
}
