/**
 * What the user's consent is exchanged for. A code is good for one request, which is read tolerantly, so that no
 * refresh token is lost.
 *
 * @module
 */
import { isTokenKeepError, LoginFailedError } from '../core/errors.ts';
import type { ProvenRequest, Prover } from '../core/possession.ts';
import { judgeAnswer, type Outcome } from '../core/token-answer.ts';
import { safeCause } from '../core/transport-failure.ts';
import { roundTrip } from '../flow/round-trip.ts';
import { grantRequest } from '../flow/token-request.ts';
import { within } from '../flow/waiting.ts';
import { refused } from './authorization-response.ts';
import type { Expected } from './expected.ts';
import { type Login, loginOf } from './login.ts';
import type { LoginClient } from './login-options.ts';

/** An answer, or why there is none. */
export type Exchanged = (Outcome | { readonly kind: 'lost'; readonly cause: Error | undefined }) & {
  readonly secrets: readonly string[];
  /** Unix ms. */
  readonly sentAt: number;
};

/** A token request in which everything that can fail before it is sent has already succeeded. */
export interface PreparedExchange {
  /** Sends it, once. Never rejects. */
  send(): Promise<Exchanged>;
}

/**
 * Makes a token request, with a proof of the key if there is one.
 *
 * @throws what client authentication throws, and LoginFailedError `no_key` when the key cannot sign.
 */
export async function prepareExchange(
  client: LoginClient,
  grantType: string,
  parameters: Readonly<Record<string, string>>,
  prover: Prover | undefined,
): Promise<PreparedExchange> {
  const { server, clock } = client;
  let isMade = false;
  const make = async () => {
    const request = await grantRequest(client, server, grantType, parameters);
    isMade = true;
    return request;
  };
  try {
    const request = await within<ProvenRequest>(
      client,
      () => prover?.request(make, () => clock.now()) ?? make(),
    );
    return { send: () => send(client, request) };
  } catch (error) {
    if (!isMade || isTokenKeepError(error)) throw error;
    throw new LoginFailedError('The key of the login cannot sign. Start the login again.', {
      reason: 'no_key',
      cause: safeCause(error, []),
    });
  }
}

async function send(client: LoginClient, request: ProvenRequest): Promise<Exchanged> {
  const { server, clock } = client;
  const sentAt = clock.now();
  const { secrets } = request;
  try {
    const answer = await roundTrip(request, client);
    return { ...judgeAnswer(answer, server.profile, clock.now()), secrets, sentAt };
  } catch (error) {
    return { kind: 'lost', cause: safeCause(error, secrets), secrets, sentAt };
  }
}

/** Makes the request that exchanges a code for tokens. @throws as {@link prepareExchange} does. */
export async function prepareCode(
  client: LoginClient,
  code: string,
  login: { readonly redirectUri: string; readonly verifier: string },
  prover: Prover | undefined,
): Promise<PreparedExchange> {
  const parameters = { code, redirect_uri: login.redirectUri, code_verifier: login.verifier };
  return await prepareExchange(client, 'authorization_code', parameters, prover);
}

/** Sends a prepared request for tokens. @throws LoginFailedError */
export async function tokensFrom(
  client: LoginClient,
  prepared: PreparedExchange,
  expected: Expected,
): Promise<Login> {
  const exchanged = await prepared.send();
  if (exchanged.kind === 'granted') return loginOf(client, exchanged.grant, exchanged.sentAt, expected);
  throw failed(exchanged);
}

/** What there is to say of an exchange that gave no tokens. */
export function failed(exchanged: Exclude<Exchanged, { kind: 'granted' }>): LoginFailedError {
  if (exchanged.kind === 'refused') return refused(exchanged.error, exchanged.description, exchanged.secrets);
  return noAnswer(exchanged.kind === 'lost' ? exchanged.cause : undefined);
}

export function noAnswer(cause: Error | undefined): LoginFailedError {
  return new LoginFailedError('The authorization server gave no answer that can be read.', {
    reason: 'no_answer',
    cause,
  });
}
