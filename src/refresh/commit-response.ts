/**
 * Step 6: what the response to a refresh does to the stored session.
 *
 * @module
 */
import type { Version } from '../core/contracts.ts';
import { isConfigurationError, isConflict, isTokenKeepError } from '../core/errors.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { findIdTokenMismatch } from '../core/oauth/jwt-claims.ts';
import { redactErrorDetails, type ServerErrorDetails } from '../core/oauth/server-error-details.ts';
import { isTransientStatus } from '../core/oauth/token-error.ts';
import type { TokenGrant } from '../core/oauth/token-grant.ts';
import { emptyObject } from '../core/own-members.ts';
import type { Secrets } from '../core/redact.ts';
import { applyGrant, withChanges } from '../core/session/apply-grant.ts';
import { consecutiveFailures } from '../core/session/failure-history.ts';
import { type FailedRefresh, type RecordedFailure, recordFailure } from '../core/session/failure-memory.ts';
import { authorizationScheme, isSendable } from '../core/session/read-record.ts';
import { backoff, type TokenRequirement } from '../core/session/refresh-decision.ts';
import {
  type AccessToken,
  type SessionRecord,
  secretsIn,
  wholeGrant,
} from '../core/session/session-record.ts';
import { forgetKey } from '../session/dpop-session.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import type { VersionedRecord } from '../session/record-write.ts';
import type { OrphanedTokens } from '../session/revoke-tokens.ts';
import type { Session } from '../session/session.ts';
import { loginRequired, refreshFailed, responseLost } from '../session/session-errors.ts';
import { mayReachServer, type SessionReading } from '../session/session-reading.ts';
import { issuersOf } from '../token-endpoint/authorization-server-resolver.ts';
import type { SendResult } from '../token-endpoint/token-endpoint.ts';

/** A refresh that has been sent. */
export interface SentRefresh {
  readonly server: AuthorizationServer;
  /** The record before: without our marker. */
  readonly record: SessionRecord;
  /** The stored record: with our marker. */
  readonly markedRecord: SessionRecord;
  readonly version: Version;
  readonly sentAt: number;
  readonly secrets: Secrets;
  /** The scope that was asked for. */
  readonly scope: readonly string[] | undefined;
}

/** How a refresh continues after its response was committed. Failures that end it are thrown. */
export type CommitStep =
  /** The successor is stored, so its access token may be used. */
  | {
      readonly kind: 'granted';
      readonly record: SessionRecord;
      readonly accessToken: AccessToken;
      readonly rotated: boolean;
      /** See `CommitResult`. `0`: it is kept in memory. */
      readonly changes: number;
    }
  /** No response came, and the access token before it is still valid until then. */
  | { readonly kind: 'still-valid'; readonly accessToken: AccessToken; readonly until: number }
  /** The stored record has changed: load it and decide again. */
  | { readonly kind: 'retry' }
  /** The failure is remembered in this record: decide on it. */
  | { readonly kind: 'decide-again'; readonly record: SessionRecord };

type RefusedResponse = Extract<SendResult, { readonly kind: 'refused' }>;
type FailedRequest = FailedRefresh & { readonly cause?: Error | undefined };

const retry: CommitStep = { kind: 'retry' };

/** Stores what the responses to one refresh mean. Works under the lock; what is announced is collected until it is released. */
export class ResponseCommit {
  readonly #context: ManagerContext;
  readonly #session: Session;
  readonly #requirement: TokenRequirement;
  readonly #emit: (event: AnyTokenEvent) => void;
  #cause: Error | undefined = undefined;
  #orphanedTokens: OrphanedTokens | undefined = undefined;

  constructor(
    context: ManagerContext,
    session: Session,
    requirement: TokenRequirement,
    emit: (event: AnyTokenEvent) => void,
  ) {
    this.#context = context;
    this.#session = session;
    this.#requirement = requirement;
    this.#emit = emit;
  }

  /** Why the last request failed, for the calls that wait. Later calls find only what the record remembers. */
  get cause(): Error | undefined {
    return this.#cause;
  }

