/**
 * Errors for calls that receive no access token, with the reason and the remedy.
 *
 * @module
 */
import {
  ConfigurationError,
  type FailureHistory,
  isConfigurationError,
  LoginRequiredError,
  type LoginRequiredReason,
  RefreshFailedError,
  StorageError,
} from '../core/errors.ts';
import type { ServerErrorDetails } from '../core/oauth/server-error-details.ts';
import type { Failure } from '../core/session/session-record.ts';
import { hasBrowserFetch } from '../platform/browser-fetch.ts';

const remedies: Readonly<Record<LoginRequiredReason, string>> = {
  no_tokens: 'There are no tokens yet. Sign the user in and pass the tokens to setTokens().',
  no_refresh_token: 'The access token has expired and there is no refresh token. Sign the user in again.',
  invalid_grant: 'The authorization server has ended the session. Sign the user in again.',
  response_lost:
    'A refresh was sent and its response was lost. The server now refuses the refresh token. Sign the user in again.',
  signed_out: 'The user has signed out. Sign the user in again.',
  no_key:
    'The DPoP key of the session is not available, so its tokens cannot be used. Sign the user in again.',
  refresh_refused:
    'The token endpoint refuses the refresh token again and again. Sign the user in again; the session is kept until then.',
  login_changed:
    'Another login has replaced the one that this call began under. The call was not sent with the tokens of the new login. Start it again for the user who is signed in now.',
  interaction_required:
    'The authorization server requires an action of the user. Start a login. The session is kept.',
};

export function loginRequired(
  reason: LoginRequiredReason,
  details: ServerErrorDetails & FailureHistory & { readonly cause?: unknown } = {},
): LoginRequiredError {
  return new LoginRequiredError(remedies[reason], { reason, ...details });
}

/** Returns the error of a new or remembered failure. A configuration error is returned unchanged. */
export function refreshFailed(
  failure: Failure,
  now: number,
  { history = {}, cause }: { readonly history?: FailureHistory | undefined; readonly cause?: unknown } = {},
): RefreshFailedError | LoginRequiredError | ConfigurationError {
  if (isConfigurationError(cause)) return cause;
  const { error, description, details, status, until, kind } = failure;
  const common = { error, description, details, ...history };
  if (kind === 'interaction-required') return loginRequired('interaction_required', { ...common, cause });
  const stuck = failure.refusals?.stuck ?? 'configuration';
  if (stuck !== 'configuration') return loginRequired(stuck, { ...common, cause });
  const answered = `the token endpoint answered ${status}${error ? ` ${error}` : ''}`;
  const why = status === undefined ? (error ?? 'nothing was sent') : answered;
  const remedy =
    kind === 'client'
      ? 'Check the client configuration; the session is kept.'
      : 'The session is kept; try again later.';
  return new RefreshFailedError(`The refresh failed: ${why}. ${remedy}`, {
    sent: false,
    isRetryable: kind !== 'client',
    retryAfter: Math.max(0, until - now),
    ...common,
    status,
    cause,
  });
}

/** Returns the error of a refresh that was sent without a response from the token endpoint. */
export function responseLost(
  retryAfter: number,
  history: FailureHistory | undefined,
  {
    status,
    cause,
    redirectFollowed,
  }: { readonly status?: number; readonly cause?: unknown; readonly redirectFollowed?: boolean } = {},
): RefreshFailedError {
  const observed =
    status === undefined ? 'no response arrived' : `the response (${status}) could not be read`;
  // A page never receives more details than that.
  const hint =
    status === undefined && hasBrowserFetch()
      ? ' If the browser reports CORS, allow the origin of this page at the token endpoint.'
      : '';
  const message = redirectFollowed
    ? 'The token endpoint redirected and the transport followed, so the refresh token may have leaked. The response was ' +
      "ignored and the session is kept. Use a fetch that obeys redirect: 'manual', and check the token endpoint."
    : `The refresh was sent and ${observed}, so the refresh token may be spent. The session is kept; try again.${hint}`;
  return new RefreshFailedError(message, {
    sent: true,
    retryAfter: Math.max(0, retryAfter),
    ...history,
    status,
    cause,
  });
}

export function newerSchema(): ConfigurationError {
  return new ConfigurationError(
    'The stored session was written by a newer version of tokenkeep and is left alone. Update tokenkeep here (reload the page), or call signOut() first, which removes that session.',
    { reason: 'newer_schema' },
  );
}

export function storagePending(): StorageError {
  return new StorageError(
    'The latest tokens could not be stored and are kept in memory. No refresh is attempted until they are stored.',
    { operation: 'write' },
  );
}
