/**
 * Results of revoking tokens (RFC 7009).
 *
 * @module
 */

/**
 * The reason why the authorization server did not confirm a revocation.
 *
 * - `not_requested`: `signOut({ revoke: false })`.
 * - `no_tokens`: nothing was stored that could be revoked.
 * - `unreadable`: the stored tokens could not be read, so they were deleted without a revocation; see `cause`.
 * - `no_endpoint`: the authorization server has no revocation endpoint.
 * - `unsupported`: the server does not revoke tokens of these types (`unsupported_token_type`).
 * - `refused`: the server responded with an error; see `status`.
 * - `redirected`: the transport followed a redirect of the revocation endpoint. The token may have leaked.
 * - `offline`: the request failed and the platform reports no network.
 * - `unreachable`: the request failed; see `cause`.
 * - `timed_out`: no response in time. The request may still succeed; `revocationFinished` reports it.
 * - `aborted`: the `signal` of `signOut()` was aborted first. `revocationFinished` reports the result.
 * - `not_sent`: the request could not be made: discovery or client authentication failed; see `cause`.
 */
export type NotRevokedReason =
  | 'not_requested'
  | 'no_tokens'
  | 'unreadable'
  | 'no_endpoint'
  | 'unsupported'
  | 'refused'
  | 'redirected'
  | 'offline'
  | 'unreachable'
  | 'timed_out'
  | 'aborted'
  | 'not_sent';

/** Tokens that the authorization server did not confirm as revoked. They may still be valid there. */
export interface NotRevoked {
  readonly revoked: false;
  readonly reason: NotRevokedReason;
  /** HTTP status of the revocation endpoint, if it responded. */
  readonly status?: number | undefined;
  /** The underlying error, without tokens. It does not cross a bridge to a page. */
  readonly cause?: Error | undefined;
}

/** The confirmation by the authorization server that the tokens are revoked, or the reason why the server has not confirmed it. */
export type RevocationResult = { readonly revoked: true } | NotRevoked;

/** Returns a result with the reason why the revocation was not confirmed. */
export function notRevoked(
  reason: NotRevokedReason,
  details: Pick<NotRevoked, 'status' | 'cause'> = {},
): NotRevoked {
  return { revoked: false, reason, ...details };
}
