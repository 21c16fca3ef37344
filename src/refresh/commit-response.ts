/**
 * The effect of the response to a refresh on the stored session (step 6).
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
  /** Record before the refresh, without our marker. */
  readonly record: SessionRecord;
  /** Stored record, with our marker. */
  readonly markedRecord: SessionRecord;
  readonly version: Version;
  readonly sentAt: number;
  readonly secrets: Secrets;
  /** Requested scope. */
  readonly scope: readonly string[] | undefined;
}

/** The next step of a refresh after its response was committed. Failures that end it are thrown. */
export type CommitStep =
  /** The successor is stored, so its access token may be used. */
  | {
      readonly kind: 'granted';
      readonly record: SessionRecord;
      readonly accessToken: AccessToken;
      readonly rotated: boolean;
      /** Number of announced changes, as in `CommitResult`. `0`: the successor is kept in memory. */
      readonly changes: number;
    }
  /** No response arrived, and the previous access token is still valid until then. */
  | { readonly kind: 'still-valid'; readonly accessToken: AccessToken; readonly until: number }
  /** The stored record has changed: load it and decide again. */
  | { readonly kind: 'retry' }
  /** The failure is remembered in this record: decide again with it. */
  | { readonly kind: 'decide-again'; readonly record: SessionRecord };

type RefusedResponse = Extract<SendResult, { readonly kind: 'refused' }>;
type FailedRequest = FailedRefresh & { readonly cause?: Error | undefined };

const retry: CommitStep = { kind: 'retry' };

