/**
 * Step 6: what becomes of a refresh token that was sent.
 *
 * @module
 */

import { isConfigurationError, isConflict, type LoginRequiredError } from '../core/errors.ts';
import { findIdTokenMismatch } from '../core/oauth/id-token.ts';
import { redactErrorDetails, type ServerErrorDetails } from '../core/oauth/server-error-details.ts';
import { isTransientStatus } from '../core/oauth/token-error.ts';
import type { TokenGrant } from '../core/oauth/token-grant.ts';
import { emptyObject, withChanges } from '../core/own-members.ts';
import { applyGrant } from '../core/session/apply-grant.ts';
import { consecutiveFailures } from '../core/session/failure-history.ts';
import { type FailedRefresh, type RecordedFailure, recordFailure } from '../core/session/failure-memory.ts';
import { loginIdentityOf } from '../core/session/login-identity.ts';
import { authorizationScheme, isSendable } from '../core/session/read-record.ts';
import { backoff, usableUntil } from '../core/session/refresh-decision.ts';
import { type AccessToken, type SessionRecord, wholeGrant } from '../core/session/session-record.ts';
import { forgetKey } from '../session/dpop-session.ts';

import type { ManagerContext } from '../session/manager-context.ts';
import type { VersionedRecord } from '../session/record-write.ts';

import type { CachedToken } from '../session/session.ts';
import { loginRequired, refreshFailed, responseLost } from '../session/session-errors.ts';
import { issuersOf } from '../token-endpoint/authorization-server-resolver.ts';
import type { SendResult } from '../token-endpoint/token-endpoint.ts';
import { notifyRefreshTokenExpiry } from './notify-refresh-token-expiry.ts';
import {
  cacheToken,
  mayReachServer,
  type RefreshAttempt,
  type SentRefresh,
  switchLogin,
} from './refresh-attempt.ts';

/** A token, or: decide again on what is stored, or on this record. Failures that end the attempt are thrown. */
export type RefreshStep = CachedToken | 'retry' | SessionRecord;

export async function handleTokenResponse(
  context: ManagerContext,
  attempt: RefreshAttempt,
  sentRefresh: SentRefresh,
  result: SendResult,
): Promise<RefreshStep> {
  switch (result.kind) {
    case 'granted':
      return await onGranted(context, attempt, sentRefresh, result.grant);
    case 'refused':
      if (result.error === 'invalid_scope' && namesWholeGrant(attempt, sentRefresh)) {
        return await onScopeNarrowed(context, attempt, sentRefresh, result);
      }
      return result.failure === 'invalid-grant'
        ? await onInvalidGrant(context, attempt, sentRefresh, {
            ...errorDetailsOf(result, sentRefresh),
            cause: result.cause,
          })
        : await onTransientFailure(context, attempt, sentRefresh, describeRefusal(result, sentRefresh));
    case 'not-sent':
      return await onTransientFailure(context, attempt, sentRefresh, {
        kind: 'transient',
        cause: result.cause,
      });
    default:
      return await onResponseLost(context, attempt, sentRefresh, result);
  }
}

