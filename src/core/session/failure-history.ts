/**
 * The duration of consecutive failures, for error messages.
 *
 * @module
 */
import type { Failure, SessionRecord } from './session-record.ts';

/** Start and number of the consecutive failures, including refreshes without a response. */
export interface ConsecutiveFailures {
  readonly since: number;
  readonly failures: number;
}

/** Returns the consecutive failures of a record. `undefined`: there are none. */
export function consecutiveFailures(
  { failure: ofAll, pendingRefresh }: SessionRecord,
  failure: Failure | undefined = ofAll,
): ConsecutiveFailures | undefined {
  if (failure === undefined && pendingRefresh === undefined) return undefined;
  const starts = [failure?.since ?? failure?.at, pendingRefresh?.since].filter((time) => time !== undefined);
  return { since: Math.min(...starts), failures: (failure?.count ?? 0) + (pendingRefresh?.sends ?? 0) };
}

/** Returns the latest failure that concerns a variant. */
export function latestFailure(
  { failure, variantFailures }: SessionRecord,
  variant: string,
): Failure | undefined {
  const own = variantFailures?.[variant];
  return own !== undefined && own.at >= (failure?.at ?? own.at) ? own : failure;
}
