/**
 * The second half of a login by redirect.
 *
 * @module
 */

import { ConfigurationError, LoginFailedError } from '../core/errors.ts';
import type { Prover } from '../core/possession.ts';
import { parseUrl } from '../core/url.ts';
import { issuersOf } from '../flow/authorization-server-source.ts';
import { type AuthorizationResponse, codeOf, readResponse, wrongAnswer } from './authorization-response.ts';
import type { Login } from './login.ts';
import { withKey } from './login-key.ts';
import { type LoginClient, type LoginClientOptions, loginClient } from './login-options.ts';
import { type PendingLogin, type PendingLogins, requirePending, takePending } from './pending-logins.ts';
import { once } from './same-answer.ts';
import { exchangeCode } from './token-exchange.ts';

/** What {@link completeLogin} takes. */
export interface CompleteLoginOptions extends LoginClientOptions {
  /** The same as {@link StartLoginOptions.pending}. */
  readonly pending: PendingLogins;
}

/**
 * Ends a login that {@link startLogin} began: finds it by its `state`, checks where the answer comes from, and
 * exchanges the code. Once there are tokens it does not reject: the ID token is checked by
 * {@link Login.idTokenClaims}, when the tokens are safe.
 *
 * Called twice at once in a page, as by an effect in React's Strict Mode, it exchanges once, and both get the login.
 *
 * @param callback The URL to which the user was sent back. Where a proxy has changed it: its parameters.
 * @throws LoginFailedError, ConfigurationError, and whatever `pending` throws.
 */
export async function completeLogin(
  options: CompleteLoginOptions,
  callback: string | URL | URLSearchParams,
): Promise<Login> {
  return await once(options, String(callback), () => complete(options, callback));
}

async function complete(
  options: CompleteLoginOptions,
  callback: string | URL | URLSearchParams,
): Promise<Login> {
  // First what can be tried again: after this the login waits no more.
  // Nobody gives up here: whoever asks beside us may want it, and it is good for once.
  const client = await loginClient({ ...options, signal: undefined });
  requirePending(options.pending);
  const url = callback instanceof URLSearchParams ? undefined : parseUrl(String(callback));
  if (url === null)
    throw new ConfigurationError('completeLogin(options, callback): callback must be a whole URL.');
  const response = readResponse(url?.searchParams ?? (callback as URLSearchParams));
  const login = response.state === undefined ? undefined : await takePending(options.pending, response.state);
  if (login === undefined) throw wrongAnswer(unknownLogin(response));
  if (url !== undefined && !isSamePlace(url, login.redirectUri)) {
    throw wrongAnswer('The answer came to another place than the one it was sent to.');
  }
  return await finish(client, response, login);
}

/** A page that was opened by hand, reloaded, or in another tab; or an attack. */
function unknownLogin({ state, code, error }: AuthorizationResponse): string {
  return state === undefined && code === undefined && error === undefined
    ? 'This URL holds no answer of an authorization server.'
    : 'The answer belongs to no login that is under way here: it was used before, or begun elsewhere. Begin another.';
}

/**
 * @param login the one that `response.state` names.
 * @param prover its key, where it is still in memory.
 */
export async function finish(
  client: LoginClient,
  response: AuthorizationResponse,
  login: PendingLogin,
  prover?: Prover,
): Promise<Login> {
  return await withKey(client, prover ?? login.thumbprint, (key) =>
    exchangeFor(client, response, login, key),
  );
}

async function exchangeFor(
  client: LoginClient,
  response: AuthorizationResponse,
  login: PendingLogin,
  prover: Prover | undefined,
): Promise<Login> {
  const { server, clientId, clock } = client;
  if (login.clientId !== clientId || !issuersOf(server).includes(login.issuer)) {
    throw wrongAnswer('The login was begun by another client, or at another server.');
  }
  if (login.expiresAt <= clock.now()) throw tookTooLong();
  return await exchangeCode(client, codeOf(response, server, login), login, prover);
}

export function tookTooLong(): LoginFailedError {
  return new LoginFailedError('The login took too long.', { reason: 'timed_out' });
}

/** Schemes of an app's own have no origin. */
function isSamePlace(url: URL, redirectUri: string): boolean {
  const place = ({ protocol, host, pathname }: URL) => `${protocol}//${host}${pathname}`;
  return place(url) === place(new URL(redirectUri));
}
