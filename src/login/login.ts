/**
 * The result of a login.
 *
 * @module
 */
import type { TokenGrant } from '../core/oauth/token-grant.ts';
import type { TokenSet } from '../core/oauth/token-set.ts';
import type { LoginExpectations } from './login-expectations.ts';
import type { LoginClient } from './login-options.ts';
import { type IdTokenClaims, isIdTokenOfOtherLogin, validateIdToken } from './validate-id-token.ts';

/** Result of a login. Pass its tokens to `manager.setTokens()` first, then validate the ID token. */
export interface Login {
  /** The tokens. An ID token of another login is left out, because it must not identify the user. */
  readonly tokens: TokenSet;
  /** The value of {@link StartLoginOptions.returnTo}. */
  readonly returnTo: string | undefined;
  /**
   * Returns the user's claims after validating the ID token: issuer, audience, expiry, nonce, `max_age`. The
   * signature is not verified: the token came from the token endpoint itself over TLS (OpenID Connect Core §3.1.3.7).
   * Pass it only to code that verifies the signature. `undefined`: it was neither requested nor sent.
   *
   * @throws LoginFailedError with the reason `id_token` if it is invalid. Do not let the user in, and sign out to revoke `tokens`.
   */
  idTokenClaims(): IdTokenClaims | undefined;
}

export function createLogin(
  client: LoginClient,
  grant: TokenGrant,
  sentAt: number,
  expected: LoginExpectations,
): Login {
  const { idToken, lifetime, refreshTokenLifetime } = grant;
  const end = (left: number | undefined) =>
    left !== undefined && Number.isFinite(left) ? sentAt + left : undefined;
  return {
    tokens: {
      accessToken: grant.accessToken,
      tokenType: grant.tokenType,
      expiresAt: end(lifetime),
      // Without a scope in the response, it is the requested one (RFC 6749 §5.1).
      scope: grant.scope ?? (expected.scope?.length ? expected.scope : undefined),
      refreshToken: grant.refreshToken,
      refreshTokenExpiresAt: end(refreshTokenLifetime),
      // Calls of the user in the ID token continue under this login (law one-login), so the ID token of another login is dropped.
      idToken: isIdTokenOfOtherLogin(idToken, client, expected) ? undefined : idToken,
      // A server without DPoP issues bearer tokens, which no key protects.
      thumbprint: grant.tokenType.toLowerCase() === 'dpop' ? expected.thumbprint : undefined,
      extra: grant.extra,
    },
    returnTo: expected.returnTo,
    idTokenClaims: () => validateIdToken(idToken, client, expected),
  };
}
