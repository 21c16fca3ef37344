/**
 * The time for which a stored session is useful.
 *
 * @module
 */

/** Clocks differ. A process that is a day late should learn from the server that the session has ended. */
const graceMs: number = 24 * 60 * 60 * 1000;

/**
 * Returns how long to keep a record, in ms from now: until its refresh token and its access tokens have expired, and
 * a day. A record without an expiry of its refresh token is kept for `defaultTtl`.
 */
export function recordTtl(record: object, defaultTtl: number | undefined): number | undefined {
  const { refreshTokenExpiresAt, accessTokens } = record as Record<string, unknown>;
  if (typeof refreshTokenExpiresAt !== 'number') return defaultTtl;
  const expiries = Object.values(accessTokens ?? {}).map(
    (one) => (one as { expiresAt?: unknown } | null)?.expiresAt,
  );
  const lastExpiry = Math.max(
    refreshTokenExpiresAt,
    ...expiries.filter((expiry) => typeof expiry === 'number'),
  );
  return Math.ceil(Math.max(60_000, lastExpiry - Date.now() + graceMs));
}
