/**
 * The second half of a login by redirect.
 *
 * @module
 */

import { completeClock } from '../async/abortable.ts';
import { ConfigurationError, LoginFailedError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { parseUrl } from '../core/http/url.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import { isInstance } from '../core/platform-class.ts';
import { issuersOf } from '../token-endpoint/authorization-server-resolver.ts';
import {
  type AuthorizationResponse,
  authorizationCodeOf,
  invalidResponse,
  readAuthorizationResponse,
} from './authorization-response.ts';
import { deduplicateExchange } from './deduplicate-exchange.ts';
import type { Login } from './login.ts';
import { deleteLoginKey, loadLoginKey, withLoginKey } from './login-key.ts';
import { createLoginClient, type LoginClient, type LoginClientOptions } from './login-options.ts';
import { runInOneTab } from './one-tab.ts';
import { type PendingLogins, requirePendingLogins } from './pending-entries.ts';
import { type PendingLogin, pendingLogins } from './pending-logins.ts';
import { type PreparedExchange, prepareCodeExchange, requestTokens } from './token-exchange.ts';

/** Options of {@link completeLogin}. */
export interface CompleteLoginOptions extends LoginClientOptions {
  /** The same as {@link StartLoginOptions.pending}. */
  readonly pending: PendingLogins;
}

/**
 * Completes a login that {@link startLogin} began: finds it by its `state`, checks the issuer of the response, and
 * exchanges the code. It resolves with the tokens even if the ID token is invalid. Store the tokens first, then
 * validate the ID token with {@link Login.idTokenClaims}.
 *
 * Concurrent calls in a page, such as those of an effect in React's Strict Mode, exchange the code once and share the login.
 *
 * If it fails before the code is sent, for example because the key storage cannot be read or discovery fails, the login
 * stays pending. Call it again with the same response.
 *
 * @param callback URL to which the server sent the user back. Pass its parameters if a proxy has changed the URL.
 * @throws LoginFailedError if the login failed, ConfigurationError for invalid options, StorageError if `pending` or the storage
 *   of the key fails, and the errors of client authentication.
 */
export async function completeLogin(
  options: CompleteLoginOptions,
  callback: string | URL | URLSearchParams,
): Promise<Login> {
  requirePendingLogins(options.pending);
  // The signal is ignored here: another caller may wait for the same response, which can be used only once.
  const source: ResponseSource = {
    client: () => createLoginClient({ ...options, signal: undefined }),
    pending: options.pending,
  };
  return await deduplicateExchange(options, String(callback), async () => {
    const limit = { clock: completeClock(options.clock), timeout: options.timeout ?? 30_000 };
    const use = await runInOneTab(stateOf(callback), limit, () => exchangeResponse(source, callback));
    if (use.kind === 'used-elsewhere') throw invalidResponse('Another tab has used the response.');
    if (use.result.kind === 'failed') throw use.result.error;
    return use.result.login;
  });
}

function stateOf(callback: string | URL | URLSearchParams): string | null {
  const parameters = isInstance(callback, 'URLSearchParams') ? callback : parseUrl(callback)?.searchParams;
  return parameters?.get('state') ?? null;
}

/** The client that exchanges the code of a response, and the storage of its pending login. */
export interface ResponseSource {
  /** @throws the errors of discovery */
  client(): Promise<LoginClient>;
  readonly pending: PendingLogins;
}

/** The result of using a response. */
export type ExchangeResult =
  | { readonly kind: 'used'; readonly login: Login }
  /** `isWaiting`: nothing was sent and the login is still pending, so the same response can be used again. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly isWaiting: boolean };

/** A response whose pending login was found and removed. */
interface FoundLogin {
  readonly client: LoginClient;
  readonly response: AuthorizationResponse;
  readonly login: PendingLogin;
  /** URL at which the response arrived, if known. */
  readonly url: URL | undefined;
}

/** Finds the login of a response, checks the response and exchanges its code. Never rejects. */
export async function exchangeResponse(
  source: ResponseSource,
  callback: string | URL | URLSearchParams,
): Promise<ExchangeResult> {
  let found: FoundLogin;
  try {
    found = await findLogin(source, callback);
  } catch (error) {
    return exchangeError(error, !isFinal(error));
  }
  const { client, login, response } = found;
  let prepared: PreparedLogin;
  try {
    prepared = await prepareExchangeOf(client, checkedCode(found), login);
  } catch (error) {
    await deleteLoginKey(client, login.thumbprint);
    return exchangeError(error);
  }
  if (prepared.kind === 'postponed') {
    // Nothing was sent, so a retry may succeed.
    return exchangeError(
      prepared.error,
      await pendingLogins.restore(source.pending, response.state as string, login),
    );
  }
  const { dpopKey, exchange } = prepared;
  const expected = { ...login, thumbprint: dpopKey?.thumbprint };
  try {
    const used = await withLoginKey(client, dpopKey, () => requestTokens(client, exchange, expected));
    return { kind: 'used', login: used };
  } catch (error) {
    return exchangeError(error);
  }
}

const exchangeError = (error: unknown, isWaiting = false): ExchangeResult => ({
  kind: 'failed',
  error,
  isWaiting,
});

/** Returns whether a retry cannot succeed: a wrong response stays wrong, and a lost key stays lost. */
function isFinal(error: unknown): boolean {
  const { reason } = (error ?? {}) as Partial<LoginFailedError>;
  return reason === 'invalid_response' || reason === 'no_key';
}

async function findLogin(
  source: ResponseSource,
  callback: string | URL | URLSearchParams,
): Promise<FoundLogin> {
  // First the steps that can be retried: after this the login is no longer pending.
  const client = await source.client();
  const url = isInstance(callback, 'URLSearchParams') ? undefined : parseUrl(callback);
  if (url === null)
    throw new ConfigurationError(
      explain('login-options', 'completeLogin(options, callback): callback must be a whole URL.'),
    );
  const response = readAuthorizationResponse(url?.searchParams ?? (callback as URLSearchParams));
  const { state } = response;
  const login = state === undefined ? undefined : await pendingLogins.take(source.pending, state);
  if (login === undefined) throw invalidResponse(unknownLogin(response));
  return { client, response, login, url };
}

/** @throws LoginFailedError if the response does not belong to this login. */
function checkedCode({ client, response, login, url }: FoundLogin): string {
  if (url !== undefined && !isRedirectUri(url, login.redirectUri)) {
    throw invalidResponse('The response arrived at another URL than the redirectUri.');
  }
  return validatedCode(client, response, login);
}

/** A request for tokens that is ready to be sent, or the reason why it could not be made yet. */
type PreparedLogin =
  | { readonly kind: 'ready'; readonly dpopKey: DpopKey | undefined; readonly exchange: PreparedExchange }
  | { readonly kind: 'postponed'; readonly error: unknown };

/** @throws LoginFailedError if the login cannot succeed any more. */
async function prepareExchangeOf(
  client: LoginClient,
  code: string,
  login: PendingLogin,
): Promise<PreparedLogin> {
  let dpopKey: DpopKey | undefined;
  try {
    dpopKey = await loadLoginKey(client, login.thumbprint);
    return { kind: 'ready', dpopKey, exchange: await prepareCodeExchange(client, code, login, dpopKey) };
  } catch (error) {
    if (login.thumbprint === undefined) await deleteLoginKey(client, dpopKey?.thumbprint);
    if (isFinal(error)) throw error;
    return { kind: 'postponed', error };
  }
}

/**
 * Returns the error for a response without a pending login: the page was opened by hand, reloaded, or in another tab, or it is an attack.
 */
function unknownLogin({ state, code, error }: AuthorizationResponse): string {
  return state === undefined && code === undefined && error === undefined
    ? 'This URL contains no response of an authorization server.'
    : 'The response belongs to no pending login: it was used before, or its login began elsewhere. Start another login.';
}

/** Returns the code of a response to `login`. @throws LoginFailedError */
export function validatedCode(
  client: LoginClient,
  response: AuthorizationResponse,
  login: PendingLogin,
): string {
  const { server, clientId, clock } = client;
  if (login.clientId !== clientId || !issuersOf(server).includes(login.issuer)) {
    throw invalidResponse('The login was started by another client, or at another server.');
  }
  if (login.expiresAt <= clock.Date.now()) throw loginTimedOut();
  return authorizationCodeOf(response, server, login);
}

export function loginTimedOut(): LoginFailedError {
  return new LoginFailedError('The login took too long.', { reason: 'timed_out' });
}

/** Returns whether a URL is the redirect URI. Private-use schemes have no origin. */
export function isRedirectUri(url: URL, redirectUri: string): boolean {
  const place = ({ protocol, host, pathname }: URL) => `${protocol}//${host}${pathname}`;
  return place(url) === place(new URL(redirectUri));
}
