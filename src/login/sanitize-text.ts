/**
 * Foreign text, made safe to show.
 *
 * @module
 */

import { toSingleLine } from '../core/oauth/server-error-details.ts';
import { redact, type Secrets } from '../core/redact.ts';

/** Returns one line of at most 200 characters without secrets, cut only between words. */
export function sanitizeText(text: string | undefined, secrets: Secrets): string | undefined {
  return toSingleLine(redact(text ?? '', secrets));
}
