/**
 * How long a session has been failing, for errors to say.
 *
 * @module
 */
import type { Failure, SessionRecord } from './session-record.ts';

/** When it began to fail, and how often it has since: failures, and refreshes that were not answered. */
export interface ConsecutiveFailures {
  readonly since: number;
  readonly failures: number;
}

/** Returns how long a record has been failing. `undefined`: it has not. */
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