  /** Tokens that came after a sign-out, to be revoked once the lock is released. */
  get orphanedTokens(): OrphanedTokens | undefined {
    return this.#orphanedTokens;
  }

  /**
   * Commits the response to what was sent.
   *
   * @param reading the look at the session that it was sent from.
   */
  async handle(reading: SessionReading, sent: SentRefresh, result: SendResult): Promise<CommitStep> {
    if (result.kind === 'granted') return await this.#onGranted(reading, sent, result.grant);
    // Someone has signed out or in meanwhile: a refusal is about the session before it.
    if (!reading.isCurrent) return retry;
    switch (result.kind) {
      case 'refused': {
        const isWholeGrant = this.#requirement.variant === wholeGrant;
        // The whole grant is named only after a narrower access token.
        if (result.error === 'invalid_scope' && isWholeGrant && sent.scope !== undefined)
          return await this.#onScopeNarrowed(reading, sent, result);
        return result.failure === 'invalid-grant'
          ? await this.#onInvalidGrant(reading, sent, result)
          : await this.#onFailure(reading, sent, describeRefusal(result, sent));
      }
      case 'not-sent':
        return await this.#onFailure(reading, sent, { kind: 'transient', cause: result.cause });
      default:
        return await this.#onResponseLost(reading, sent, result);
    }
  }

  /** Remembers that the request could not be prepared, unless the error says all there is to say. Nothing was sent. */
  async onNotPrepared(reading: SessionReading, found: VersionedRecord, error: unknown): Promise<CommitStep> {
    if (isConfigurationError(error))
      return await this.#onFailure(reading, found, { kind: 'client', cause: error });
    if (isTokenKeepError(error)) throw error;
    const cause = safeCause(error, secretsIn(found.record));
    return await this.#onFailure(reading, found, { kind: 'transient', cause });
  }

  async #onGranted(reading: SessionReading, sent: SentRefresh, grant: TokenGrant): Promise<CommitStep> {
    const { server, record, version } = sent;
    const { clientId, idToken } = record;
    const mismatch = findIdTokenMismatch(grant.idToken, idToken, clientId, issuersOf(server));
    const accepted = mismatch === undefined ? grant : { ...grant, idToken: undefined };
    const successor = this.#successor(sent, accepted);
    const { refreshToken, accessToken } = grant;
    const orphaned = { refreshToken, accessToken, login: reading.login };
    if (!reading.isCurrent) {
      await this.#replaceSentRecord(reading, sent, successor);
      return this.#discard(orphaned);
    }
    const { store } = this.#context;
    const condition = { kind: 'successor', sentToken: record.refreshToken } as const;
    const result = await store.commit(this.#session, { record: successor, version }, condition, this.#emit);
    // While it was stored: a sign-out here or elsewhere, or a login, or a process that took the lock over from us.
    if (result.kind === 'signed-out' || (result.kind === 'superseded' && !reading.isCurrent))
      return this.#discard(orphaned);
    if (result.kind === 'superseded' || !reading.isCurrent) return retry;
    if (mismatch !== undefined) {
      this.#emit({ type: 'idTokenRejected', ...reading.eventContext, claim: mismatch });
    }
    const stored = successor.accessTokens[this.#requirement.variant];
    if (stored === undefined) {
      const what = isSendable(accessToken) ? 'token_type' : 'access_token';
      return await this.#onUnusableToken(reading, sent, successor, `unusable ${what}`);
    }
    const rotated = successor.refreshToken !== record.refreshToken;
    const { changes } = result.kind === 'stored' ? result : { changes: 0 };
    return { kind: 'granted', record: successor, accessToken: stored, rotated, changes };
  }

  #successor({ server, record, markedRecord, scope, sentAt }: SentRefresh, grant: TokenGrant): SessionRecord {
    const { profile, issuer = server.tokenEndpoint } = server;
    // Of the type that goes with the session: a bound one gets no bearer tokens, and without a key nothing else is sent.
    const scheme = record.thumbprint === undefined ? 'Bearer' : 'DPoP';
    const usable = authorizationScheme(grant.tokenType, profile) === scheme && isSendable(grant.accessToken);
    const { refreshTokenLifetime, narrowsScope } = profile ?? emptyObject;
    const { variant } = this.#requirement;
    const context = { variant, scope, sentAt, issuer, usable, refreshTokenLifetime, narrowsScope };
    return applyGrant(markedRecord, grant, context);
  }

