/**
 * The time until an idle user is signed out, by clocks that jump and timers that come late.
 *
 * @module
 */

import { platformClock, type RequiredClock, startTimer } from '../async/abortable.ts';

/** The countdown of `idleSignOut()`, as data. A state that has not changed is the same object. */
export type IdleState =
  /** The user was active, or it is not known yet whether there is a session. */
  | { readonly kind: 'active' }
  /** The user will be signed out at `endsAt`, in Unix ms of the clock, if nothing happens until then. */
  | { readonly kind: 'warning'; readonly endsAt: number }
  /** There is no session: the user was idle, signed out, or has not signed in yet. */
  | { readonly kind: 'signed-out' };

/** Time after which an idle user is signed out, and time before that at which the warning begins, in ms. */
export interface IdleLimits {
  readonly after: number;
  readonly warn: number;
}

/**
 * The longest time between two looks at the clock, in ms. Timers stand still while the machine sleeps, and no event of the
 * page reports every sleep.
 */
const maxTickMs = 30_000;

/** The monotonic clock may be this much ahead of the wall clock before that counts as set back, in ms. */
const toleranceMs = 1_000;

const never = Number.NEGATIVE_INFINITY;

/** Counts down from the user's last activity, and calls back when the countdown or its end is due. */
export class IdleTimer {
  readonly #limits: IdleLimits;
  readonly #clock: RequiredClock;
  readonly #onTick: () => void;
  /** The shortest time between two activities that are recorded, in ms. */
  readonly #resolution: number;
  #at = 0;
  /** The monotonic time of the last activity, in ms. */
  #monotonicAt = 0;
  #timer: unknown;
  /** Expected expiry of the refresh token, in Unix ms. */
  refreshTokenExpiresAt: number | undefined;

  constructor(limits: IdleLimits, clock: RequiredClock, onTick: () => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#onTick = onTick;
    this.#resolution = Math.min(1_000, (limits.after - limits.warn) / 2);
  }

  /** `true`: an activity now is so close to the last one that it need not be recorded. */
  get isRecent(): boolean {
    const elapsed = this.#clock.Date.now() - this.#at;
    return elapsed >= 0 && elapsed < this.#resolution;
  }

  /** Records an activity now. Returns its time. */
  touch(): number {
    this.#set(this.#clock.Date.now());
    return this.#at;
  }

  /** Takes the activity of another tab, if it is later. */
  adopt(at: number): void {
    const now = this.#clock.Date.now();
    this.#correct(now);
    // A time in the future was recorded before the clock was set back: this tab knows better how much has passed since.
    if (at > now && this.#at !== never) return;
    if (at > this.#at) this.#set(Math.min(at, now));
  }

  /** Begins with another login: the activity of the previous one does not count. */
  reset(): void {
    this.#at = never;
  }

  /** Time at which the user is signed out, in Unix ms. */
  get endsAt(): number {
    const idleEnd = this.#at + this.#limits.after;
    const expiry = this.refreshTokenExpiresAt ?? idleEnd;
    // A user who was just active stays: only the server ends their session.
    const wasIdle = expiry - this.#at >= Math.max(this.#limits.warn, this.#resolution);
    return wasIdle ? Math.min(idleEnd, expiry) : idleEnd;
  }

  /** Compares with the clock, and starts the timer for the next change. */
  look(): 'active' | 'warning' | 'over' {
    const now = this.#clock.Date.now();
    this.#correct(now);
    const left = this.endsAt - now;
    if (left <= 0) return 'over';
    const isWarning = left <= this.#limits.warn;
    this.start(isWarning ? left : left - this.#limits.warn);
    return isWarning ? 'warning' : 'active';
  }

  start(delay: number): void {
    this.stop();
    this.#timer = startTimer(this.#clock, this.#onTick, Math.min(delay, maxTickMs));
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #set(at: number): void {
    this.#at = at;
    this.#monotonicAt = performance.now() - (this.#clock.Date.now() - at);
  }

  /** After a clock was set back the time that has passed still counts. Without a monotonic clock the countdown begins again. */
  #correct(now: number): void {
    if (this.#at === never) return;
    const isPlatform = this.#clock === platformClock;
    const elapsed = isPlatform ? Math.round(performance.now() - this.#monotonicAt) : 0;
    const isSetBack = elapsed > now - this.#at + toleranceMs;
    if (isSetBack || this.#at > now) this.#at = now - Math.max(elapsed, 0);
  }
}
