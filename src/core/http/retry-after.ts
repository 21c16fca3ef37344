/**
 * Reads the headers `Retry-After` and `Date`. Imports nothing.
 *
 * @module
 */

/** Longest wait that a server can request, in ms. */
export const MAX_RETRY_AFTER: number = 3_600_000;

/**
 * Reads a `Retry-After` header as ms from now: seconds or an HTTP date, at most {@link MAX_RETRY_AFTER}, never negative.
 * `undefined`: the response has no such header, or it cannot be read.
 *
 * @param serverNow Unix ms by the server's clock, which is the one that wrote the date.
 * @see RFC 9110 §10.2.3
 */
export function readRetryAfter(header: string | null, serverNow: number): number | undefined {
  const text = header?.trim() ?? '';
  const wait = /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : untilDate(text, serverNow);
  return wait === undefined ? undefined : Math.min(Math.max(Math.ceil(wait), 0), MAX_RETRY_AFTER);
}

function untilDate(text: string, serverNow: number): number | undefined {
  const date = readHttpDate(text);
  return date === undefined ? undefined : date - serverNow;
}

/**
 * Pattern of `Sun, 06 Nov 1994 08:49:37 GMT`, and of the obsolete `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
 */
const httpDate = /^[A-Z][a-z]{2,8},? [\w -]{6,12} \d\d:\d\d:\d\d (GMT|\d{4})$/;

/**
 * Reads an HTTP date as Unix ms, in each of the three forms that a recipient must accept (RFC 9110 §5.6.7). `undefined`: there is
 * none, or it is invalid.
 */
export function readHttpDate(header: string | null): number | undefined {
  const form = header === null ? null : httpDate.exec(header.trim());
  if (form === null) return undefined;
  // `Date.parse` alone accepts invalid text ("try 5"), and reads a date without a zone as local time.
  const time = Date.parse(form[1] === 'GMT' ? form[0] : `${form[0]} GMT`);
  return Number.isNaN(time) ? undefined : time;
}
