/**
 * Pages that sleep: in the back/forward cache, frozen, or hidden.
 *
 * @module
 */

/**
 * Calls `wake` whenever the page may have missed something, and `sleep` when it is frozen or leaves for the back/forward
 * cache. A frozen page still receives messages, and runs what they start up to the first answer that it would have to wait
 * for. Returns how to stop.
 */
export function whenItWakes(wake: () => void, sleep: () => unknown): () => void {
  const { window, document } = globalThis as { window?: Window; document?: Document };
  if (window === undefined || document === undefined) return () => {};
  const shown = (event: PageTransitionEvent): void => {
    if (event.persisted) wake();
  };
  const visible = (): void => {
    if (document.visibilityState === 'visible') wake();
  };
  // Capturing: the page's own listeners, which may want a token at once, come later.
  window.addEventListener('pageshow', shown, true);
  window.addEventListener('pagehide', sleep, true);
  document.addEventListener('freeze', sleep, true);
  document.addEventListener('resume', wake, true);
  document.addEventListener('visibilitychange', visible, true);
  return () => {
    window.removeEventListener('pageshow', shown, true);
    window.removeEventListener('pagehide', sleep, true);
    document.removeEventListener('freeze', sleep, true);
    document.removeEventListener('resume', wake, true);
    document.removeEventListener('visibilitychange', visible, true);
  };
}

let isAsleep = false;
let isWatched = false;

/** Knows from now on whether the page sleeps. */
export function watchSleep(): void {
  if (isWatched) return;
  isWatched = true;
  const set = (state: boolean) => () => {
    isAsleep = state;
  };
  whenItWakes(set(false), set(true));
}

/** How long a page may run without having been told that it is awake, in ms. Timers of a page that sleeps do not run. */
const longestDoubt = 1_000;

/** Resolves when the page does not sleep. */
export async function awake(): Promise<void> {
  watchSleep();
  if (!isAsleep) return;
  await new Promise<void>((resolve) => {
    const wake = (): void => {
      isAsleep = false;
      stop();
      clearTimeout(timer);
      resolve();
    };
    const stop = whenItWakes(wake, () => {});
    const timer = setTimeout(wake, longestDoubt);
  });
}
