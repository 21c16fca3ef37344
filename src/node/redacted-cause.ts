/**
 * Errors of what is foreign, as causes of ours.
 *
 * @module
 */

/** What an error says, without any word that stands in what was to be stored. */
export function redactedCause(error: unknown, secret = ''): Error {
  const longTexts = /[^\s"'{}:,;]{8,}/g;
  return new Error(
    errorMessage(error).replace(longTexts, (text) => (secret.includes(text) ? '[redacted]' : text)),
  );
}

export function errorMessage(error: unknown): string {
  return String((error as { message?: unknown } | null)?.message ?? error);
}
