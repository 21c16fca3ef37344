/**
 * Errors, one class for each action of the caller. No message, property or cause contains a token or a secret.
 *
 * @module
 */
import type { ServerErrorDetails } from './oauth/server-error-details.ts';

/** The literal `code` of every error that tokenkeep throws. */
export type TokenKeepErrorCode =
  | 'ERR_LOGIN_REQUIRED'
  | 'ERR_REFRESH_FAILED'
  | 'ERR_STORAGE'
  | 'ERR_LOCK_TIMEOUT'
  | 'ERR_CONFIGURATION'
  | 'ERR_LOGIN_FAILED';

/**
 * The reason why a login is needed.
 *
 * - `no_tokens`: the user has not signed in yet.
 * - `no_refresh_token`: the access token has expired and there is no refresh token.
 * - `invalid_grant`: the server declared the refresh token dead: it was revoked, has expired or was sent twice.
 * - `response_lost`: the refresh token was sent, no response arrived, and the server now declares it dead or keeps
 *   refusing it. If it keeps refusing it, `sessionEnded` is not emitted, and the session is kept.
 * - `signed_out`: the user signed out, here or elsewhere.
 * - `interaction_required`: the server requires the user to do something first. The session is kept.
 * - `refresh_refused`: the server keeps refusing the refresh token without declaring it dead. The session is kept,
 *   and tokenkeep retries less and less often. A login would help.
 * - `no_key`: the DPoP key of the session is not available, or the session has none although it needs one. Nothing
 *   was sent.
 * - `login_changed`: another login has replaced the one that the call began under, so the call was not sent with its
 *   token.
 */
export type LoginRequiredReason =
  | 'no_tokens'
  | 'no_refresh_token'
  | 'invalid_grant'
  | 'response_lost'
  | 'signed_out'
  | 'interaction_required'
  | 'refresh_refused'
  | 'no_key'
  | 'login_changed';

const brand: unique symbol = Symbol.for('tokenkeep.error');

/** Members that all errors of tokenkeep have. */
export abstract class TokenKeepError extends Error {
  abstract readonly code: TokenKeepErrorCode;
  /** `true`: the same call may succeed later without any other action. For the retries of query libraries. */
  abstract readonly isRetryable: boolean;
  /** The earliest time for a retry, in ms after the error was created. `undefined`: not known. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : options);
    Object.defineProperty(this, brand, { value: true });
  }
}

/** History of consecutive failures. */
export interface FailureHistory {
  /** When the first of the consecutive failures happened, in Unix ms. */
  readonly since?: number | undefined;
  /** Number of consecutive failures. */
  readonly failures?: number | undefined;
}

/** Let the user sign in. The session has ended, or there was none; retrying does not help. */
export class LoginRequiredError extends TokenKeepError {
  override readonly name = 'LoginRequiredError' as const;
  readonly code = 'ERR_LOGIN_REQUIRED' as const;
  readonly isRetryable = false;
  readonly reason: LoginRequiredReason;
  /** Time of the first refusal by the server, in Unix ms, if the session is kept. */
  readonly since: number | undefined;
  /** Number of refusals since then. */
  readonly failures: number | undefined;
  /** The OAuth error code of the server, if it sent one. */
  readonly error: string | undefined;
  /**
   * One line of the server for people, without secrets, if the profile of the provider has `errorDetails`. Foreign
   * text: show it as text, never as HTML.
   */
  readonly description: string | undefined;
  /** Other members of the server's response that `errorDetails` of the profile names, without secrets. */
  readonly details: ServerErrorDetails['details'];

  constructor(
    message: string,
    details: { reason: LoginRequiredReason; cause?: unknown } & ServerErrorDetails & FailureHistory,
  ) {
    super(message, details);
    this.reason = details.reason;
    this.since = details.since;
    this.failures = details.failures;
    this.error = details.error;
    this.description = details.description;
    this.details = details.details;
  }
}

/** Retry later. The session is kept. */
export class RefreshFailedError extends TokenKeepError {
  override readonly name = 'RefreshFailedError' as const;
  readonly code = 'ERR_REFRESH_FAILED' as const;
  /** `true`: the refresh token was sent and no response arrived, so it may be spent. */
  readonly sent: boolean;
  /** `false`: the server refused the client or its configuration, and will most likely refuse the next attempt too. */
  readonly isRetryable: boolean;
  override readonly retryAfter: number | undefined;
  /** When the first of the consecutive failures happened, in Unix ms. */
  readonly since: number | undefined;
  /** Number of consecutive failures. Offer a login when the user has waited long enough. */
  readonly failures: number | undefined;
  /** The OAuth error code of the server, if it sent one. */
  readonly error: string | undefined;
  /** The HTTP status of the token endpoint, if it responded. */
  readonly status: number | undefined;
  /** See {@link LoginRequiredError.description}. */
  readonly description: string | undefined;
  /** See {@link LoginRequiredError.details}. */
  readonly details: ServerErrorDetails['details'];

