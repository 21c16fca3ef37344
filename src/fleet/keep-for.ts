/**
 * For how long a stored session is of use to anybody.
 *
 * @module
 */

/** Clocks differ, and whoever comes a day late should be told by the server that it is over. */
const grace: number = 24 * 60 * 60 * 1000;

/**
 * How long a record is to be kept, in ms from now: until its refresh token and its access tokens are over, and a day.
 * What tells no end of its refresh token is kept for `otherwise`.
 */
export function keepFor(record: object, otherwise: number | undefined): number | undefined {
  const { refreshTokenExpiresAt, accessTokens } = record as Record<string, unknown>;
  if (typeof refreshTokenExpiresAt !== 'number') return otherwise;
  const ends = Object.values(accessTokens ?? {}).map(
    (one) => (one as { expiresAt?: unknown } | null)?.expiresAt,
  );
  const last = Math.max(refreshTokenExpiresAt, ...ends.filter((end) => typeof end === 'number'));
  return Math.ceil(Math.max(60_000, last - Date.now() + grace));
}
