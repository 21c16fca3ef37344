/**
 * The login that tokens descend from, and its user. Pure. Work that began under one login never continues under another one (law
 * one-login).
 *
 * @module
 */

import { decodeJwtClaims } from '../oauth/jwt-claims.ts';
import { nonEmptyString } from '../oauth/token-grant.ts';

/** A login, as identified by its record. */
export interface LoginIdentity {
  /** Random name of the login. `undefined`: the record was stored without one. */
  readonly login: string | undefined;
  /** `iss` of the ID token. */
  readonly issuer: string | undefined;
  /** The user: `sub` of the ID token, or the subject that the application passed to `setTokens()`. */
  readonly subject: string | undefined;
}

/** The members of a record that identify its login. */
interface IdentifiedRecord {
  readonly login?: string | undefined;
  readonly subject?: string | undefined;
  readonly idToken?: string | undefined;
}

/** Returns the login that a record descends from. Its members are its own, as `readRecord()` returns them. */
export function loginIdentityOf({ login, subject, idToken }: IdentifiedRecord): LoginIdentity {
  const claims = decodeJwtClaims(idToken);
  return {
    login,
    issuer: nonEmptyString(claims?.['iss']),
    subject: subject ?? nonEmptyString(claims?.['sub']),
  };
}

/**
 * Checks whether work that began under one login may continue under the other: it is the same login, or one of the same user.
 * `undefined`: no login was known when the work began, so it belongs to the first login that it finds.
 */
export function isSameLogin(one: LoginIdentity | undefined, other: LoginIdentity | undefined): boolean {
  if (one === undefined || other === undefined || one === other) return true;
  if (one.subject === undefined || other.subject === undefined) return one.login === other.login;
  // The application names a user without an issuer.
  const issuer = one.issuer ?? other.issuer;
  return one.subject === other.subject && issuer === (other.issuer ?? issuer);
}
