/**
 * Reads URLs with the constructor of `URL`, the only part that every platform has. `URL.parse` and `URL.canParse` are missing in
 * Hermes, in Safari before 18 and in older isolates.
 *
 * @module
 */

import { ConfigurationError } from '../errors.ts';
import { explain } from '../explain.ts';

/** Class that was last found to read URLs by the standard. A polyfill may replace it at any time. */
let verifiedClass: typeof URL | undefined;

/**
 * Parses an absolute URL, or one that is relative to `base`.
 *
 * @returns `null` if it is not a URL.
 * @throws ConfigurationError on a platform whose `URL` accepts everything, such as React Native. There the target of a token
 *   would be uncertain.
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
  // A host that every engine rejects (Chromium escapes a space), and dots in a path. A class that only splits text keeps both.
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
