/**
 * Navigation to the authorization server. `location.assign()` only begins it: scripts continue until the next page is loaded.
 *
 * @module
 */

import { abortable, startTimer, type TimeLimit, throwIfAborted } from '../async/abortable.ts';
import { ConfigurationError, LoginFailedError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { Dpop } from '../core/oauth/dpop-key.ts';

/** The part of a page that a login by redirect uses: `globalThis` in a browser. */
export interface LoginPage {
  /** The location of the page. */
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
  /** `true`: the browser keeps the page in the back/forward cache, and may show it again. */
  readonly persisted?: boolean;
}

/** The members of a page that {@link navigateAway} uses. */
type NavigablePage = Pick<LoginPage, 'addEventListener' | 'removeEventListener'> & {
  readonly location: { assign(url: string): void };
};

/**
 * Navigates the page to `url`. The promise is pending until the page has unloaded. It resolves if the user returns to this page by
 * "Back" and the browser shows it from its cache (`pageshow`).
 *
 * @throws LoginFailedError `timed_out` if the page has not unloaded after `timeout` ms; the signal's reason.
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

/** A login that is about to leave a page, and the number of its callers. */
interface PendingNavigation {
  readonly done: Promise<void>;
  readonly aborting: AbortController;
  callers: number;
}

/** Pending navigations by the `location` of their page. */
const pendingNavigations: WeakMap<object, PendingNavigation> = new WeakMap();

/**
 * Begins a login that leaves the page, or joins the one in progress: a page navigates once, even for several callers. A caller
 * that aborts does not affect the others. If all of them abort, the page stays.
 *
 * @param navigate begins the login and navigates. Its signal aborts when no caller is left.
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
 * Refuses keys that are lost when the page unloads.
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
