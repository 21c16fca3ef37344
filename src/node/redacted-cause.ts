/**
 * Errors of foreign code, as causes of tokenkeep's errors.
 *
 * @module
 */

/** Returns the text of an error, without any word that occurs in the data to be stored. */
export function redactedCause(error: unknown, secret = ''): Error {
  const longTexts = /[^\s"'{}:,;]{8,}/g;
  return new Error(
    errorMessage(error).replace(longTexts, (text) => (secret.includes(text) ? '[redacted]' : text)),
  );
}

export function errorMessage(error: unknown): string {
  return String((error as { message?: unknown } | null)?.message ?? error);
}
