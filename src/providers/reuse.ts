/**
 * Options for sending a refresh token once more.
 *
 * @module
 */

/** Reuse window, as set in a provider's console. */
export interface ReuseOptions {
  /**
   * Time for which a used refresh token continues to work, in ms, as set for this client at the provider. It recovers lost
   * responses, if `timeout` is shorter. A window that is longer than the provider's ends sessions: the provider treats a used refresh
   * token that arrives too late as stolen.
   */
  readonly reuseWindow?: number | undefined;
}

/** Value for servers that do not spend refresh tokens: sending one again does no harm. */
export const unlimitedReuse: number = Number.MAX_SAFE_INTEGER;
