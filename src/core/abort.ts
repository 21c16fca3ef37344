/**
 * Abort signals of any platform: polyfills, such as those of React Native, have neither `reason` nor `throwIfAborted()`.
 *
 * @module
 */

/** Returns why a signal was aborted: its `reason`, or an `AbortError`. */
export function abortReason(signal: AbortSignal): unknown {
  if (signal.reason !== undefined) return signal.reason;
  const error = new Error('This operation was aborted.');
  error.name = 'AbortError';
  return error;
}

/** @throws the reason of a signal that is aborted. */
export function throwIfAborted(signal: AbortSignal | null | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}
