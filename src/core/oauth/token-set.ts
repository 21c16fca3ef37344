/**
 * The tokens of a session, in the form for applications and in the form of the token endpoint.
 *
 * @module
 */

/** Tokens of a session, as `manager.getTokens()` returns and `manager.setTokens()` accepts them. */
export interface TokenSet {
  readonly accessToken: string;
  /** Type of the access token. @default 'Bearer' */
  readonly tokenType?: string | undefined;
  /** Expiry of the access token, in Unix ms. `undefined`: unknown, so it is used until an API rejects it. */
  readonly expiresAt?: number | undefined;
  /** Scope of the access token. `undefined`: unknown. */
  readonly scope?: readonly string[] | undefined;
  readonly refreshToken?: string | undefined;
  /** Expiry of the refresh token, in Unix ms, if the server sent it. A hint: only the server decides. */
  readonly refreshTokenExpiresAt?: number | undefined;
  readonly idToken?: string | undefined;
  /** Thumbprint of the key that tokens of type `DPoP` are bound to (RFC 9449 §6). */
  readonly thumbprint?: string | undefined;
  /** Opaque name of the login that the tokens belong to, the same as in events. `setTokens()` ignores it, because each call begins a login. */
  readonly login?: string | undefined;
  /** The user: `sub` of the ID token, or the `subject` that was passed to `setTokens()`. `undefined`: unknown. */
  readonly subject?: string | undefined;
  /** Other members that the server sent, unchanged: `instance_url`, `session_state`, … */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/** Successful response of a token endpoint, parsed from JSON and otherwise unchanged (RFC 6749 §5.1). */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type?: string;
  /** Lifetime of the access token, in seconds. */
  readonly expires_in?: number | string;
  readonly refresh_token?: string | null;
  readonly scope?: string | readonly string[] | null;
  readonly id_token?: string;
  /** Thumbprint of the key that tokens of type `DPoP` are bound to. The caller adds it, the server does not send it. */
  readonly dpop_jkt?: string;
  readonly [member: string]: unknown;
}

/** Result of a login at a token handler: the expiry only. The handler's own response is accepted too. */
export interface CookieSessionInfo {
  /** Expiry of the access token in the cookies, in Unix ms. `undefined`: unknown. */
  readonly expiresAt?: number | undefined;
}

/** Options of `manager.setTokens()`. */
export interface SetTokensOptions {
  /**
   * Your name for the user that the tokens belong to, if there is no ID token. It is stored with the session, and events and
   * `getTokens()` contain it. Calls that began under an earlier login of the same `subject` continue with the new tokens.
   *
   * @default `sub` of the ID token
   */
  readonly subject?: string | undefined;
}

/** Request for an access token. */
export interface AccessTokenRequest {
  /**
   * Scopes of the token. By RFC 6749 §6 requesting fewer scopes does not narrow the grant. Some servers narrow it permanently
   * (event `scopeNarrowed`, `narrowsScope` of a profile): do not request a part of the scope there.
   *
   * @default the scopes of the whole grant
   */
  readonly scope?: readonly string[] | undefined;
  /** Resource indicators of the token (RFC 8707): absolute URIs without a fragment. */
  readonly resource?: string | readonly string[] | undefined;
  /** Access token that an API just rejected, the evidence for a refresh. Any other usable token is returned instead. */
  readonly rejectedToken?: string | undefined;
  /** Stops waiting. It never stops a refresh that other callers share. */
  readonly signal?: AbortSignal | undefined;
}
