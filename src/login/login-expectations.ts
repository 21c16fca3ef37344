/**
 * What a login was to be.
 *
 * @module
 */

/** What a login was to be, to compare with what came. */
export interface LoginExpectations {
  readonly scope?: readonly string[] | undefined;
  readonly nonce?: string | undefined;
  readonly maxAge?: number | undefined;
  readonly returnTo?: string | undefined;
  /** Of the key that the tokens were to be bound to. */
  readonly thumbprint?: string | undefined;
}
