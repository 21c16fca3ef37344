/**
 * The tokens of a session as an application sees them, and as they come over the wire.
 *
 * @module
 */

/** The tokens of a session, as `manager.getTokens()` gives them and `manager.setTokens()` takes them. */
export interface TokenSet {
  readonly accessToken: string;
  /** @default 'Bearer' */
  readonly tokenType?: string | undefined;
  /** When the access token ends, in Unix ms. `undefined`: not known, it is used until it is rejected. */
  readonly expiresAt?: number | undefined;
  /** Scope of the access token. `undefined`: not known. */
  readonly scope?: readonly string[] | undefined;
  readonly refreshToken?: string | undefined;
  /** When the refresh token ends, in Unix ms, if the server said so. A hint: only the server decides. */
  readonly refreshTokenExpiresAt?: number | undefined;
  readonly idToken?: string | undefined;
  /** Of the key that the tokens are bound to, where they are of type `DPoP` (RFC 9449 §6). */
  readonly thumbprint?: string | undefined;
  /** Opaque name of the login that the tokens belong to, as events give it. `setTokens()` ignores it: each call begins a login. */
  readonly login?: string | undefined;
  /** The user: `sub` of the ID token, or the `subject` that was passed to `setTokens()`. `undefined`: not known. */
  readonly subject?: string | undefined;
  /** Other members that the server sent, unchanged: `instance_url`, `session_state`, … */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
}

/** A successful answer of a token endpoint as it comes over the wire (RFC 6749 §5.1), already parsed from JSON. */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type?: string;
  /** Seconds. */
  readonly expires_in?: number | string;
  readonly refresh_token?: string | null;
  readonly scope?: string | readonly string[] | null;
  readonly id_token?: string;
  /** Not of the wire, but put beside what came: the thumbprint of the key that tokens of type `DPoP` are bound to. */
  readonly dpop_jkt?: string;
  readonly [member: string]: unknown;
}

/** Result of a login at a token handler: only its expiry. The handler's own response is accepted too. */
export interface CookieSessionInfo {
  /** When the access token in the cookies ends, in Unix ms. `undefined`: not known. */
  readonly expiresAt?: number | undefined;
}

/** Options of `manager.setTokens()`. */
export interface SetTokensOptions {
  /**
   * Your name for the user that the tokens belong to, where no ID token names one. It is stored with the session, and events and
   * `getTokens()` give it back. Calls that began under an earlier login of the same `subject` continue with the new tokens.
   *
   * @default `sub` of the ID token
   */
  readonly subject?: string | undefined;
}

/** Which access token is asked for. */
export interface AccessTokenRequest {
  /**
   * Scopes that the token must be for. By RFC 6749 §6 such a token leaves the grant as wide as it was. Some servers narrow the
   * grant for good instead (event `scopeNarrowed`, `narrowsScope` of a profile): do not ask for a part of the scope there.
   *
   * @default the scopes of the whole grant
   */
  readonly scope?: readonly string[] | undefined;
  /** Protected resources that the token must be for (RFC 8707): absolute URIs without a fragment. */
  readonly resource?: string | readonly string[] | undefined;
  /** The access token that was just rejected: any other usable one will do. The evidence for a refresh. */
  readonly rejectedToken?: string | undefined;
  /** Stops waiting. It never stops a refresh that other callers share. */
  readonly signal?: AbortSignal | undefined;
}
