/**
 * Pages that sleep: in the back/forward cache, frozen, or hidden.
 *
 * @module
 */

/**
 * Calls `resume` whenever the page may have missed something, and `suspend` when it is frozen or enters the back/forward cache. A
 * frozen page still receives messages, and runs their handlers up to the first operation that they have to wait for. Returns a
 * function that unsubscribes.
 */
export function onPageLifecycle(resume: () => void, suspend: () => unknown): () => void {
  const { window, document } = globalThis as { window?: Window; document?: Document };
  if (window === undefined || document === undefined) return () => {};
  const shown = (event: PageTransitionEvent): void => {
    if (event.persisted) resume();
  };
  const visible = (): void => {
    if (document.visibilityState === 'visible') resume();
  };
  // Capturing: the page's own listeners, which may need a token at once, run later.
  window.addEventListener('pageshow', shown, true);
  window.addEventListener('pagehide', suspend, true);
  document.addEventListener('freeze', suspend, true);
  document.addEventListener('resume', resume, true);
  document.addEventListener('visibilitychange', visible, true);
  return () => {
    window.removeEventListener('pageshow', shown, true);
    window.removeEventListener('pagehide', suspend, true);
    document.removeEventListener('freeze', suspend, true);
    document.removeEventListener('resume', resume, true);
    document.removeEventListener('visibilitychange', visible, true);
  };
}

let isSuspended = false;
let isTracked = false;

/** Starts tracking whether the page sleeps. */
export function trackPageState(): void {
  if (isTracked) return;
  isTracked = true;
  const set = (state: boolean) => () => {
    isSuspended = state;
  };
  onPageLifecycle(set(false), set(true));
}

/** Time for which a page may run before it counts as awake without an event, in ms. Timers of a sleeping page do not run. */
const maxSuspectedSuspensionMs = 1_000;

/** Resolves as soon as the page is awake. */
export async function untilPageActive(): Promise<void> {
  trackPageState();
  if (!isSuspended) return;
  await new Promise<void>((resolve) => {
    const resume = (): void => {
      isSuspended = false;
      stop();
      clearTimeout(timer);
      resolve();
    };
    const stop = onPageLifecycle(resume, () => {});
    const timer = setTimeout(resume, maxSuspectedSuspensionMs);
  });
}
