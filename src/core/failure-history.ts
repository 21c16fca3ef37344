/**
 * How long a session has been failing, for errors to say.
 *
 * @module
 */
import type { Failure, SessionRecord } from './session-record.ts';

/** When it began to fail, and how often it has since: failures, and refreshes that were not answered. */
export interface History {
  readonly since: number;
  readonly failures: number;
}

/** Returns how long a record has been failing. `undefined`: it has not. */
export function historyOf(
  { failure: ofAll, spending }: SessionRecord,
  failure: Failure | undefined = ofAll,
): History | undefined {
  if (failure === undefined && spending === undefined) return undefined;
  const starts = [failure?.since ?? failure?.at, spending?.since].filter((time) => time !== undefined);
  return { since: Math.min(...starts), failures: (failure?.count ?? 0) + (spending?.sends ?? 0) };
}

/** Returns the latest failure that concerns a variant. */
export function latestFailure(
  { failure, variantFailures }: SessionRecord,
  variant: string,
): Failure | undefined {
  const own = variantFailures?.[variant];
  return own !== undefined && own.at >= (failure?.at ?? own.at) ? own : failure;
}
