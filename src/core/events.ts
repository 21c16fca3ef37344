/**
 * Events of a manager. No event contains a token.
 *
 * @module
 */
import type { StorageUnavailableReason } from './contracts.ts';
import type { ConfigurationError, LoginRequiredError, RefreshFailedError, TokenKeepError } from './errors.ts';
import type { StepUp } from './http/rejection.ts';
import type { IdTokenMismatch } from './oauth/jwt-claims.ts';
import type { RevocationResult } from './oauth/revocation-result.ts';
import type { RecordRejection } from './session/read-record.ts';

/** A login, as events name it. */
export interface LoginName {
  /** Opaque name of the login. It stays the same for as long as the session is refreshed. `undefined`: not known. */
  readonly login?: string | undefined;
  /** The user: `sub` of the ID token, or the `subject` that was passed to `setTokens()`. `undefined`: not known. */
  readonly subject?: string | undefined;
}

/** Members of every event: its session and its login. */
export interface SessionEvent extends LoginName {
  /** Session of the event. */
  readonly session: string;
}

/** Result and durations of a refresh. */
export interface RefreshTimes {
  /** Start time, in Unix ms of the manager's clock. */
  readonly startedAt: number;
  /** `adopted`: another tab or process had already refreshed. */
  readonly outcome: 'refreshed' | 'adopted' | 'failed';
  /** The `code` of the error, if it failed. */
  readonly code: string | undefined;
  /** Time spent waiting for the lock, in ms. */
  readonly lock: number;
  /** Time from the request to its response, in ms. `undefined`: nothing was sent. */
  readonly request: number | undefined;
  /** Time from the response to the end, for storing the new tokens, in ms. */
  readonly commit: number | undefined;
  /** Total time, in ms. */
  readonly total: number;
}

