/**
 * Foreign text that is fit to be shown.
 *
 * @module
 */

import { toSingleLine } from '../core/oauth/server-error-details.ts';
import { redact, type Secrets } from '../core/redact.ts';

/** One line of at most 200 characters without secrets, no word cut in half. */
export function sanitizeText(text: string | undefined, secrets: Secrets): string | undefined {
  return toSingleLine(redact(text ?? '', secrets));
}
