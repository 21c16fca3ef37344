/**
 * The sign-in state of a session. Types only.
 *
 * @module
 */
import type { LoginRequiredError } from '../core/errors.ts';
import type { LoginIdentity } from '../core/session/login-identity.ts';

/** The end of a session. */
export type SessionEnd =
  /** The storage holds no record of it. A record that is found later belongs to a new session. */
  | { readonly kind: 'removed'; readonly error: LoginRequiredError }
  /** The user has signed out, but the record is not deleted from the storage, or not yet. */
  | {
      readonly kind: 'still-stored';
      readonly error: LoginRequiredError;
      /** The login of that record, if it could be read. A record of another login belongs to a new session. */
      readonly login: string | undefined;
    };

/** The sign-in state, as seen by this process. */
export type SessionState =
  /** This process has not read the storage. */
  | { readonly kind: 'unknown'; readonly login?: undefined; readonly ended?: undefined }
  | { readonly kind: 'signed-in'; readonly login: LoginIdentity; readonly ended?: undefined }
  /** The storage was empty when this process last read it. A record that is found later was stored by a login elsewhere. */
  | {
      readonly kind: 'empty';
      /** The last known login. Its access tokens may still be in memory. */
      readonly login: LoginIdentity | undefined;
      readonly ended?: undefined;
    }
  | {
      readonly kind: 'ended';
      readonly ended: SessionEnd;
      /** A login that was found in the storage since. The user is signed in once a token of it is in memory. */
      readonly login: LoginIdentity | undefined;
    };
