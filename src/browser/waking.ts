/**
 * Pages that sleep: in the back/forward cache, frozen, or hidden.
 *
 * @module
 */

/** Calls `wake` whenever the page may have missed something, and `sleep` when it leaves for the back/forward cache. Returns how to stop. */
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
  document.addEventListener('resume', wake, true);
  document.addEventListener('visibilitychange', visible, true);
  return () => {
    window.removeEventListener('pageshow', shown, true);
    window.removeEventListener('pagehide', sleep, true);
    document.removeEventListener('resume', wake, true);
    document.removeEventListener('visibilitychange', visible, true);
  };
}
