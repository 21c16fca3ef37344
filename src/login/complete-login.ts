/**
 * The second half of a login by redirect.
 *
 * @module
 */

import { ConfigurationError, LoginFailedError } from '../core/errors.ts';
import { isInstance } from '../core/platform-class.ts';
import type { Prover } from '../core/possession.ts';
import { parseUrl } from '../core/url.ts';
import { issuersOf } from '../flow/authorization-server-source.ts';
import { completeClock } from '../flow/waiting.ts';
import { type AuthorizationResponse, codeOf, readResponse, wrongAnswer } from './authorization-response.ts';
import type { Login } from './login.ts';
import { forgetKey, keptKey, withKey } from './login-key.ts';
import { type LoginClient, type LoginClientOptions, loginClient } from './login-options.ts';
import { inOneTab } from './one-tab.ts';
import {
  type PendingLogin,
  type PendingLogins,
  requirePending,
  returnPending,
  takePending,
} from './pending-logins.ts';
import { once } from './same-answer.ts';
import { type PreparedExchange, prepareCode, tokensFrom } from './token-exchange.ts';

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
 * If it fails before the code is sent, for example because the key storage cannot be read or the server cannot be found, the login
 * stays pending: call it again with the same answer.
 *
 * @throws LoginFailedError, ConfigurationError, StorageError when `pending` or the storage of the key fails, and what client
 *   authentication throws.
 */
export async function completeLogin(
  options: CompleteLoginOptions,
  callback: string | URL | URLSearchParams,
): Promise<Login> {
  requirePending(options.pending);
  // The signal is ignored here: another caller may wait for the same answer, and an answer can be used only once.
  const source: AnswerSource = {
    client: () => loginClient({ ...options, signal: undefined }),
    pending: options.pending,
  };
  return await once(options, String(callback), async () => {
    const limit = { clock: completeClock(options.clock), timeout: options.timeout ?? 30_000 };
    const use = await inOneTab(stateOf(callback), limit, () => exchangeAnswer(source, callback));
    if (use === 'elsewhere') throw wrongAnswer('Another tab has used the answer.');
    if (use.kind === 'failed') throw use.error;
    return use.login;
  });
}

function stateOf(callback: string | URL | URLSearchParams): string | null {
  const parameters = isInstance(callback, 'URLSearchParams') ? callback : parseUrl(callback)?.searchParams;
  return parameters?.get('state') ?? null;
}

/** The client that exchanges the code of an answer, and the storage of its pending login. */
export interface AnswerSource {
  /** @throws what finding out the server throws */
  client(): Promise<LoginClient>;
  readonly pending: PendingLogins;
}

/** The result of using an answer. */
export type AnswerUse =
  | { readonly kind: 'used'; readonly login: Login }
  /** `isWaiting`: nothing was sent and the login still waits, so the same answer can be used again. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly isWaiting: boolean };

/** An answer whose pending login was found and removed. */
interface FoundLogin {
  readonly client: LoginClient;
  readonly response: AuthorizationResponse;
  readonly state: string;
  readonly login: PendingLogin;
  /** Where the answer came to, if that is known. */
  readonly url: URL | undefined;
}

/** Finds the login of an answer, checks the answer and exchanges its code. Never rejects. */
export async function exchangeAnswer(
  source: AnswerSource,
  callback: string | URL | URLSearchParams,
): Promise<AnswerUse> {
  let found: FoundLogin;
  try {
    found = await find(source, callback);
  } catch (error) {
    return failed(error, !isFinal(error));
  }
  const { client, login, state } = found;
  let prepared: Prepared;
  try {
    prepared = await prepare(client, checkedCode(found), login);
  } catch (error) {
    await forgetKey(client, login.thumbprint);
    return failed(error);
  }
  if ('error' in prepared) {
    // Nothing was sent, so a retry may succeed.
    return failed(prepared.error, await returnPending(source.pending, state, login));
  }
  const { prover, exchange } = prepared;
  const expected = { ...login, thumbprint: prover?.thumbprint };
  try {
    const used = await withKey(client, prover, () => tokensFrom(client, exchange, expected));
    return { kind: 'used', login: used };
  } catch (error) {
    return failed(error);
  }
}

const failed = (error: unknown, isWaiting = false): AnswerUse => ({ kind: 'failed', error, isWaiting });

/** A wrong answer stays wrong, and a lost key stays lost. */
function isFinal(error: unknown): boolean {
  const { reason } = (error ?? {}) as Partial<LoginFailedError>;
  return reason === 'wrong_answer' || reason === 'no_key';
}

async function find(source: AnswerSource, callback: string | URL | URLSearchParams): Promise<FoundLogin> {
  // First what can be tried again: after this the login waits no more.
  const client = await source.client();
  const url = isInstance(callback, 'URLSearchParams') ? undefined : parseUrl(callback);
  if (url === null)
    throw new ConfigurationError('completeLogin(options, callback): callback must be a whole URL.');
  const response = readResponse(url?.searchParams ?? (callback as URLSearchParams));
  const { state } = response;
  const login = state === undefined ? undefined : await takePending(source.pending, state);
  if (state === undefined || login === undefined) throw wrongAnswer(unknownLogin(response));
  return { client, response, state, login, url };
}

/** @throws LoginFailedError if the answer does not belong to this login. */
function checkedCode({ client, response, login, url }: FoundLogin): string {
  if (url !== undefined && !isSamePlace(url, login.redirectUri)) {
    throw wrongAnswer('The answer came to another place than the one it was sent to.');
  }
  return codeFor(client, response, login);
}

/** A request for tokens that is ready to be sent, or why it could not be made yet. */
type Prepared =
  | { readonly prover: Prover | undefined; readonly exchange: PreparedExchange }
  | { readonly error: unknown };

/** @throws LoginFailedError when the login cannot succeed any more. */
async function prepare(client: LoginClient, code: string, login: PendingLogin): Promise<Prepared> {
  let prover: Prover | undefined;
  try {
    prover = await keptKey(client, login.thumbprint);
    return { prover, exchange: await prepareCode(client, code, login, prover) };
  } catch (error) {
    if (login.thumbprint === undefined) await forgetKey(client, prover?.thumbprint);
    if (isFinal(error)) throw error;
    return { error };
  }
}

/** A page that was opened by hand, reloaded, or in another tab; or an attack. */
function unknownLogin({ state, code, error }: AuthorizationResponse): string {
  return state === undefined && code === undefined && error === undefined
    ? 'This URL holds no answer of an authorization server.'
    : 'The answer belongs to no login that is under way here: it was used before, or begun elsewhere. Begin another.';
}

/** The code of an answer to `login`. @throws LoginFailedError */
export function codeFor(client: LoginClient, response: AuthorizationResponse, login: PendingLogin): string {
  const { server, clientId, clock } = client;
  if (login.clientId !== clientId || !issuersOf(server).includes(login.issuer)) {
    throw wrongAnswer('The login was begun by another client, or at another server.');
  }
  if (login.expiresAt <= clock.now()) throw tookTooLong();
  return codeOf(response, server, login);
}

export function tookTooLong(): LoginFailedError {
  return new LoginFailedError('The login took too long.', { reason: 'timed_out' });
}

/** Schemes of an app's own have no origin. */
export function isSamePlace(url: URL, redirectUri: string): boolean {
  const place = ({ protocol, host, pathname }: URL) => `${protocol}//${host}${pathname}`;
  return place(url) === place(new URL(redirectUri));
}