async function onGranted(
  context: ManagerContext,
  attempt: RefreshAttempt,
  sentRefresh: SentRefresh,
  grant: TokenGrant,
): Promise<RefreshStep> {
  const { session, requirement } = attempt;
  const { server, sentAt, scope } = sentRefresh;
  const orphanedTokens = {
    refreshToken: grant.refreshToken,
    accessToken: grant.accessToken,
    login: attempt.login,
  };
  // Of the type that goes with the session: a bound one gets no bearer tokens, and without a key nothing else is sent.
  const scheme = sentRefresh.record.thumbprint === undefined ? 'Bearer' : 'DPoP';
  const usable =
    authorizationScheme(grant.tokenType, server.profile) === scheme && isSendable(grant.accessToken);
  const issuer = server.issuer ?? server.tokenEndpoint;
  const mismatch = findIdTokenMismatch(
    grant.idToken,
    sentRefresh.record.idToken,
    sentRefresh.record.clientId,
    issuersOf(server),
  );
  const accepted = mismatch === undefined ? grant : { ...grant, idToken: undefined };
  const { refreshTokenLifetime, narrowsScope } = server.profile ?? emptyObject;
  const grantContext = {
    variant: requirement.variant,
    scope,
    sentAt,
    issuer,
    usable,
    refreshTokenLifetime,
    narrowsScope,
  };
  const successor = applyGrant(sentRefresh.markedRecord, accepted, grantContext);
  if (session.epoch !== attempt.epoch) {
    await replaceSentRecord(context, attempt, sentRefresh, successor);
    return discardOrphaned(attempt, orphanedTokens);
  }
  const result = await context.store.commitSuccessor(
    session,
    { record: successor, version: sentRefresh.version },
    sentRefresh.record.refreshToken,
    attempt.emit,
  );
  // While it was stored: a sign-out here or elsewhere, or a login, or someone who took the lock over from us.
  if (result.kind === 'signed-out' || (result.kind === 'superseded' && session.epoch !== attempt.epoch)) {
    return discardOrphaned(attempt, orphanedTokens);
  }
  if (result.kind === 'superseded' || session.epoch !== attempt.epoch) return 'retry';
  if (mismatch !== undefined)
    attempt.emit({ type: 'idTokenRejected', ...session.eventContext(attempt.login), claim: mismatch });
  const accessToken = successor.accessTokens[requirement.variant];
  if (accessToken === undefined) {
    const what = isSendable(grant.accessToken) ? 'token_type' : 'access_token';
    return await onUnusableToken(context, attempt, { sentRefresh, successor }, `unusable ${what}`);
  }
  return adoptSuccessor(context, attempt, { successor, accessToken, sentRefresh });
}

/** It is stored, so its access token may be used. */
function adoptSuccessor(
  context: ManagerContext,
  attempt: RefreshAttempt,
  {
    successor,
    accessToken,
    sentRefresh,
  }: { successor: SessionRecord; accessToken: AccessToken; sentRefresh: SentRefresh },
): CachedToken {
  const { session, requirement } = attempt;
  attempt.login = loginIdentityOf(successor); // perhaps the first ID token has come
  switchLogin(attempt);
  const { expiresAt, scope } = accessToken;
  const rotated = successor.refreshToken !== sentRefresh.record.refreshToken;
  attempt.emit({ type: 'refreshed', ...session.eventContext(attempt.login), expiresAt, scope, rotated });
  const until = usableUntil(accessToken, requirement.refreshBefore);
  notifyRefreshTokenExpiry(context, attempt, successor, until);
  return cacheToken(context, attempt, accessToken, until);
}

/** Law sign-out-wins: tokens that come after a sign-out are not used. They are revoked when the lock is released. */
function discardOrphaned(attempt: RefreshAttempt, orphanedTokens: RefreshAttempt['orphanedTokens']): 'retry' {
  attempt.orphanedTokens = orphanedTokens;
  return 'retry';
}

/**
 * A sign-out or a login in this process came meanwhile, and may still be on its way to the storage. Until it is there, whoever
 * gets the lock next would find what was spent, and spend it once more. So it goes now: a sign-out would take it away, and what
 * a login replaces is replaced with what the others can live on until then.
 */
async function replaceSentRecord(
  { store }: ManagerContext,
  { session, epoch }: RefreshAttempt,
  { version }: SentRefresh,
  successor: SessionRecord,
): Promise<void> {
  const isSignedOut = session.ended !== undefined;
  // A login after a sign-out: the sign-out takes it away.
  if (!isSignedOut && session.epoch > epoch + 1) return;
  // By compare-and-set: what has arrived already stays.
  const going = isSignedOut ? store.delete(session, version) : store.write(session, successor, version);
  await going.catch(() => undefined);
}

