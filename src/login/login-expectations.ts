/**
 * The expected properties of a login.
 *
 * @module
 */

/** The expected properties of a login, to compare with its response. */
export interface LoginExpectations {
  readonly scope?: readonly string[] | undefined;
  readonly nonce?: string | undefined;
  readonly maxAge?: number | undefined;
  readonly returnTo?: string | undefined;
  /** Thumbprint of the key that the tokens should be bound to. */
  readonly thumbprint?: string | undefined;
}
