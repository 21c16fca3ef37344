/**
 * Reading URLs with the one part of `URL` that every platform has: its constructor. `URL.parse` and `URL.canParse` are
 * missing in Hermes, in Safari before 18 and in older isolates.
 *
 * @module
 */

import { ConfigurationError } from '../errors.ts';
import { explain } from '../explain.ts';

/** The class that was last seen to read URLs as the standard says. A polyfill may take its place at any time. */
let verifiedClass: typeof URL | undefined;

/**
 * Parses an absolute URL, or one that is relative to `base`.
 *
 * @returns `null` if it is no URL.
 * @throws ConfigurationError on a platform whose `URL` accepts everything, such as React Native: there tokenkeep
 *   cannot know where a token would be sent.
 */
export function parseUrl(text: string | URL, base?: string): URL | null {
  if (verifiedClass !== URL) requireParser();
  return parsed(text, base);
}

function parsed(text: string | URL, base?: string): URL | null {
  try {
    return new URL(text, base);
  } catch {
    return null;
  }
}

/** Checks whether a URL contains a user name or a password. */
export function hasUserInfo({ username, password }: URL): boolean {
  return username !== '' || password !== '';
}

function requireParser(): void {
  // A host that no engine takes (Chromium escapes a space), and dots in a path: a class that only cuts text keeps both.
  const isStandard = parsed('http://a<b') === null && parsed('HTTP://A/b/../c')?.href === 'http://a/c';
  if (!isStandard) {
    throw new ConfigurationError(
      explain(
        'platform',
        'The `URL` class of this platform does not parse URLs as the URL Standard requires. ' +
          "On React Native, import 'react-native-url-polyfill/auto' before tokenkeep.",
      ),
    );
  }
  verifiedClass = URL;
}