/** The events of a {@link TokenManager} and their payloads. */
export interface TokenEvents {
  /** This manager refreshed the session. The new tokens are stored, or `storeFailed` was emitted. */
  refreshed: SessionEvent & {
    readonly expiresAt: number | undefined;
    readonly scope: readonly string[] | undefined;
    /** `true`: the server issued a new refresh token. */
    readonly rotated: boolean;
  };
  /** Another tab or process refreshed the session, and this manager uses the stored tokens. */
  adopted: SessionEvent & { readonly expiresAt: number | undefined };
  /**
   * A user signed in: new tokens were passed to this manager, or to another one that shares the session. `replaced`
   * is the previous login. Compare its `subject` with the event's to see whether it is the same user: for another
   * one, load your data again. Calls that began under the other user's login reject with the reason `login_changed`.
   */
  signedIn: SessionEvent & {
    readonly where: 'here' | 'elsewhere';
    readonly replaced?: LoginName | undefined;
  };
  /** A user signed out: through this manager, or somewhere else where the session is open. */
  signedOut: SessionEvent & { readonly where: 'here' | 'elsewhere' };
  /** The server declared the grant dead. Emitted once. */
  sessionEnded: SessionEvent & { readonly error: LoginRequiredError };
  /**
   * The refresh token is about to expire, according to the server or its profile: let the user sign in while they are
   * there. Emitted once per expiry time, when tokens are set, refreshed or adopted. No timer is used, so an idle
   * session does not emit it. The refresh token is still used until the server rejects it.
   */
  refreshTokenExpiring: SessionEvent & { readonly expiresAt: number };
  /** A refresh failed. The session is kept. */
  refreshFailed: SessionEvent & {
    readonly error: RefreshFailedError | LoginRequiredError | ConfigurationError;
  };
  /**
   * The server keeps refusing the refresh token without declaring it dead, so waiting is not likely to help. The
   * session is kept, and tokenkeep retries at most once an hour. Emitted once for each series of refusals, by the
   * manager that noticed it. A `LoginRequiredError` means that a login would help, a `RefreshFailedError` that the
   * server refuses the client or its configuration.
   */
  sessionStuck: SessionEvent & { readonly error: RefreshFailedError | LoginRequiredError };
  /**
   * A request for a narrower access token has reduced the scope of the grant at this server permanently: it refused
   * the previous scope. From now on tokenkeep requests the whole grant without a scope, and the API decides whether
   * that is enough. Only a login restores the scope.
   */
  scopeNarrowed: SessionEvent & { readonly requested: readonly string[] };
  /** The storage refused the new tokens. They are kept in memory and still work, and the write is retried. */
  storeFailed: SessionEvent & { readonly error: TokenKeepError };
  /** Tokens that the storage had refused are stored now. */
  stored: SessionEvent;
  /**
   * The browser stores nothing for this page, so `whereAllowed()` uses its other storage. Emitted once for each
   * session.
   */
  storageUnavailable: SessionEvent & { readonly reason: StorageUnavailableReason };
  /**
   * A refresh returned an ID token that contradicts the previous one in this claim (OpenID Connect Core §12.2). The
   * other tokens are stored and used. The previous ID token is kept. If the claim identifies the user, sign out.
   */
  idTokenRejected: SessionEvent & { readonly claim: IdTokenMismatch };
  /**
   * A stored value is not a session of this client. It is left unchanged and never used. A login replaces it
   * (`recordReplaced`), unless its schema is newer: then calls and logins fail with the reason `newer_schema`.
   */
  recordRejected: SessionEvent & { readonly reason: RecordRejection };
  /**
   * A new session has replaced a stored value that was not a session of this client. `revoked` states whether the
   * server confirmed that its tokens are revoked: only those of another public client of the same authorization
   * server can be revoked. If `false`, they may still be valid.
   */
  recordReplaced: SessionEvent & { readonly reason: RecordRejection; readonly revoked: boolean };
  /** A protected resource requires another login, a scope or claims: pass the event to `withStepUp()`. */
  stepUpRequired: SessionEvent & StepUp & { readonly url: string };
  /**
   * Tokens that arrived after a sign-out were discarded; `revoked` states whether the server confirmed their
   * revocation.
   */
  lateTokensDiscarded: SessionEvent & RevocationResult;
  /** The revocation of a sign-out finished after `signOut()` had resolved with the reason `timed_out` or `aborted`. */
  revocationFinished: SessionEvent & RevocationResult;
  /**
   * A refresh that waited for the lock ended. The durations are in ms. Emitted once for all callers that waited for
   * it, and not for a refresh that needs no lock because the tokens were already refreshed elsewhere.
   */
  refreshFinished: SessionEvent & RefreshTimes;
  /** A request was sent again with another token. `status` is that of the second response. */
  replayed: SessionEvent & {
    /** The protected resource, as in the option `protectedResources`. */
    readonly resource: string;
    readonly status: number;
  };
  /**
   * A protected resource rejected even the new access token: its 401 has another cause, or it does not know the new
   * token yet. Its response was returned to the caller. For a minute its 401s start no refresh, unless it accepts the
   * token. Emitted once for each token.
   */
  newTokenRejected: SessionEvent & {
    /** The protected resource, as in the option `protectedResources`. */
    readonly resource: string;
    /** The status of the response to the replay. */
    readonly status: number;
  };
  /**
   * `isInvalidToken` threw, rejected or took longer than the option `timeout`. It counts as `false`, and the
   * response is returned. `error` is a copy without the token.
   */
  predicateFailed: SessionEvent & {
    /** The protected resource, as in the option `protectedResources`. */
    readonly resource: string;
    readonly error: Error | undefined;
  };
  /** A listener threw. Other listeners still ran. */
  listenerFailed: SessionEvent & { readonly of: TokenEventType; readonly error: unknown };
}

/** The name of an event. */
export type TokenEventType = keyof TokenEvents;

const all: Readonly<Record<TokenEventType, 1>> = {
  refreshed: 1,
  adopted: 1,
  signedIn: 1,
  signedOut: 1,
  sessionEnded: 1,
  refreshTokenExpiring: 1,
  refreshFailed: 1,
  sessionStuck: 1,
  scopeNarrowed: 1,
  storeFailed: 1,
  stored: 1,
  storageUnavailable: 1,
  idTokenRejected: 1,
  recordRejected: 1,
  recordReplaced: 1,
  stepUpRequired: 1,
  lateTokensDiscarded: 1,
  revocationFinished: 1,
  refreshFinished: 1,
  replayed: 1,
  newTokenRejected: 1,
  predicateFailed: 1,
  listenerFailed: 1,
};

/** All names, for code that the compiler does not check. */
export const eventTypes: readonly TokenEventType[] = Object.keys(all) as TokenEventType[];

/** An event as a listener for every type receives it. */
export type AnyTokenEvent = {
  [Type in TokenEventType]: TokenEvents[Type] & { readonly type: Type };
}[TokenEventType];

/** A listener for one type of event, or for every type: `'*'`. */
export type TokenListener<Type extends TokenEventType | '*'> = (
  event: Type extends TokenEventType ? TokenEvents[Type] & { readonly type: Type } : AnyTokenEvent,
) => unknown;
