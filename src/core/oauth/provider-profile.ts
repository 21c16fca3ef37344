/**
 * Deviations of a server from the standard, as data.
 *
 * @module
 */

/** Deviations of an authorization server from RFC 6749. Each field defaults to that standard and to a strict server. */
export interface ProviderProfile {
  /**
   * Time after its first use in which a refresh token may be sent again, in ms. Use only a value that the provider documents:
   * a strict server revokes the whole token family when it sees a used refresh token.
   *
   * @default 0
   */
  readonly reuseWindow?: number | undefined;
  /** Encoding of the bodies of token and revocation requests. @default 'form' */
  readonly requestEncoding?: 'form' | 'json' | undefined;
  /** Encoding of the bodies of revocation requests. @default `requestEncoding` */
  readonly revocationEncoding?: 'form' | 'json' | undefined;
  /** Kind of token that the server revokes (RFC 7009). @default 'refresh_token', which revokes its access tokens too */
  readonly revokes?: 'refresh_token' | 'access_token' | undefined;
  /** Meaning of the server's own error codes, by code. It takes precedence over the standard codes. */
  readonly errorCodes?: Readonly<Record<string, FailureClass>> | undefined;
  /**
   * Classifies an error response whose code does not show its meaning: for example an empty body, a nested object or
   * an unusual status for a dead grant. It takes precedence over `errorCodes` and the standard codes. Return `undefined` for
   * every response you do not know, because `invalid-grant` ends the session. It is not called for 408, 425, 429, 502, 503
   * and 504, which describe the condition of the server. If it throws, the response is classified without it, and the
   * thrown value becomes the `cause` of the error.
   *
   * @example A server that responds to a dead refresh token with 404 and an error object
   * ```ts
   * import type { ProviderProfile } from 'tokenkeep';
   *
   * const profile: ProviderProfile = {
   *   classify: ({ status, body }) => {
   *     const { error } = (body ?? {}) as { error?: { code?: unknown } };
   *     return status === 404 && error?.code === 'unknown_token' ? 'invalid-grant' : undefined;
   *   },
   * };
   * ```
   */
  readonly classify?: ((response: TokenErrorResponse) => FailureClass | undefined) | undefined;
  /** Members of an error response that may contain the error code, tried in order. @default ['error'] */
  readonly errorFields?: readonly string[] | undefined;
  /**
   * Other members of an error response that explain it. They become `details` of the error, next to the server's
   * `description`. Tokens and secrets are removed from them.
   *
   * @default only the error code is reported
   */
  readonly errorDetails?: readonly string[] | undefined;
  /**
   * `true`: a refresh with a narrower `scope` narrows the grant permanently. tokenkeep then never requests the wider scope
   * again: such servers refuse it with `invalid_scope`, and some spend the refresh token on it.
   *
   * @default false: the grant keeps its scope (RFC 6749 §6). If a server refuses it, later requests contain no scope
   */
  readonly narrowsScope?: boolean | undefined;
  /** `token_type` values that this server uses for bearer tokens, in addition to `Bearer`. */
  readonly bearerTypes?: readonly string[] | undefined;
  /**
   * Returns whether a response of this provider's APIs means "this access token is not valid", for APIs that do not respond
   * with 401. It gets a copy of the response. The manager's option `isInvalidToken` replaces it and describes the copy.
   */
  readonly isInvalidToken?: ((response: Response) => boolean | PromiseLike<boolean>) | undefined;
  /** Lifetime of an access token whose response has no `expires_in`, in ms. @default unknown: used until it is rejected */
  readonly defaultLifetime?: number | undefined;
  /**
   * Lifetime of a refresh token after a login whose response does not contain it, in ms: the setting in the
   * server's console, such as ReachFive's 1 to 365 days. It is used for `refreshTokenExpiring` and ends no session.
   *
   * @default unknown
   */
  readonly refreshTokenLifetime?: number | undefined;
}

/** Error response of the token endpoint, the argument of {@link ProviderProfile.classify}. */
export interface TokenErrorResponse {
  readonly status: number;
  /** The body, parsed from JSON or a form. `undefined`: it is neither, or empty. */
  readonly body: unknown;
  /** The OAuth error code (RFC 6749 §5.2), if there is one. */
  readonly error: string | undefined;
  readonly contentType: string | null;
}

/**
 * The meaning of an error response of the token endpoint for the session.
 *
 * - `invalid-grant`: the refresh token is proven dead. The only class that ends a session.
 * - `interaction-required`: the user has to act; the grant is still valid.
 * - `client`: this client, its configuration or the request is refused; the grant is still valid.
 * - `transient`: try again later; the refresh token was not spent.
 */
export type FailureClass = 'invalid-grant' | 'interaction-required' | 'client' | 'transient';