/** The access token is of a type, or has characters, that we cannot send. Its refresh token is safe. */
async function onUnusableToken(
  context: ManagerContext,
  attempt: RefreshAttempt,
  { sentRefresh, successor }: { readonly sentRefresh: SentRefresh; readonly successor: SessionRecord },
  error: string,
): Promise<SessionRecord> {
  const found = await context.store.read(attempt.session, attempt.emit);
  // Each of these has rotated the refresh token, and is one more of the same row.
  const before = withChanges(successor, { failure: sentRefresh.record.failure });
  const remembered = recordFailureIn(context, before, attempt, { kind: 'client', error, refused: true });
  const { record } = remembered;
  await context.store.write(attempt.session, record, found?.version).catch(() => undefined);
  emitFailure(attempt, remembered);
  return record;
}

/** The whole grant needs no name, but for the narrower access token before it. */
function namesWholeGrant({ requirement }: RefreshAttempt, { scope }: SentRefresh): boolean {
  return requirement.variant === wholeGrant && scope !== undefined;
}

/** The server narrows grants for good. Asked once more, without a scope, it gives what is left; the API decides. */
async function onScopeNarrowed(
  context: ManagerContext,
  attempt: RefreshAttempt,
  sentRefresh: SentRefresh,
  refusal: RefusedResponse,
): Promise<RefreshStep> {
  const { session } = attempt;
  if (session.epoch !== attempt.epoch) return 'retry';
  const record = withChanges(sentRefresh.record, { narrowsScope: true });
  try {
    await context.store.write(session, record, sentRefresh.version);
  } catch (error) {
    if (isConflict(error)) return 'retry';
    return await onTransientFailure(context, attempt, sentRefresh, describeRefusal(refusal, sentRefresh));
  }
  attempt.emit({
    type: 'scopeNarrowed',
    ...session.eventContext(attempt.login),
    requested: sentRefresh.scope ?? [],
  });
  return 'retry';
}

/** Law compare-and-clear: it ends the session only if what is stored is still what we spent. */
async function onInvalidGrant(
  context: ManagerContext,
  attempt: RefreshAttempt,
  sentRefresh: SentRefresh,
  details: ServerErrorDetails & { readonly cause?: Error | undefined },
): Promise<RefreshStep> {
  const { session } = attempt;
  if (session.epoch !== attempt.epoch) return 'retry';
  let isStillStored = false;
  try {
    await context.store.delete(session, sentRefresh.version, sentRefresh.record);
  } catch (error) {
    // Someone has replaced it meanwhile: what we lost was their gain.
    if (isConflict(error)) return 'retry';
    isStillStored = true;
  }
  // While it was deleted someone may have signed in again.
  if (session.epoch !== attempt.epoch) return 'retry';
  const reason = (sentRefresh.record.pendingRefresh?.sends ?? 0) > 0 ? 'response_lost' : 'invalid_grant';
  const ended: LoginRequiredError = loginRequired(reason, details);
  session.markEnded(ended, isStillStored ? sentRefresh.record.refreshToken : undefined);
  if (!isStillStored) void forgetKey(context, sentRefresh.record);
  attempt.emit({ type: 'sessionEnded', ...session.eventContext(attempt.login), error: ended });
  throw ended;
}

type RefusedResponse = Extract<SendResult, { kind: 'refused' }>;

function describeRefusal(
  refusal: RefusedResponse,
  sentRefresh: SentRefresh,
): FailedRefresh & { readonly cause?: Error | undefined } {
  const kind = refusal.failure === 'invalid-grant' ? 'client' : refusal.failure;
  const { status, retryAfter, cause } = refusal;
  return {
    kind,
    ...errorDetailsOf(refusal, sentRefresh),
    status,
    retryAfter,
    refused: !isTransientStatus(status),
    cause,
  };
}

function errorDetailsOf(refusal: RefusedResponse, { server, secrets }: SentRefresh): ServerErrorDetails {
  return redactErrorDetails(refusal, server.profile, secrets);
}