  /** Law sign-out-wins: tokens that come after a sign-out are not used. They are revoked when the lock is released. */
  #discard(orphaned: OrphanedTokens): CommitStep {
    this.#orphanedTokens = orphaned;
    return retry;
  }

  /**
   * A sign-out or a login in this process came meanwhile, and may still be on its way to the storage. Until it is there, the next
   * holder of the lock would find the spent refresh token and spend it once more. So it goes now: a sign-out would take it away, and
   * what a login replaces is replaced with what the others can live on until then.
   */
  async #replaceSentRecord(
    reading: SessionReading,
    { version }: SentRefresh,
    successor: SessionRecord,
  ): Promise<void> {
    const { store } = this.#context;
    const session = this.#session;
    const isSignedOut = session.ended !== undefined;
    // A login after a sign-out: the sign-out takes it away.
    if (!isSignedOut && reading.age > 1) return;
    // By compare-and-set: what has arrived already stays.
    const written = isSignedOut ? store.delete(session, version) : store.write(session, successor, version);
    await written.catch(() => undefined);
  }

  /** The access token is of a type, or has characters, that we cannot send. Its refresh token is safe. */
  async #onUnusableToken(
    reading: SessionReading,
    sent: SentRefresh,
    successor: SessionRecord,
    error: string,
  ): Promise<CommitStep> {
    const found = await this.#context.store.read(this.#session, this.#emit);
    // Someone has signed out since: the failure must not bring the session back (law sign-out-wins).
    if (found === undefined) return retry;
    // Each of these has rotated the refresh token, and is one more of the same row.
    const record = withChanges(successor, { failure: sent.record.failure });
    const written = { record, version: found.version };
    return await this.#onFailure(reading, written, { kind: 'client', error, refused: true });
  }

  /** The server narrows grants for good. Asked once more, without a scope, it gives what is left; the API decides. */
  async #onScopeNarrowed(
    reading: SessionReading,
    sent: SentRefresh,
    refusal: RefusedResponse,
  ): Promise<CommitStep> {
    const record = withChanges(sent.record, { narrowsScope: true });
    try {
      await this.#context.store.write(this.#session, record, sent.version);
    } catch (error) {
      if (isConflict(error)) return retry;
      return await this.#onFailure(reading, sent, describeRefusal(refusal, sent));
    }
    this.#emit({ type: 'scopeNarrowed', ...reading.eventContext, requested: sent.scope ?? [] });
    return retry;
  }

  /** Law compare-and-clear: it ends the session only if what is stored is still what we spent. */
  async #onInvalidGrant(
    reading: SessionReading,
    sent: SentRefresh,
    refusal: RefusedResponse,
  ): Promise<CommitStep> {
    const { record, version } = sent;
    const session = this.#session;
    let isStillStored = false;
    try {
      await this.#context.store.delete(session, version, record);
    } catch (error) {
      // Another refresh or login has replaced it meanwhile.
      if (isConflict(error)) return retry;
      isStillStored = true;
    }
    // While it was deleted someone may have signed in again.
    if (!reading.isCurrent) return retry;
    const reason = (record.pendingRefresh?.sends ?? 0) > 0 ? 'response_lost' : 'invalid_grant';
    const error = loginRequired(reason, { ...errorDetailsOf(refusal, sent), cause: refusal.cause });
    session.markEnded(error, isStillStored ? record.refreshToken : undefined);
    if (!isStillStored) void forgetKey(this.#context, record);
    this.#emit({ type: 'sessionEnded', ...reading.eventContext, error });
    throw error;
  }

  /** Remembers a failure with the record, so that ten callers, tabs or machines do not each find out. */
  async #onFailure(
    reading: SessionReading,
    found: VersionedRecord,
    { cause, ...description }: FailedRequest,
  ): Promise<CommitStep> {
    if (!reading.isCurrent) return retry;
    // An earlier marker stays: this refusal says nothing about the refresh that was never answered.
    const recorded = this.#recordFailure(found.record, description);
    const { record } = recorded;
    // If it cannot be stored our marker stays, and the next refresh is the more careful for it.
    const written = this.#context.store.write(this.#session, record, found.version);
    const isReplaced = await written.then(() => false, isConflict);
    this.#cause = cause;
    this.#emitFailure(reading, recorded);
    // Someone has signed out or in meanwhile: what we read does not count any more.
    return isReplaced ? retry : { kind: 'decide-again', record };
  }

  #recordFailure(record: SessionRecord, failure: FailedRefresh): RecordedFailure {
    const { clock, grant } = this.#context;
    const wasSent = failure.status !== undefined || failure.refused === true;
    const now = clock.Date.now();
    const isOffline = !wasSent && !mayReachServer(record, this.#requirement, now);
    return recordFailure(
      record,
      { ...failure, offline: isOffline ? true : undefined },
      {
        now,
        random: Math.random(),
        variant: this.#requirement.variant,
        isStateless: grant.kind === 'client-credentials',
      },
    );
  }

  /** Emits `refreshFailed` and, once for each row of refusals that will not end by itself, `sessionStuck`. */
  #emitFailure(reading: SessionReading, { record, failure, becameStuck }: RecordedFailure): void {
    const history = consecutiveFailures(record, failure);
    const error = refreshFailed(failure, failure.at, { history, cause: this.#cause });
    this.#emit({ type: 'refreshFailed', ...reading.eventContext, error });
    if (!becameStuck || isConfigurationError(error)) return;
    this.#emit({ type: 'sessionStuck', ...reading.eventContext, error });
  }

  /** Law response-lost: sent, and no answer. The marker stays stored. */
  async #onResponseLost(
    reading: SessionReading,
    sent: SentRefresh,
    observed: {
      readonly status?: number;
      readonly cause?: Error | undefined;
      readonly redirectFollowed?: boolean;
    },
  ): Promise<CommitStep> {
    const { clock, grant } = this.#context;
    const { markedRecord, server } = sent;
    const { since, sends } = markedRecord.pendingRefresh ?? { since: 0, sends: 0 };
    const isFirst = sends === 1 && observed.redirectFollowed !== true;
    if (grant.kind === 'client-credentials') {
      // Nothing was spent. Once more at once, and then as after any failure.
      const { status, cause } = observed;
      return isFirst ? retry : await this.#onFailure(reading, sent, { kind: 'transient', status, cause });
    }
    const history = consecutiveFailures(markedRecord);
    const error = responseLost(sends > 1 ? backoff(sends - 1, 1) : 0, history, observed);
    this.#emit({ type: 'refreshFailed', ...reading.eventContext, error });
    const now = clock.Date.now();
    // Inside a declared reuse window the same token may be sent again, and the sooner the better.
    if (isFirst && now - since < (server.profile?.reuseWindow ?? 0)) return retry;
    const accessToken = markedRecord.accessTokens[this.#requirement.variant];
    const until = accessToken?.expiresAt ?? Number.POSITIVE_INFINITY;
    if (accessToken === undefined || accessToken.token === this.#requirement.rejectedToken || now >= until)
      throw error;
    return { kind: 'still-valid', accessToken, until };
  }
}

function describeRefusal(refusal: RefusedResponse, sent: SentRefresh): FailedRequest {
  const { failure, status, retryAfter, cause } = refusal;
  const kind = failure === 'invalid-grant' ? 'client' : failure;
  const refused = !isTransientStatus(status);
  return { kind, ...errorDetailsOf(refusal, sent), status, retryAfter, refused, cause };
}

function errorDetailsOf(refusal: RefusedResponse, { server, secrets }: SentRefresh): ServerErrorDetails {
  return redactErrorDetails(refusal, server.profile, secrets);
}
