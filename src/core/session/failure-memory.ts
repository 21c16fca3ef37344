/**
 * Stores consecutive failures in the record, so that other tabs, processes and machines need not repeat them. Pure.
 *
 * @module
 */
import { fingerprint } from '../fingerprint.ts';
import type { ServerErrorDetails } from '../oauth/server-error-details.ts';
import { withChanges } from './apply-grant.ts';
import { backoff } from './refresh-decision.ts';
import {
  type Failure,
  longestPause,
  type Refusals,
  type SessionRecord,
  type StuckReason,
} from './session-record.ts';

/** A refresh that has failed. */
export interface FailedRefresh extends ServerErrorDetails, Pick<Failure, 'kind' | 'status' | 'offline'> {
  /** In ms, if the server said it. */
  readonly retryAfter?: number | undefined;
  /** `true`: the server looked at the request and said no. `false` if the server itself failed, or nothing was sent. */
  readonly refused?: boolean | undefined;
}

/** How it was asked for. */
export interface FailureContext {
  readonly now: number;
  /** In [0, 1): spreads the waiting clients. */
  readonly random: number;
  readonly variant: string;
  /** `true`: an access token can be had without a refresh token, so no login would help. */
  readonly isStateless: boolean | undefined;
}

/** The result of {@link recordFailure}. */
export interface RecordedFailure {
  readonly record: SessionRecord;
  readonly failure: Failure;
  /** `true`: with this failure a row of refusals has become one that does not pass by itself. */
  readonly becameStuck: boolean;
}

/** Returns what to store after another failure. */
export function recordFailure(
  record: SessionRecord,
  seen: FailedRefresh,
  context: FailureContext,
): RecordedFailure {
  const { variant, now } = context;
  if (seen.error !== 'invalid_scope' && seen.error !== 'invalid_target') {
    const failure = {
      ...nextFailure(record, record.failure, seen, context),
      fingerprint: fingerprint(record.refreshToken ?? ''),
    };
    const wasStuck = record.failure?.refusals?.stuck !== undefined;
    const becameStuck = !wasStuck && failure.refusals?.stuck !== undefined;
    return { record: withChanges(record, { failure }), failure, becameStuck };
  }
  const { [variant]: before, ...others } = record.variantFailures ?? {};
  const failure = nextFailure(record, before, seen, context);
  // Drops the failures of variants that have not been requested for a long time.
  const kept = Object.entries(others).filter(([, { until }]) => now < until + longestPause);
  const variantFailures = { ...Object.fromEntries(kept), [variant]: failure };
  return { record: withChanges(record, { variantFailures }), failure, becameStuck: false };
}

function nextFailure(
  record: SessionRecord,
  before: Failure | undefined,
  seen: FailedRefresh,
  context: FailureContext,
): Failure {
  const { retryAfter, refused = false, ...description } = seen;
  const { now, random } = context;
  const count = (before?.count ?? 0) + 1;
  const refusals = refused ? countRefusal(record, seen, before?.refusals, context) : before?.refusals;
  const pause = refused
    ? refusalPause(seen, refusals?.count ?? 1, random)
    : failurePause(seen, count, random);
  return {
    ...description,
    at: now,
    until: now + Math.min(longestPause, Math.max(pause, retryAfter ?? 0)),
    count,
    since: before?.since ?? before?.at ?? now,
    refusals,
  };
}

function failurePause({ kind }: FailedRefresh, count: number, random: number): number {
  return kind === 'transient' ? backoff(count, random) : 30_000;
}

/** Each refusal in a row doubles the pause, up to an hour. */
function refusalPause({ kind }: FailedRefresh, count: number, random: number): number {
  const first = kind === 'transient' ? 500 + random * 500 : 30_000;
  return Math.round(first * 2 ** Math.min(count - 1, 20));
}

/** A refusal may be a deployment that goes wrong. After this long, in ms, the session counts as stuck. */
const stuckAfter = 300_000;

/** The same after a lost response: a spent refresh token gets refusals. */
const stuckAfterLostResponse = 30_000;

function countRefusal(
  { pendingRefresh }: SessionRecord,
  seen: FailedRefresh,
  { count = 0, since, stuck }: Partial<Refusals> = {},
  { now, isStateless }: FailureContext,
): Refusals {
  const refusals = { count: count + 1, since: since ?? now, stuck };
  if (stuck !== undefined || seen.kind === 'interaction-required') return refusals;
  const wasLost = (pendingRefresh?.sends ?? 0) > 0;
  const isLong = now - refusals.since >= (wasLost ? stuckAfterLostResponse : stuckAfter);
  const isOften = refusals.count >= (wasLost ? 2 : 3);
  if (!isLong || !isOften) return refusals;
  const reason: StuckReason = wasLost ? 'response_lost' : 'refresh_refused';
  return { ...refusals, stuck: isStateless === true || isClientError(seen) ? 'configuration' : reason };
}

/** Codes that a new refresh token of the same client would get as well. */
const clientErrors: ReadonlySet<string | undefined> = new Set([
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'invalid_dpop_proof',
  'use_dpop_nonce',
  'unusable token_type',
  'unusable access_token',
]);

/** No login helps: the client is refused, or its token endpoint has moved. */
function isClientError({ error, status = 0 }: FailedRefresh): boolean {
  return clientErrors.has(error) || status === 0 || (status >= 300 && status < 400);
}
