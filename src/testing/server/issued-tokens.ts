/**
 * The tokens that the test server has issued.
 *
 * @module
 */
import type { TokenResponse } from '../../core/oauth/token-set.ts';

/** All tokens that descend from one login. */
export interface TokenFamily {
  readonly id: string;
  readonly clientId: string;
  readonly subject: string;
  readonly issuer: string;
  /** Thumbprint of the key that its tokens are bound to; `undefined`: bearer tokens. */
  readonly jkt: string | undefined;
  /** The scope that the user granted. Rotation does not change it. Narrowing changes it only if the server is configured so. */
  scope: readonly string[];
  /** URLs that its access tokens may be for. */
  readonly resources: readonly string[];
  readonly startedAt: number;
  readonly lifetime: number;
  revoked: boolean;
  /** Number of rotations before it. */
  generation: number;
  current: RefreshToken | undefined;
  newest: AccessToken | undefined;
  /** Number of attempts in progress. */
  inFlight: number;
}

export interface RefreshToken {
  readonly kind: 'refresh_token';
  readonly id: string;
  readonly text: string;
  readonly family: TokenFamily;
  readonly generation: number;
  usedAt: number | undefined;
  /** Number of times it was sent to the token endpoint. */
  sent: number;
  /** The response to its first use. */
  firstResponse: TokenResponse | undefined;
}

export interface AccessToken {
  readonly kind: 'access_token';
  readonly id: string;
  readonly text: string;
  readonly family: TokenFamily;
  readonly scope: readonly string[];
  /** URLs it is for. `undefined`: all of its family. */
  readonly audience: readonly string[] | undefined;
  /** Thumbprint of the key that it is bound to. */
  readonly jkt: string | undefined;
  readonly issuedAt: number;
  readonly expiresAt: number;
  ended: boolean;
}
