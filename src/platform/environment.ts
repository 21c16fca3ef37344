/**
 * Facts that the platform reports.
 *
 * @module
 */

import { type RequiredClock, startTimer } from '../async/abortable.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';

/** Returns `false` only if the platform reports that there is no network. */
export function isOnline(): boolean {
  return globalThis.navigator?.onLine !== false;
}

/**
 * Time for which a page counts as leaving after the browser has announced it, in ms. At first, a user who decides to stay and a
 * click on a download look the same.
 */
const maxLeavingMs = 3_000;

let page: EventTarget | undefined;
/** Time at which the page began to leave, in Unix ms. `undefined`: the page stays. */
let leavingSince: number | undefined;

/** Observes from now on whether the page is being left. Does nothing if there is no page. */
export function watchPage(): void {
  const { window, document } = globalThis as { window?: EventTarget; document?: unknown };
  if (document === undefined || typeof window?.addEventListener !== 'function' || page === window) return;
  page = window;
  leavingSince = undefined;
  const leaves = () => {
    leavingSince = Date.now();
  };
  const stays = () => {
    leavingSince = undefined;
  };
  window.addEventListener('beforeunload', leaves, true);
  window.addEventListener('pagehide', leaves, true);
  window.addEventListener('pageshow', stays, true);
}

/** Returns `true` while the page is being left, so that an operation that begins now may not finish. */
export function isPageLeaving(): boolean {
  return leavingSince !== undefined && Math.abs(Date.now() - leavingSince) < maxLeavingMs;
}

/** Waits while the page is being left, until it turns out to stay. Resolves at once in all other cases. */
export async function waitUntilPageStays(clock: RequiredClock): Promise<void> {
  if (!isPageLeaving()) return;
  await new Promise<void>((resolve) => {
    const stay = () => {
      leavingSince = undefined;
      page?.removeEventListener('pageshow', stay, true);
      clock.clearTimeout(timer);
      resolve();
    };
    page?.addEventListener('pageshow', stay, true);
    const timer = startTimer(clock, stay, maxLeavingMs);
  });
}

type Fetch = typeof globalThis.fetch;

/** The `fetch` functions of managers, and wrappers around them. */
const managerFetches: WeakSet<Fetch> = new WeakSet();

/** Remembers the `fetch` of a manager: if it replaces the platform's `fetch`, it must not call itself. */
export function registerManagerFetch(fetch: Fetch): void {
  managerFetches.add(fetch);
}

/**
 * Returns a function that calls the platform's current `fetch`, so that later replacements take effect, such as a mock or
 * instrumentation. Once the replacement leads back to a manager, it calls the original `fetch` from then on.
 *
 * @throws ConfigurationError if the platform has no `fetch`.
 */
export function platformFetch(): Fetch {
  const { fetch: first } = globalThis;
  if (typeof first !== 'function') {
    throw new ConfigurationError(
      explain('platform', 'The option fetch is missing, and this platform has no fetch.'),
    );
  }
  let isReplaced = false;
  const current = (): Fetch => {
    const { fetch = first } = globalThis;
    if (managerFetches.has(fetch)) isReplaced = true;
    return isReplaced ? first : fetch;
  };
  // An application replaces `fetch` right after it creates a manager. A later mock would hide that it leads to the manager.
  queueMicrotask(current);
  let entered: Fetch | undefined;
  return (input, init) => {
    // A function that calls us synchronously while we call it is a wrapper around the `fetch` of a manager.
    if (entered !== undefined && entered === globalThis.fetch) managerFetches.add(entered);
    const fetch = current();
    const before = entered;
    entered = fetch;
    try {
      return fetch(input, init);
    } finally {
      entered = before;
    }
  };
}

/** An open channel keeps Node, Bun and Deno alive. Deno cannot unref a channel, so there it is closed. */
interface Hold {
  ref?(): void;
  unref?(): void;
  close(): void;
}

let callers = 0;
let hold: Hold | undefined;

/**
 * Returns what `promise` settles to, and keeps the process alive until then. The timers and watchers of a manager do not keep it alive,
 * so a process that waits for nothing else would end in the middle of a call, with exit code 0.
 */
export async function keepAlive<T>(promise: Promise<T>): Promise<T> {
  callers += 1;
  if (callers === 1) {
    hold ??= open();
    hold?.ref?.();
  }
  try {
    return await promise;
  } finally {
    callers -= 1;
    if (callers === 0) release();
  }
}

function release(): void {
  if (hold?.unref === undefined) {
    hold?.close();
    hold = undefined;
  } else hold.unref();
}

/** Opens a channel. The fake timers of a test would run a timer, and a port of a `MessageChannel` keeps only Node alive. */
function open(): Hold | undefined {
  const { BroadcastChannel } = globalThis;
  if (typeof BroadcastChannel !== 'function') return undefined;
  // In browsers channels have no `unref`, because a page is not kept open by them.
  const endsByItself = 'unref' in BroadcastChannel.prototype || 'Deno' in globalThis;
  return endsByItself ? new BroadcastChannel('tokenkeep:waiting') : undefined;
}
