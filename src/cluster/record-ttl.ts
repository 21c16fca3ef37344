/**
 * For how long a stored session is of use to anybody.
 *
 * @module
 */

/** Clocks differ. A process that comes a day late should learn from the server that the session has ended. */
const graceMs: number = 24 * 60 * 60 * 1000;

/**
 * How long a record is to be kept, in ms from now: until its refresh token and its access tokens are over, and a day.
 * What tells no end of its refresh token is kept for `defaultTtl`.
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
