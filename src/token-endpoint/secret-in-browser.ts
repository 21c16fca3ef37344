/**
 * Secrets of clients, and a warning if they are shipped to users.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { hasBrowserFetch } from '../platform/browser-fetch.ts';

/** @throws ConfigurationError for an invalid secret. Warns in a browser. */
export function requireSecret(name: string, secret: unknown): void {
  if (typeof secret !== 'string' || secret === '') {
    throw new ConfigurationError(
      `${name}(secret): ${explain('client-authentication', 'the client secret is missing. Pass a non-empty string.')}`,
    );
  }
  warnInBrowser(name);
}

let hasWarned = false;

/** Warns once about a secret in a page. A secret that is shipped is not secret (RFC 8252 §8.5), but the client still works. */
export function warnInBrowser(name: string): void {
  if (hasWarned || !hasBrowserFetch()) return;
  hasWarned = true;
  // biome-ignore lint/suspicious/noConsole: a warning for the developer of the page
  console.warn(
    `tokenkeep: ${name}() in a browser. Everyone who opens the page can read its secret, so it proves nothing. ` +
      'Register the application as a public client, use none(), and have the server revoke the secret.',
  );
}