/** Remembers a failure with the record, so that ten callers, tabs or machines do not each find out. */
export async function onTransientFailure(
  context: ManagerContext,
  attempt: RefreshAttempt,
  sentRefresh: Pick<VersionedRecord, 'record' | 'version'>,
  { cause, ...description }: FailedRefresh & { readonly cause?: Error | undefined },
): Promise<RefreshStep> {
  const { session } = attempt;
  if (session.epoch !== attempt.epoch) return 'retry';
  // An earlier marker stays: this refusal says nothing about the refresh that was never answered.
  const remembered = recordFailureIn(context, sentRefresh.record, attempt, description);
  const { record } = remembered;
  // If it cannot be stored our marker stays, and whoever comes next is the more careful for it.
  const written = context.store.write(session, record, sentRefresh.version);
  const isReplaced = await written.then(() => false, isConflict);
  attempt.cause = cause;
  emitFailure(attempt, remembered);
  // Someone has signed out or in meanwhile: what we read does not count any more.
  return isReplaced ? 'retry' : record;
}

function recordFailureIn(
  context: ManagerContext,
  record: SessionRecord,
  attempt: RefreshAttempt,
  failure: FailedRefresh,
): RecordedFailure {
  const { clock, grant } = context;
  const { requirement } = attempt;
  const wasSent = failure.status !== undefined || failure.refused === true;
  const offline = wasSent || mayReachServer(context, attempt, record) ? undefined : true;
  const failureContext = {
    now: clock.now(),
    random: Math.random(),
    variant: requirement.variant,
    isStateless: grant.kind === 'client-credentials',
  };
  return recordFailure(record, { ...failure, offline }, failureContext);
}

/** Emits `refreshFailed` and, once for each row of refusals that will not end by itself, `sessionStuck`. */
function emitFailure(
  { session, login, emit, cause }: RefreshAttempt,
  { record, failure, becameStuck }: RecordedFailure,
): void {
  const error = refreshFailed(failure, failure.at, { history: consecutiveFailures(record, failure), cause });
  emit({ type: 'refreshFailed', ...session.eventContext(login), error });
  if (!becameStuck || isConfigurationError(error)) return;
  emit({ type: 'sessionStuck', ...session.eventContext(login), error });
}

/** Law response-lost: sent, and no answer. The marker stays stored. */
async function onResponseLost(
  context: ManagerContext,
  attempt: RefreshAttempt,
  sentRefresh: SentRefresh,
  observed: {
    readonly status?: number;
    readonly cause?: Error | undefined;
    readonly redirectFollowed?: boolean;
  },
): Promise<RefreshStep> {
  const { session } = attempt;
  if (session.epoch !== attempt.epoch) return 'retry';
  const { since, sends } = sentRefresh.markedRecord.pendingRefresh ?? { since: 0, sends: 0 };
  const history = consecutiveFailures(sentRefresh.markedRecord);
  if (context.grant.kind === 'client-credentials') {
    // Nothing was spent. Once more at once, and then as after any failure.
    const { status, cause } = observed;
    return sends === 1 && observed.redirectFollowed !== true
      ? 'retry'
      : await onTransientFailure(context, attempt, sentRefresh, { kind: 'transient', status, cause });
  }
  const error = responseLost(sends > 1 ? backoff(sends - 1, 1) : 0, history, observed);
  attempt.emit({ type: 'refreshFailed', ...session.eventContext(attempt.login), error });
  const now = context.clock.now();
  // Inside a declared reuse window the same token may be sent again, and the sooner the better.
  const inWindow = now - since < (sentRefresh.server.profile?.reuseWindow ?? 0);
  if (sends === 1 && inWindow && observed.redirectFollowed !== true) return 'retry';
  const accessToken = sentRefresh.markedRecord.accessTokens[attempt.requirement.variant];
  const valid = accessToken !== undefined && accessToken.token !== attempt.requirement.rejectedToken;
  const end = accessToken?.expiresAt ?? Number.POSITIVE_INFINITY;
  if (valid && now < end) return cacheToken(context, attempt, accessToken, end);
  throw error;
}
