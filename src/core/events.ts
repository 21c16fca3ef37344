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

/** Members of every event: the session and the login that it is about. */
export interface SessionEvent extends LoginName {
  /** The session that it is about. */
  readonly session: string;
}

/** How a refresh went. */
export interface RefreshTimes {
  /** In Unix ms of the manager's clock. */
  readonly startedAt: number;
  /** `adopted`: another one had refreshed, here or elsewhere. */
  readonly outcome: 'refreshed' | 'adopted' | 'failed';
  /** The `code` of the error, if it failed. */
  readonly code: string | undefined;
  /** Waiting for the lock, in ms. */
  readonly lock: number;
  /** From sending the request to its answer, in ms. `undefined`: nothing was sent. */
  readonly request: number | undefined;
  /** From the answer to the end: storing the successor, in ms. */
  readonly commit: number | undefined;
  /** All of it, in ms. */
  readonly total: number;
}

/** The events of a {@link TokenManager} and their payloads. */
export interface TokenEvents {
  /** This manager refreshed the session, and the successor is stored, or `storeFailed` has been said. */
  refreshed: SessionEvent & {
    readonly expiresAt: number | undefined;
    readonly scope: readonly string[] | undefined;
    /** `true`: the server issued a new refresh token. */
    readonly rotated: boolean;
  };
  /** Someone else refreshed the session, and this manager took over what is stored. */
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
  /** Someone signed out: through this manager, or somewhere else where the session is open. */
  signedOut: SessionEvent & { readonly where: 'here' | 'elsewhere' };
  /** The server says that the grant is dead. Said once. */
  sessionEnded: SessionEvent & { readonly error: LoginRequiredError };
  /**
   * The refresh token is about to expire, according to the server or its profile: let the user sign in while they are
   * there. Emitted once per expiry time, when tokens are set, refreshed or adopted. No timer is used, so an idle
   * session does not emit it. The refresh token is still used until the server rejects it.
   */
  refreshTokenExpiring: SessionEvent & { readonly expiresAt: number };
  /** A refresh did not succeed; the session lives on. */
  refreshFailed: SessionEvent & {
    readonly error: RefreshFailedError | LoginRequiredError | ConfigurationError;
  };
  /**
   * The server has refused the refresh token again and again without saying that it is dead: waiting is not likely to help. The
   * session is kept, and tried again at most once an hour. Emitted once for each row of refusals, by the manager that noticed.
   * A `LoginRequiredError` says that a login would help, a `RefreshFailedError` that the client or its configuration is refused.
   */
  sessionStuck: SessionEvent & { readonly error: RefreshFailedError | LoginRequiredError };
  /**
   * A narrower access token has narrowed the grant at this server for good: it refused the scope that the session had before.
   * From now on tokenkeep asks for the whole grant without a scope, and the API decides on what comes. Only a login widens it.
   */
  scopeNarrowed: SessionEvent & { readonly requested: readonly string[] };
  /** The storage refused the successor. It is kept in memory and used, and writing it is tried again. */
  storeFailed: SessionEvent & { readonly error: TokenKeepError };
  /** The successor that the storage had refused is stored now. */
  stored: SessionEvent;
  /**
   * The browser refuses to store anything for this page, so the session is kept where `whereAllowed()` says. Emitted once for each
   * session.
   */
  storageUnavailable: SessionEvent & { readonly reason: StorageUnavailableReason };
  /**
   * A refresh brought an ID token that contradicts the one before it, in this claim (OpenID Connect Core §12.2). The other
   * tokens are stored and used, the ID token is not: the one before it stays. If that is about who the user is, sign out.
   */
  idTokenRejected: SessionEvent & { readonly claim: IdTokenMismatch };
  /**
   * A stored value is not a session of this client. It is left where it is and never used. A login replaces it
   * (`recordReplaced`), unless its schema is newer: then calls and logins fail with the reason `newer_schema`.
   */
  recordRejected: SessionEvent & { readonly reason: RecordRejection };
  /**
   * A new session has replaced a stored value that was not a session of this client. `revoked` says whether the server confirmed
   * that its tokens are dead: only those of another public client of the same authorization server can be revoked. If
   * `false`, they may be alive.
   */
  recordReplaced: SessionEvent & { readonly reason: RecordRejection; readonly revoked: boolean };
  /** A protected resource wants more than a fresh access token can give: a login that `withStepUp()` makes of it. */
  stepUpRequired: SessionEvent & StepUp & { readonly url: string };
  /** Tokens that came after a sign-out were discarded; `revoked` says whether the server confirmed their end. */
  lateTokensDiscarded: SessionEvent & RevocationResult;
  /** The revocation of a sign-out finished after `signOut()` had resolved with the reason `timed_out` or `aborted`. */
  revocationFinished: SessionEvent & RevocationResult;
  /**
   * A refresh that waited for the lock ended. The durations are in ms. Emitted once for all callers that waited for
   * it, and not for a refresh that needs no lock because the tokens were already refreshed elsewhere.
   */
  refreshFinished: SessionEvent & RefreshTimes;
  /** A request was sent once more with another token, and this is the status of the second answer. */
  replayed: SessionEvent & {
    /** The protected resource, as it was named to the manager. */
    readonly resource: string;
    readonly status: number;
  };
  /**
   * A protected resource rejected the access token that was issued because it had rejected the one before: its 401 is about
   * something else, or it does not know the new token yet. Its response went to the caller. For a minute its 401s refresh
   * nothing, unless it accepts the token in between. Emitted once for each token.
   */
  newTokenRejected: SessionEvent & {
    /** The protected resource, as it was named to the manager. */
    readonly resource: string;
    /** The status of the response to the replay. */
    readonly status: number;
  };
  /**
   * `isInvalidToken` threw, rejected or took longer than the option `timeout`. It says nothing about the token then, and the
   * response is returned. `error` is a copy without the token.
   */
  predicateFailed: SessionEvent & {
    /** The protected resource, as it was named to the manager. */
    readonly resource: string;
    readonly error: Error | undefined;
  };
  /** A listener threw. Nobody else was harmed. */
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

/** All names, for what the compiler does not see. */
export const eventTypes: readonly TokenEventType[] = Object.keys(all) as TokenEventType[];

/** An event as a listener for every type gets it. */
export type AnyTokenEvent = {
  [Type in TokenEventType]: TokenEvents[Type] & { readonly type: Type };
}[TokenEventType];

/** A listener for one type of event, or for every type: `'*'`. */
export type TokenListener<Type extends TokenEventType | '*'> = (
  event: Type extends TokenEventType ? TokenEvents[Type] & { readonly type: Type } : AnyTokenEvent,
) => unknown;
