/**
 * Detection of a browser's `fetch`: in a page, its workers, an extension or a WebView.
 *
 * @module
 */

/**
 * Checks whether the platform's `fetch` is that of a browser, which restricts scripts: they cannot set some headers, and a
 * redirect that is not followed does not show its target (`opaqueredirect`).
 *
 * The check uses `Request` itself: Node with a DOM (jsdom, happy-dom, a shim for server-side rendering) has a `document`, but
 * a `fetch` without these restrictions.
 *
 * @see Fetch Standard, "forbidden request-header" and "opaque-redirect filtered response"
 */
export function hasBrowserFetch(): boolean {
  const { Request } = globalThis;
  if (typeof Request !== 'function' || !isNative(Request)) return false;
  return !new Request('https://tokenkeep.invalid/', { headers: { 'sec-tokenkeep': '' } }).headers.has(
    'sec-tokenkeep',
  );
}

/** Checks whether a function is part of the engine or of the browser, and not written in JavaScript. */
export function isNative(platform: object): boolean {
  return /\[native code\]\s*\}$/.test(Function.prototype.toString.call(platform));
}
