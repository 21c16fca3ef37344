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
  /** Pause that the server requested, in ms. */
  readonly retryAfter?: number | undefined;
  /** `true`: the server checked the request and refused it. `false`: the server itself failed, or nothing was sent. */
  readonly refused?: boolean | undefined;
}

/** The circumstances of a failed refresh. */
export interface FailureContext {
  readonly now: number;
  /** Random number in [0, 1), which spreads the waiting clients. */
  readonly random: number;
  readonly variant: string;
  /** `true`: the grant needs no refresh token, so a login would not help. */
  readonly isStateless: boolean | undefined;
}

/** The result of {@link recordFailure}. */
export interface RecordedFailure {
  readonly record: SessionRecord;
  readonly failure: Failure;
  /** `true`: with this failure, the series of refusals is unlikely to end without a change. */
  readonly becameStuck: boolean;
}

/** Returns the record members to store after another failure. */
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

/** Returns the pause after a refusal. Each consecutive refusal doubles it, up to an hour. */
function refusalPause({ kind }: FailedRefresh, count: number, random: number): number {
  const first = kind === 'transient' ? 500 + random * 500 : 30_000;
  return Math.round(first * 2 ** Math.min(count - 1, 20));
}

/** Duration of refusals after which the session counts as stuck, in ms. A shorter series may be a failed deployment. */
const stuckAfter = 300_000;

/** The same duration after a lost response, because a spent refresh token is refused. */
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

/** Error codes that a new refresh token of the same client would receive as well. */
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

/** Checks whether a login would not help: the server refuses the client, or the token endpoint has moved. */
function isClientError({ error, status = 0 }: FailedRefresh): boolean {
  return clientErrors.has(error) || status === 0 || (status >= 300 && status < 400);
}