  constructor(
    message: string,
    details: {
      sent: boolean;
      isRetryable?: boolean | undefined;
      retryAfter?: number | undefined;
      status?: number | undefined;
      cause?: unknown;
    } & ServerErrorDetails &
      FailureHistory,
  ) {
    super(message, details);
    this.sent = details.sent;
    this.isRetryable = details.isRetryable ?? true;
    this.retryAfter = details.retryAfter;
    this.since = details.since;
    this.failures = details.failures;
    this.error = details.error;
    this.status = details.status;
    this.description = details.description;
    this.details = details.details;
  }
}

/** The storage could not be read or written. Fix the storage. No token is lost by this error alone. */
export class StorageError extends TokenKeepError {
  override readonly name = 'StorageError' as const;
  readonly code = 'ERR_STORAGE' as const;
  readonly isRetryable = true;
  readonly operation: 'read' | 'write' | 'delete';
  /** `true`: the storage works, but holds another version than the expected one. */
  readonly conflict: boolean;

  constructor(
    message: string,
    details: { operation: 'read' | 'write' | 'delete'; conflict?: boolean; cause?: unknown },
  ) {
    super(message, details);
    this.operation = details.operation;
    this.conflict = details.conflict ?? false;
  }
}

/**
 * Another process or tab holds the session's lock for longer than a refresh may take. Retry, and look for a holder
 * that hangs.
 */
export class LockTimeoutError extends TokenKeepError {
  override readonly name = 'LockTimeoutError' as const;
  readonly code = 'ERR_LOCK_TIMEOUT' as const;
  readonly isRetryable = true;
}

/**
 * Reasons for a configuration error.
 *
 * - `configuration`: an option, an argument or the server's metadata is wrong. The message names it.
 * - `newer_schema`: a newer version of tokenkeep has stored the session. It is neither used nor overwritten. Update
 *   this program (reload the page), or call `signOut()`, which removes the session, before another login.
 */
export type ConfigurationErrorReason = 'configuration' | 'newer_schema';

/** The program uses tokenkeep incorrectly. The message names the option and the remedy. */
export class ConfigurationError extends TokenKeepError {
  override readonly name = 'ConfigurationError' as const;
  readonly code = 'ERR_CONFIGURATION' as const;
  readonly isRetryable = false;
  readonly reason: ConfigurationErrorReason;

  constructor(message: string, details: { reason?: ConfigurationErrorReason; cause?: unknown } = {}) {
    super(message, details);
    this.reason = details.reason ?? 'configuration';
  }
}

/**
 * Reasons for a failed login.
 *
 * - `refused`: the server or the user refused; `error` is the reason, such as `access_denied`.
 * - `cancelled`: the user closed the popup, or began another login.
 * - `popup_blocked`: the browser blocked the popup. Open it directly in a click handler.
 * - `timed_out`: the user took too long, or the page did not leave for the server.
 * - `invalid_response`: the response belongs to no pending login, or comes from another server: a reloaded page, or
 *   an attack.
 * - `no_response`: the server could not be reached, or its response could not be read.
 * - `id_token`: the ID token is not for this login. `redirectLogin()` has signed its user out, and revoked the tokens.
 * - `no_key`: the DPoP key of the login is not available. Nothing was sent.
 */
export type LoginFailedReason =
  | 'refused'
  | 'cancelled'
  | 'popup_blocked'
  | 'timed_out'
  | 'invalid_response'
  | 'no_response'
  | 'id_token'
  | 'no_key';

/**
 * A login failed. Let the user retry. An existing session is unaffected, unless `setTokens()` has replaced it
 * already: then `reason` is `id_token`.
 */
export class LoginFailedError extends TokenKeepError {
  override readonly name = 'LoginFailedError' as const;
  readonly code = 'ERR_LOGIN_FAILED' as const;
  /** `true` only for the reason `no_response`. */
  readonly isRetryable: boolean;
  readonly reason: LoginFailedReason;
  /** The OAuth error code of the server, if it sent one. */
  readonly error: string | undefined;
  /** One line of the server for people, without secrets. Foreign text: show it as text, never as HTML. */
  readonly description: string | undefined;

  constructor(
    message: string,
    details: {
      reason: LoginFailedReason;
      error?: string | undefined;
      description?: string | undefined;
      cause?: unknown;
    },
  ) {
    super(message, details);
    this.reason = details.reason;
    this.isRetryable = details.reason === 'no_response';
    this.error = details.error;
    this.description = details.description;
  }
}

/** Every error that tokenkeep throws: `switch (error.code)` narrows it. */
export type AnyTokenKeepError =
  | LoginRequiredError
  | RefreshFailedError
  | StorageError
  | LockTimeoutError
  | ConfigurationError
  | LoginFailedError;

/**
 * Checks whether `value` is an error of tokenkeep, also of another realm or another copy of the package, where
 * `instanceof` does not.
 */
export function isTokenKeepError(value: unknown): value is AnyTokenKeepError {
  try {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true;
  } catch {
    return false; // a foreign proxy whose traps throw
  }
}

/** Checks whether only a change of the configuration helps. */
export function isConfigurationError(value: unknown): value is ConfigurationError {
  return isTokenKeepError(value) && value.code === 'ERR_CONFIGURATION';
}

/** Checks whether a storage refused a write or delete because it holds another version. */
export function isConflict(value: unknown): boolean {
  return isTokenKeepError(value) && value.code === 'ERR_STORAGE' && value.conflict;
}
