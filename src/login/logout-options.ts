/**
 * The options and results of a logout, and the checks of the options.
 *
 * @module
 */

import { maxTimerDelay } from '../async/abortable.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import type { TokenSet } from '../core/oauth/token-set.ts';
import type { ManagerInternals } from '../manager-internals.ts';
import type { SignOutOptions, SignOutResult } from '../session/sign-out.ts';
import { requireRedirectUri } from './login-options.ts';
import { type PendingLogins, requirePendingLogins } from './pending-entries.ts';
import { safeReturnTo } from './return-to.ts';

/** A `TokenManager` as it was constructed, also one of `forSession()`. */
export interface LogoutManager {
  /** Returns the tokens of the session. */
  getTokens(): Promise<TokenSet | undefined>;
  /** Ends the session. */
  signOut(options?: SignOutOptions): Promise<SignOutResult>;
}

/** Options of {@link startLogout}. Client, server and clock are those of the manager. */
export interface StartLogoutOptions {
  /** The manager whose session ends. */
  readonly manager: LogoutManager;
  /**
   * Where the server sends the user back to, as it is registered there for logouts (`post_logout_redirect_uri`).
   *
   * @default the user stays at the server
   */
  readonly redirectUri?: string | undefined;
  /** Where the logout waits for the user to come back: `sessionStorage` in a page. Required with `redirectUri`. */
  readonly pending?: PendingLogins | undefined;
  /** A place of the same origin as `redirectUri` that {@link completeLogout} returns. */
  readonly returnTo?: string | undefined;
  /**
   * Whether to send the ID token, by which the server knows whose session to end without asking. It stands in the URL, and so
   * in the browser's history: it holds the user's claims, but gives access to nothing. An expired one is sent as well.
   *
   * @default true
   */
  readonly idTokenHint?: boolean | undefined;
  /** Names the user for the server (`logout_hint`), such as by an email address or a session id. */
  readonly logoutHint?: string | undefined;
  /** Other parameters of the request, such as `ui_locales`. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  /** Whether to revoke the tokens at the authorization server. @default true */
  readonly revoke?: boolean | undefined;
  /**
   * How long to wait for the stored ID token, and after it for the metadata of the server and the revocation together, in ms.
   *
   * @default 2_000
   */
  readonly timeout?: number | undefined;
  /** How long the user may take to come back, in ms. @default 600_000 */
  readonly lifetime?: number | undefined;
}

/**
 * Whether the URL of a logout contains the ID token, and if not, why.
 *
 * - `sent`: it does.
 * - `not_requested`: `idTokenHint: false`.
 * - `none`: the session had no ID token, or nobody was signed in.
 * - `unreadable`: the storage failed or did not answer in time, or the ID token is not a JWT.
 * - `other_issuer`: it is not from this server, or the server has no `issuer` to compare with. It stays here.
 * - `unsupported`: this server has a logout of its own form, which takes none.
 */
export type IdTokenHint = 'sent' | 'not_requested' | 'none' | 'unreadable' | 'other_issuer' | 'unsupported';

/**
 * Why the user was signed out here, but cannot be sent to the server.
 *
 * - `no_endpoint`: the server has no end session endpoint. Its own session may still exist, so that the next login succeeds
 *   without a password: pass `parameters: { prompt: 'login' }` to that login, and ask users of shared devices to sign out at the
 *   provider.
 * - `no_response`: the metadata of the server could not be read in time; see `cause`.
 * - `unusable_endpoint`: the server names an end session endpoint that is not https; see `cause`. Nothing was sent to it.
 * - `signed_in_again`: someone signed in while the session ended, in this or another tab. The session at the server is theirs.
 * - `not_pending`: `pending` did not store the logout; see `cause`.
 */
export type SignedOutHereReason =
  | 'no_endpoint'
  | 'no_response'
  | 'unusable_endpoint'
  | 'signed_in_again'
  | 'not_pending';

