/**
 * Foreign text that is fit to be shown.
 *
 * @module
 */
import { redact, type Secrets } from '../core/redact.ts';
import { oneLine } from '../core/server-words.ts';

/** One line of at most 200 characters without secrets, no word cut in half. */
export function shown(text: string | undefined, secrets: Secrets): string | undefined {
  return oneLine(redact(text ?? '', secrets));
}
