/**
 * Exchanges the user's consent for tokens. A code is valid for one request, whose response is read tolerantly, so
 * that no refresh token is lost.
 *
 * @module
 */

import { LoginFailedError } from '../core/errors.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { DpopKey, ProvenTokenRequest } from '../core/oauth/dpop-key.ts';
import { parseTokenResponse, type TokenResponseOutcome } from '../core/oauth/token-response.ts';
import { sendRequest } from '../token-endpoint/send-request.ts';
import { grantRequest } from '../token-endpoint/token-request.ts';
import { loginRefused } from './authorization-response.ts';
import { createLogin, type Login } from './login.ts';
import type { LoginExpectations } from './login-expectations.ts';
import { proveRequest } from './login-key.ts';
import type { LoginClient } from './login-options.ts';

/** A response, or the reason why the request has no response. */
export type ExchangeOutcome = (
  | TokenResponseOutcome
  | { readonly kind: 'lost'; readonly cause: Error | undefined }
) & {
  readonly secrets: readonly string[];
  /** Time of sending, in Unix ms. */
  readonly sentAt: number;
};

/** A token request in which everything that can fail before it is sent has already succeeded. */
export interface PreparedExchange {
  /** Sends the request, once. Never rejects. */
  send(): Promise<ExchangeOutcome>;
}

/**
 * Makes a token request, with a proof of the key if there is one.
 *
 * @throws the errors of client authentication, and LoginFailedError `no_key` if the key cannot sign.
 */
export async function prepareExchange(
  client: LoginClient,
  grantType: string,
  parameters: Readonly<Record<string, string>>,
  dpopKey: DpopKey | undefined,
): Promise<PreparedExchange> {
  const make = () => grantRequest(client, client.server, grantType, parameters);
  const request = await proveRequest(client, make, dpopKey);
  return { send: () => send(client, request) };
}

async function send(client: LoginClient, request: ProvenTokenRequest): Promise<ExchangeOutcome> {
  const { server, clock } = client;
  const sentAt = clock.Date.now();
  const { secrets } = request;
  try {
    const response = await sendRequest(request, client);
    return { ...parseTokenResponse(response, server.profile, clock.Date.now()), secrets, sentAt };
  } catch (error) {
    return { kind: 'lost', cause: safeCause(error, secrets), secrets, sentAt };
  }
}

/** Makes the request that exchanges a code for tokens. @throws as {@link prepareExchange} does. */
export async function prepareCodeExchange(
  client: LoginClient,
  code: string,
  login: { readonly redirectUri: string; readonly verifier: string },
  dpopKey: DpopKey | undefined,
): Promise<PreparedExchange> {
  const parameters = { code, redirect_uri: login.redirectUri, code_verifier: login.verifier };
  return await prepareExchange(client, 'authorization_code', parameters, dpopKey);
}

/** Sends a prepared request for tokens. @throws LoginFailedError */
export async function requestTokens(
  client: LoginClient,
  prepared: PreparedExchange,
  expected: LoginExpectations,
): Promise<Login> {
  const exchanged = await prepared.send();
  if (exchanged.kind === 'granted') return createLogin(client, exchanged.grant, exchanged.sentAt, expected);
  throw exchangeFailed(exchanged);
}

/** Returns the error for an exchange that returned no tokens. */
export function exchangeFailed(exchanged: Exclude<ExchangeOutcome, { kind: 'granted' }>): LoginFailedError {
  if (exchanged.kind === 'refused')
    return loginRefused(exchanged.error, exchanged.description, exchanged.secrets);
  return noResponse(exchanged.kind === 'lost' ? exchanged.cause : undefined);
}

export function noResponse(cause: Error | undefined): LoginFailedError {
  return new LoginFailedError('The response of the authorization server could not be read.', {
    reason: 'no_response',
    cause,
  });
}
