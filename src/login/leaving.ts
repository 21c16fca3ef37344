/**
 * Leaving the page for the authorization server. `location.assign()` only begins that: scripts go on until the next page is there.
 *
 * @module
 */
import { throwIfAborted } from '../core/abort.ts';
import { ConfigurationError, LoginFailedError } from '../core/errors.ts';
import type { Dpop } from '../core/possession.ts';
import { type FullClock, leavingOn } from '../flow/waiting.ts';

/** The part of a page that a login by redirect uses: `globalThis` in a browser. */
export interface LoginPage {
  /** Where the page is. */
  readonly location: {
    /** The URL of the page. */
    readonly href: string;
    /** Sends the page to another URL. */
    assign(url: string): void;
  };
  /** The session history of the page. */
  readonly history: {
    /** The state of the application, which is kept. */
    readonly state: unknown;
    /** Changes the URL without loading it. */
    replaceState(state: unknown, unused: string, url: string): void;
  };
  /** Adds a listener that is called when the page is left, or shown again. */
  addEventListener?(type: 'pageshow' | 'pagehide', listener: (event: PageTransition) => void): void;
  /** Removes a listener. */
  removeEventListener?(type: 'pageshow' | 'pagehide', listener: (event: PageTransition) => void): void;
}

/** The event `pageshow` or `pagehide`. */
export interface PageTransition {
  /** The page was kept, to be shown again as it was. */
  readonly persisted?: boolean;
}

/** The members of a page that {@link leave} uses. */
type Leavable = Pick<LoginPage, 'addEventListener' | 'removeEventListener'> & {
  readonly location: { assign(url: string): void };
};

/** How long the page may take to leave, and the signal that ends the wait. */
interface Limit {
  readonly clock: FullClock;
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/**
 * Sends the page to `url`, and stays pending until it has left. Resolves when the user comes back to this very page: browsers keep
 * pages to show them again at "Back" (`pageshow`).
 *
 * @throws LoginFailedError `timed_out` when the page is still here after `timeout` ms; the signal's reason.
 */
export async function leave(page: Leavable, url: string, limit: Limit): Promise<void> {
  const { clock, timeout, signal } = limit;
  const stopping: (() => void)[] = [];
  const back = new Promise<void>((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(stillHere(timeout)), timeout);
    const onHide = () => clock.clearTimeout(timer);
    const onShow = ({ persisted }: PageTransition) => {
      if (persisted === true) resolve();
    };
    page.addEventListener?.('pagehide', onHide);
    page.addEventListener?.('pageshow', onShow);
    stopping.push(
      onHide,
      () => page.removeEventListener?.('pagehide', onHide),
      () => page.removeEventListener?.('pageshow', onShow),
    );
  });
  try {
    page.location.assign(url);
    await leavingOn(back, signal);
  } finally {
    for (const stop of stopping) stop();
  }
}

function stillHere(timeout: number): LoginFailedError {
  return new LoginFailedError(
    `The page has not left for the authorization server within ${timeout} ms. Start the login again.`,
    { reason: 'timed_out' },
  );
}

/** A login that is about to leave a page, and how many callers wait for that. */
interface Departure {
  readonly done: Promise<void>;
  readonly aborting: AbortController;
  callers: number;
}

/** By the `location` of the page. */
const departures: WeakMap<object, Departure> = new WeakMap();

/**
 * Begins a login that leaves the page, or joins the one under way: a page leaves once, however many callers send it away. A caller
 * that aborts leaves the others alone. When all of them have aborted, the page stays.
 *
 * @param depart begins the login and leaves. Its signal aborts when no caller is left.
 */
export async function departOnce(
  location: object,
  signal: AbortSignal | undefined,
  depart: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  throwIfAborted(signal);
  const departure = departures.get(location) ?? begin(location, depart);
  departure.callers += 1;
  try {
    await leavingOn(departure.done, signal);
  } finally {
    departure.callers -= 1;
    if (departure.callers === 0) {
      if (departures.get(location) === departure) departures.delete(location);
      departure.aborting.abort(signal?.reason);
    }
  }
}

function begin(location: object, depart: (signal: AbortSignal) => Promise<void>): Departure {
  const aborting = new AbortController();
  const departure: Departure = { done: depart(aborting.signal), aborting, callers: 0 };
  departures.set(location, departure);
  return departure;
}

/**
 * Refuses keys that end with the page.
 *
 * @throws ConfigurationError
 */
export function requireLastingKeys(dpop: Dpop | undefined): void {
  if (dpop?.reach !== 'process') return;
  throw new ConfigurationError(
    'dpop(): its keys end with the page, before a login by redirect comes back. Set the option keys to indexedDbKeys().',
  );
}