/**
 * Commits the responses to one refresh to the storage. It works under the lock, and events are collected until the lock is
 * released.
 */
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

  /** Cause of the last failed request, for the calls that wait. Later calls receive only the details in the record. */
  get cause(): Error | undefined {
    return this.#cause;
  }

  /** Tokens that arrived after a sign-out. They are revoked once the lock is released. */
  get orphanedTokens(): OrphanedTokens | undefined {
    return this.#orphanedTokens;
  }

  /**
   * Commits the response to a request.
   *
   * @param reading the read of the session that the request was based on.
   */
  async handle(reading: SessionReading, sent: SentRefresh, result: SendResult): Promise<CommitStep> {
    if (result.kind === 'granted') return await this.#onGranted(reading, sent, result.grant);
    // During the request, the user signed out or in. The response concerns the earlier session.
    if (!reading.isCurrent) return retry;
    switch (result.kind) {
      case 'refused': {
        const isWholeGrant = this.#requirement.variant === wholeGrant;
        // The whole grant is requested by name only after a narrower access token.
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

  /** Remembers that the request could not be prepared, unless the error needs no record. Nothing was sent. */
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
    // During the write, the user may have signed out here or elsewhere or signed in, or another process may have taken the lock.
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
    // The token type must match the session: a bound session accepts no bearer tokens, and a session without a key sends nothing
    // else.
    const scheme = record.thumbprint === undefined ? 'Bearer' : 'DPoP';
    const usable = authorizationScheme(grant.tokenType, profile) === scheme && isSendable(grant.accessToken);
    const { refreshTokenLifetime, narrowsScope } = profile ?? emptyObject;
    const { variant } = this.#requirement;
    const context = { variant, scope, sentAt, issuer, usable, refreshTokenLifetime, narrowsScope };
    return applyGrant(markedRecord, grant, context);
  }

  /** Discards tokens that arrive after a sign-out (law sign-out-wins). They are revoked when the lock is released. */
  #discard(orphaned: OrphanedTokens): CommitStep {
    this.#orphanedTokens = orphaned;
    return retry;
  }

  /**
   * Replaces the record whose refresh token was sent. A sign-out or a login in this process came meanwhile, and may not have
   * reached the storage yet. Until then the next holder of the lock would find the spent refresh token and send it again. After a
   * sign-out the record is deleted. Before a login it is replaced with the successor, which other processes can use until the
   * login is stored.
   */
  async #replaceSentRecord(
    reading: SessionReading,
    { version }: SentRefresh,
    successor: SessionRecord,
  ): Promise<void> {
    const { store } = this.#context;
    const session = this.#session;
    const isSignedOut = session.ended !== undefined;
    // A login after a sign-out: the sign-out deletes the record.
    if (!isSignedOut && reading.age > 1) return;
    // By compare-and-set: a sign-out or login that is already stored stays.
    const written = isSignedOut ? store.delete(session, version) : store.write(session, successor, version);
    await written.catch(() => undefined);
  }

  /** Handles an access token whose type or characters cannot be sent. Its refresh token is kept. */
  async #onUnusableToken(
    reading: SessionReading,
    sent: SentRefresh,
    successor: SessionRecord,
    error: string,
  ): Promise<CommitStep> {
    const found = await this.#context.store.read(this.#session, this.#emit);
    // The user has signed out since. The failure must not restore the session (law sign-out-wins).
    if (found === undefined) return retry;
    // Each such response has rotated the refresh token, and continues the same series of failures.
    const record = withChanges(successor, { failure: sent.record.failure });
    const written = { record, version: found.version };
    return await this.#onFailure(reading, written, { kind: 'client', error, refused: true });
  }

  /**
   * Handles a server that narrows grants permanently. A request without a scope returns the rest of the grant, and the API
   * decides whether that is enough.
   */
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

  /** Ends the session if the stored refresh token is still the one that was spent (law compare-and-clear). */
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
      // Another refresh or login has replaced the record meanwhile.
      if (isConflict(error)) return retry;
      isStillStored = true;
    }
    // During the deletion, the user may have signed in again.
    if (!reading.isCurrent) return retry;
    const reason = (record.pendingRefresh?.sends ?? 0) > 0 ? 'response_lost' : 'invalid_grant';
    const error = loginRequired(reason, { ...errorDetailsOf(refusal, sent), cause: refusal.cause });
    session.markEnded(error, isStillStored ? record.refreshToken : undefined);
    if (!isStillStored) void forgetKey(this.#context, record);
    this.#emit({ type: 'sessionEnded', ...reading.eventContext, error });
    throw error;
  }

  /** Stores a failure in the record, so that other callers, tabs and machines do not repeat the request. */
  async #onFailure(
    reading: SessionReading,
    found: VersionedRecord,
    { cause, ...description }: FailedRequest,
  ): Promise<CommitStep> {
    if (!reading.isCurrent) return retry;
    // An earlier marker stays, because this refusal does not concern the refresh that received no response.
    const recorded = this.#recordFailure(found.record, description);
    const { record } = recorded;
    // If this write fails, our marker stays, which makes the next refresh more careful.
    const written = this.#context.store.write(this.#session, record, found.version);
    const isReplaced = await written.then(() => false, isConflict);
    this.#cause = cause;
    this.#emitFailure(reading, recorded);
    // During the write, the user signed out or in. The record that was read is obsolete.
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

  /** Emits `refreshFailed`. Emits `sessionStuck` once for each series of refusals that is unlikely to end without a change. */
  #emitFailure(reading: SessionReading, { record, failure, becameStuck }: RecordedFailure): void {
    const history = consecutiveFailures(record, failure);
    const error = refreshFailed(failure, failure.at, { history, cause: this.#cause });
    this.#emit({ type: 'refreshFailed', ...reading.eventContext, error });
    if (!becameStuck || isConfigurationError(error)) return;
    this.#emit({ type: 'sessionStuck', ...reading.eventContext, error });
  }

  /** Handles a request without a response (law response-lost). The marker stays stored. */
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
      // Nothing was spent: retry once at once, then as after any failure.
      const { status, cause } = observed;
      return isFirst ? retry : await this.#onFailure(reading, sent, { kind: 'transient', status, cause });
    }
    const history = consecutiveFailures(markedRecord);
    const error = responseLost(sends > 1 ? backoff(sends - 1, 1) : 0, history, observed);
    this.#emit({ type: 'refreshFailed', ...reading.eventContext, error });
    const now = clock.Date.now();
    // Within a declared reuse window the same token may be sent again. An early attempt has the best chance.
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
