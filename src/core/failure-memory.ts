/**
 * Stores consecutive failures in the record, so that other tabs, processes and machines need not repeat them. Pure.
 *
 * @module
 */
import { fingerprint } from './fingerprint.ts';
import { changed } from './own-members.ts';
import { backoff } from './reconcile.ts';
import type { ServerWords } from './server-words.ts';
import {
  type Failure,
  longestPause,
  type Refusals,
  type SessionRecord,
  type Stuck,
} from './session-record.ts';

/** A refresh that has failed. */
export interface FailedRefresh extends ServerWords, Pick<Failure, 'kind' | 'status' | 'offline'> {
  /** In ms, if the server said it. */
  readonly retryAfter?: number | undefined;
  /** `true`: the server looked at the request and said no. `false` if the server itself failed, or nothing was sent. */
  readonly refused?: boolean | undefined;
}

/** How it was asked for. */
export interface FailureContext {
  readonly now: number;
  /** In [0, 1): spreads those who wait. */
  readonly random: number;
  readonly variant: string;
  /** `true`: an access token can be had without a refresh token, so no login would help. */
  readonly mints: boolean | undefined;
}

/** The result of {@link remember}. */
export interface Remembered {
  readonly record: SessionRecord;
  readonly failure: Failure;
  /** `true`: with this failure a row of refusals has become one that does not pass by itself. */
  readonly isStuckNow: boolean;
}

/** Returns what to store after another failure. */
export function remember(record: SessionRecord, seen: FailedRefresh, context: FailureContext): Remembered {
  const { variant, now } = context;
  if (seen.error !== 'invalid_scope' && seen.error !== 'invalid_target') {
    const failure = {
      ...next(record, record.failure, seen, context),
      fingerprint: fingerprint(record.refreshToken ?? ''),
    };
    const wasStuck = record.failure?.refusals?.stuck !== undefined;
    const isStuckNow = !wasStuck && failure.refusals?.stuck !== undefined;
    return { record: changed(record, { failure }), failure, isStuckNow };
  }
  const { [variant]: before, ...others } = record.variantFailures ?? {};
  const failure = next(record, before, seen, context);
  // Drops the failures of variants that have not been requested for a long time.
  const kept = Object.entries(others).filter(([, { until }]) => now < until + longestPause);
  const variantFailures = { ...Object.fromEntries(kept), [variant]: failure };
  return { record: changed(record, { variantFailures }), failure, isStuckNow: false };
}

function next(
  record: SessionRecord,
  before: Failure | undefined,
  seen: FailedRefresh,
  context: FailureContext,
): Failure {
  const { retryAfter, refused = false, ...description } = seen;
  const { now, random } = context;
  const count = (before?.count ?? 0) + 1;
  const refusals = refused ? refusedAgain(record, seen, before?.refusals, context) : before?.refusals;
  const pause = refused
    ? pauseOfRefusal(seen, refusals?.count ?? 1, random)
    : pauseOfFailure(seen, count, random);
  return {
    ...description,
    at: now,
    until: now + Math.min(longestPause, Math.max(pause, retryAfter ?? 0)),
    count,
    since: before?.since ?? before?.at ?? now,
    refusals,
  };
}

function pauseOfFailure({ kind }: FailedRefresh, count: number, random: number): number {
  return kind === 'transient' ? backoff(count, random) : 30_000;
}

/** Each refusal in a row doubles the pause, up to an hour. */
function pauseOfRefusal({ kind }: FailedRefresh, count: number, random: number): number {
  const first = kind === 'transient' ? 500 + random * 500 : 30_000;
  return Math.round(first * 2 ** Math.min(count - 1, 20));
}

/** A refusal may be a deployment that goes wrong. After this long, in ms, the session counts as stuck. */
const stuckAfter = 300_000;

/** The same after a lost answer: a spent refresh token gets refusals. */
const stuckAfterLostAnswer = 30_000;

function refusedAgain(
  { spending }: SessionRecord,
  seen: FailedRefresh,
  { count = 0, since, stuck }: Partial<Refusals> = {},
  { now, mints }: FailureContext,
): Refusals {
  const refusals = { count: count + 1, since: since ?? now, stuck };
  if (stuck !== undefined || seen.kind === 'interaction-required') return refusals;
  const wasLost = (spending?.sends ?? 0) > 0;
  const isLong = now - refusals.since >= (wasLost ? stuckAfterLostAnswer : stuckAfter);
  const isOften = refusals.count >= (wasLost ? 2 : 3);
  if (!isLong || !isOften) return refusals;
  const remedy: Stuck = wasLost ? 'answer_lost' : 'refresh_refused';
  return { ...refusals, stuck: mints === true || isAboutClient(seen) ? 'configuration' : remedy };
}

/** Codes that a new refresh token of the same client would get as well. */
const aboutClient: ReadonlySet<string | undefined> = new Set([
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
function isAboutClient({ error, status = 0 }: FailedRefresh): boolean {
  return aboutClient.has(error) || status === 0 || (status >= 300 && status < 400);
}
