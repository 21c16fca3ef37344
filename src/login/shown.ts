/**
 * Foreign text that is fit to be shown.
 *
 * @module
 */
import { redact } from '../core/redact.ts';

/** One line of at most 200 characters without secrets, no word cut in half. */
export function shown(
  text: string | undefined,
  secrets: readonly (string | undefined)[],
): string | undefined {
  // What a server may send is at most this; a megabyte is not searched for secrets.
  const line = redact((text ?? '').slice(0, 10_000), secrets)
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  const short = line.length > 200 ? line.slice(0, Math.max(line.lastIndexOf(' ', 200), 0)) : line;
  return short === '' ? undefined : short;
}
