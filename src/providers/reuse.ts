/**
 * When a refresh token may be sent once more.
 *
 * @module
 */

/** How the console of a provider sets it. */
export interface ReuseOptions {
  /**
   * How long a used refresh token continues to work, in ms, as it is set for this client at the provider. It heals lost
   * answers, if `timeout` is shorter. One that is longer than the provider's ends sessions: a used refresh token that
   * comes too late is taken for a stolen one.
   */
  readonly reuseWindow?: number | undefined;
}

/** The server does not spend refresh tokens: sending one again does no harm. */
export const unlimitedReuse: number = Number.MAX_SAFE_INTEGER;
