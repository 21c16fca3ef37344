/**
 * How a server deviates from the textbook. Data, not code paths.
 *
 * @module
 */

/** How a server behaves where servers differ. Every field has the default of RFC 6749 and of a strict server. */
export interface ProviderProfile {
  /**
   * How long after its first use a refresh token may be sent once more, in ms. Declared by the provider, never guessed:
   * a strict server revokes the whole token family when it sees a used refresh token.
   *
   * @default 0
   */
  readonly reuseWindow?: number | undefined;
  /** How bodies of the token and revocation requests are encoded. @default 'form' */
  readonly requestEncoding?: 'form' | 'json' | undefined;
  /** The same for revocation requests, where they differ. @default `requestEncoding` */
  readonly revocationEncoding?: 'form' | 'json' | undefined;
  /** The only kind of token that the server revokes. @default 'refresh_token', and its access tokens with it */
  readonly revokes?: 'refresh_token' | 'access_token' | undefined;
  /** The meaning of this server's own error codes, by code. They take precedence over the standard ones. */
  readonly errorCodes?: Readonly<Record<string, FailureClass>> | undefined;
  /**
   * Says what a refusal of this server means, where its codes do not: a dead grant that is answered with an empty body, a
   * nested object or a status of its own. It comes before `errorCodes` and the standard ones. Return `undefined` for everything
   * you do not know: `invalid-grant` ends the session. It is not called for 408, 425, 429, 502, 503 and 504, which are
   * about the server's condition. If it throws, the response is classified without it, and the
   * thrown value becomes the `cause` of the error.
   *
   * @example A server that answers 404 with an error object for a dead refresh token
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
  /** Where the error code stands, when it is not `error`. Tried in order. @default ['error'] */
  readonly errorFields?: readonly string[] | undefined;
  /**
   * Other members of an error response that explain it: they become `details` of the error, beside the server's
   * `description`. Tokens are never among them, and secrets are removed.
   *
   * @default only the error code is reported
   */
  readonly errorDetails?: readonly string[] | undefined;
  /**
   * `true`: a refresh with a narrower `scope` narrows the grant for good at this server. tokenkeep then never asks for the wider
   * scope again, which such servers refuse with `invalid_scope`, and some spend the refresh token for.
   *
   * @default false: the grant keeps its scope (RFC 6749 §6); a server that refuses it is asked without one from then on
   */
  readonly narrowsScope?: boolean | undefined;
  /** `token_type` values that this server uses for bearer tokens, in addition to `Bearer`. */
  readonly bearerTypes?: readonly string[] | undefined;
  /**
   * Recognises that a response of this provider's APIs means "this access token is not valid", where they do not say it with a
   * 401. It gets a copy. The option `isInvalidToken` of a manager takes its place, and says more about the copy.
   */
  readonly isInvalidToken?: ((response: Response) => boolean | PromiseLike<boolean>) | undefined;
  /** Lifetime of an access token whose answer says none, in ms. @default unknown: used until it is rejected */
  readonly defaultLifetime?: number | undefined;
  /**
   * How long a refresh token is valid after a login whose response does not say so, in ms: the setting in the
   * server's console, such as ReachFive's 1 to 365 days. A hint, used for `refreshTokenExpiring`: it ends no session.
   *
   * @default unknown
   */
  readonly refreshTokenLifetime?: number | undefined;
}

/** A refusal of the token endpoint, as {@link ProviderProfile.classify} gets it. */
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
 * - `interaction-required`: the user has to do something; the grant lives.
 * - `client`: this client, its configuration or the request is refused; the grant lives.
 * - `transient`: try again later; the refresh token was not spent.
 */
export type FailureClass = 'invalid-grant' | 'interaction-required' | 'client' | 'transient';
