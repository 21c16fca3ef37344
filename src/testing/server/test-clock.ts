/**
 * A clock that moves only when a test advances it.
 *
 * @module
 */
import type { Clock } from '../../core/contracts.ts';

/** Result of {@link testClock}. */
export interface TestClock extends Required<Clock> {
  /**
   * Advances the time by `ms`: calls the timers that are due, each at its time and in order, and completes all
   * consequences of one before the next. `advance(0)` completes the work in progress.
   */
  advance(ms: number): Promise<void>;
  /** Sets the time, forwards or backwards, and calls no timer: a laptop that slept, a user who corrects the clock. */
  set(now: number): void;
  /** Number of pending timers. */
  readonly timers: number;
}

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly callback: () => void;
}

/** The longest delay of timers on all platforms. With a longer one they call back at once. */
const longestDelay = 2 ** 31 - 1;

/**
 * Creates a clock for tests.
 *
 * @param start Unix ms
 * @example
 * ```ts
 * import { authorizationServer, testClock } from 'tokenkeep/testing';
 *
 * const clock = testClock();
 * const server = authorizationServer({ clock });
 * const { access_token } = server.signIn({ lifetime: 60_000 });
 * await clock.advance(60_000);
 * server.isActive(access_token); // false
 * ```
 */
export function testClock(start: number = Date.UTC(2030, 0, 1)): TestClock {
  const timers = new Map<number, Timer>();
  let now = start;
  let lastId = 0;

  async function advance(ms: number): Promise<void> {
    const end = now + ms;
    await flushPending();
    for (let timer = nextOf(timers, end); timer; timer = nextOf(timers, end)) {
      timers.delete(timer.id);
      now = Math.max(now, timer.at);
      timer.callback();
      await flushPending();
    }
    now = end;
    await flushPending();
  }

  return {
    now: () => now,
    setTimeout(callback, delay) {
      const wait = delay > longestDelay || !(delay > 0) ? 0 : delay;
      const timer: Timer = { id: ++lastId, at: now + wait, callback };
      timers.set(timer.id, timer);
      return timer.id;
    },
    clearTimeout(id) {
      timers.delete(id as number);
    },
    advance,
    set(time) {
      now = time;
    },
    get timers() {
      return timers.size;
    },
  };
}

/** Returns the first timer that is due at `end`; of several for the same time, the one that was set first. */
function nextOf(timers: ReadonlyMap<number, Timer>, end: number): Timer | undefined {
  let next: Timer | undefined;
  for (const timer of timers.values()) {
    if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
  }
  return next;
}

/** Waits for one turn of the event loop: after it all promises that need no I/O have settled. */
export function flushPending(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
