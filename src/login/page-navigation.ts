/**
 * Leaving the page for the authorization server. `location.assign()` only begins that: scripts go on until the next page is there.
 *
 * @module
 */

import { abortable, startTimer, type TimeLimit, throwIfAborted } from '../async/abortable.ts';
import { ConfigurationError, LoginFailedError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { Dpop } from '../core/oauth/dpop-key.ts';

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

/** The members of a page that {@link navigateAway} uses. */
type NavigablePage = Pick<LoginPage, 'addEventListener' | 'removeEventListener'> & {
  readonly location: { assign(url: string): void };
};

/**
 * Sends the page to `url`, and stays pending until it has left. Resolves when the user comes back to this very page: browsers keep
 * pages to show them again at "Back" (`pageshow`).
 *
 * @throws LoginFailedError `timed_out` when the page is still here after `timeout` ms; the signal's reason.
 */
export async function navigateAway(
  page: NavigablePage,
  url: string,
  { clock, timeout }: TimeLimit,
  signal: AbortSignal,
): Promise<void> {
  let stop = (): void => undefined;
  const back = new Promise<void>((resolve, reject) => {
    const timer = startTimer(clock, () => reject(navigationTimedOut(timeout)), timeout);
    const onHide = () => clock.clearTimeout(timer);
    const onShow = ({ persisted }: PageTransition) => {
      if (persisted === true) resolve();
    };
    page.addEventListener?.('pagehide', onHide);
    page.addEventListener?.('pageshow', onShow);
    stop = () => {
      onHide();
      page.removeEventListener?.('pagehide', onHide);
      page.removeEventListener?.('pageshow', onShow);
    };
  });
  try {
    page.location.assign(url);
    await abortable(back, signal);
  } finally {
    stop();
  }
}

function navigationTimedOut(timeout: number): LoginFailedError {
  return new LoginFailedError(
    `The page has not left for the authorization server within ${timeout} ms. Start the login again.`,
    { reason: 'timed_out' },
  );
}

/** A login that is about to leave a page, and how many callers wait for that. */
interface PendingNavigation {
  readonly done: Promise<void>;
  readonly aborting: AbortController;
  callers: number;
}

/** By the `location` of the page. */
const pendingNavigations: WeakMap<object, PendingNavigation> = new WeakMap();

/**
 * Begins a login that leaves the page, or joins the one in progress: a page leaves once, however many callers send it away. A caller
 * that aborts leaves the others alone. When all of them have aborted, the page stays.
 *
 * @param navigate begins the login and leaves. Its signal aborts when no caller is left.
 */
export async function navigateOnce(
  location: object,
  signal: AbortSignal | undefined,
  navigate: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  throwIfAborted(signal);
  const navigation = pendingNavigations.get(location) ?? startNavigation(location, navigate);
  navigation.callers += 1;
  try {
    await abortable(navigation.done, signal);
  } finally {
    navigation.callers -= 1;
    if (navigation.callers === 0) {
      if (pendingNavigations.get(location) === navigation) pendingNavigations.delete(location);
      navigation.aborting.abort(signal?.reason);
    }
  }
}

function startNavigation(
  location: object,
  navigate: (signal: AbortSignal) => Promise<void>,
): PendingNavigation {
  const aborting = new AbortController();
  const navigation: PendingNavigation = { done: navigate(aborting.signal), aborting, callers: 0 };
  pendingNavigations.set(location, navigation);
  return navigation;
}

/**
 * Refuses keys that end with the page.
 *
 * @throws ConfigurationError
 */
export function requirePersistentKeys(dpop: Dpop | undefined): void {
  if (dpop?.reach !== 'process') return;
  throw new ConfigurationError(
    explain(
      'login-options',
      'dpop(): its keys end with the page, before a login by redirect comes back. Set the option keys to indexedDbKeys().',
    ),
  );
}
