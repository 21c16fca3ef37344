/**
 * Checks which frames may use the bridge: those of named origins.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { parseUrl } from '../core/http/url.ts';
import type { ElectronFrame } from './electron-api.ts';

/** Checks a frame as it is now: it may have navigated since the last check. */
export type FrameCheck = (frame: ElectronFrame | null) => frame is ElectronFrame;

/** @throws ConfigurationError for an invalid origin. */
export function createFrameCheck(allowedOrigins: readonly string[]): FrameCheck {
  if (!Array.isArray(allowedOrigins) || allowedOrigins.length === 0) {
    throw new ConfigurationError(
      "serveTokenManager(options): the option allowedOrigins names no origin. Pass an array such as ['app://main'].",
    );
  }
  for (const [index, origin] of allowedOrigins.entries()) {
    // A URL parser accepts * as a character of the host: it would match no page, although it was meant to match several.
    const isOrigin = typeof origin === 'string' && !origin.includes('*') && origin === originOf(origin);
    if (isOrigin) continue;
    throw new ConfigurationError(
      `serveTokenManager(options): allowedOrigins[${index}] is no origin. Write the scheme and the host, as in ` +
        "'https://app.example.com', 'app://main' or, for all local files, 'file://'. Name each origin, without *.",
    );
  }
  const allowed = new Set(allowedOrigins);
  return (frame): frame is ElectronFrame => {
    if (frame === null || frame.isDestroyed?.() === true) return false;
    // The URL alone is not enough: a sandboxed frame has the same one, and its own origin.
    const { url, origin } = frame;
    return allowed.has(originOf(url) ?? '') && (origin === undefined || allowed.has(origin));
  };
}

/** Returns the origin of a page's URL, also for schemes of the application, for which `URL` returns none. */
function originOf(url: string): string | undefined {
  const parsed = parseUrl(url);
  if (parsed === null || parsed.protocol === 'blob:') return undefined;
  if (parsed.protocol === 'file:') return 'file://';
  if (parsed.origin !== 'null') return parsed.origin;
  return parsed.host === '' ? undefined : `${parsed.protocol}//${parsed.host}`;
}