/** The result of {@link startLogout}. In each case the session of the manager has ended. */
export type StartedLogout =
  | {
      readonly outcome: 'redirect';
      /** Where to send the user now. It may contain the ID token: do not log it. */
      readonly url: string;
      readonly idTokenHint: IdTokenHint;
      /** Whether the tokens were revoked, and if not, why. */
      readonly revocation: SignOutResult;
    }
  | {
      readonly outcome: 'signed-out-here';
      readonly reason: SignedOutHereReason;
      /** The underlying error, without tokens. */
      readonly cause?: Error | undefined;
      /** Whether the tokens were revoked, and if not, why. */
      readonly revocation: SignOutResult;
    };

/** Parameters of a logout that tokenkeep sets itself, or that have no place in a URL. */
const reservedParameters: readonly string[] = [
  'client_id',
  'client_secret',
  'id_token_hint',
  'logout_hint',
  'post_logout_redirect_uri',
  'redirect_uri',
  'logout_uri',
  'returnto',
  'state',
];

const names = [
  'manager',
  'redirectUri',
  'pending',
  'returnTo',
  'idTokenHint',
  'logoutHint',
  'parameters',
  'revoke',
  'timeout',
  'lifetime',
];

/** @throws ConfigurationError that names the option and the remedy. Nothing has been removed then. */
export function checkLogout(
  options: StartLogoutOptions,
  internals: ManagerInternals | undefined,
): ManagerInternals {
  const unknown = Object.keys(Object(options)).find((name) => !names.includes(name));
  if (unknown !== undefined)
    refuse(explain('sign-out', `there is no option ${unknown}. The options are ${names.join(', ')}.`));
  if (internals === undefined)
    return refuse(
      explain(
        'sign-out',
        'the option manager must be a TokenManager of this copy of tokenkeep, where it was constructed.',
      ),
    );
  if (internals.context.grant.kind === 'token-handler')
    refuse(
      explain(
        'sign-out',
        'this manager has no tokens, because its token handler keeps them. Log out through the token handler.',
      ),
    );
  checkValues(options);
  checkParameters(options.parameters);
  checkReturn(options);
  return internals;
}

function checkValues({ idTokenHint, revoke, logoutHint, ...times }: StartLogoutOptions): void {
  for (const [name, value] of Object.entries({ idTokenHint, revoke })) {
    if (value !== undefined && typeof value !== 'boolean')
      refuse(explain('sign-out', `the option ${name} must be true or false.`));
  }
  if (logoutHint !== undefined && (typeof logoutHint !== 'string' || logoutHint === ''))
    refuse(explain('sign-out', 'the option logoutHint must be a non-empty string.'));
  for (const name of ['timeout', 'lifetime'] as const) {
    const value = times[name];
    const isDelay = typeof value === 'number' && value >= 1 && value <= maxTimerDelay;
    if (value !== undefined && !isDelay)
      refuse(
        explain(
          'sign-out',
          `the option ${name} must be a number of milliseconds from 1 to ${maxTimerDelay}.`,
        ),
      );
  }
}

function checkParameters(parameters: StartLogoutOptions['parameters']): void {
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (typeof value !== 'string')
      refuse(explain('sign-out', `the option parameters: ${name} must be a string.`));
    if (reservedParameters.includes(name.toLowerCase()))
      refuse(
        explain(
          'sign-out',
          `the option parameters must not set ${name}: tokenkeep sets it itself, or not at all.`,
        ),
      );
  }
}

function checkReturn({ redirectUri, pending, returnTo }: StartLogoutOptions): void {
  if (redirectUri === undefined) {
    if (pending !== undefined || returnTo !== undefined)
      refuse(
        explain(
          'sign-out',
          'the options pending and returnTo need redirectUri: without it the user does not come back.',
        ),
      );
    return;
  }
  requireRedirectUri(redirectUri);
  requirePendingLogins(pending);
  const isSafe = safeReturnTo(returnTo, { page: redirectUri, allow: undefined }) !== undefined;
  if (returnTo !== undefined && !isSafe)
    refuse(explain('sign-out', 'the option returnTo must be a URL of the same origin as redirectUri.'));
}

function refuse(problem: string): never {
  throw new ConfigurationError(`startLogout(): ${problem}`);
}
