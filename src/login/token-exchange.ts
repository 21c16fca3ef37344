/**
 * What the user's consent is exchanged for. A code is good for one request, which is read tolerantly, so that no
 * refresh token is lost.
 *
 * @module
 */
import { LoginFailedError } from '../core/errors.ts';
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

/** Sends a grant, once, with a proof of the key if there is one. @throws what client authentication and signing throw */
export async function exchange(
  client: LoginClient,
  grantType: string,
  parameters: Readonly<Record<string, string>>,
  prover: Prover | undefined,
): Promise<Exchanged> {
  const { server, clock } = client;
  const make = () => grantRequest(client, server, grantType, parameters);
  const request = await within<ProvenRequest>(
    client,
    () => prover?.request(make, () => clock.now()) ?? make(),
  );
  const sentAt = clock.now();
  const { secrets } = request;
  try {
    const answer = await roundTrip(request, client);
    return { ...judgeAnswer(answer, server.profile, clock.now()), secrets, sentAt };
  } catch (error) {
    return { kind: 'lost', cause: safeCause(error, secrets), secrets, sentAt };
  }
}

/** Exchanges a code for tokens. @throws LoginFailedError, and what client authentication throws */
export async function exchangeCode(
  client: LoginClient,
  code: string,
  login: Expected & { readonly redirectUri: string; readonly verifier: string },
  prover: Prover | undefined,
): Promise<Login> {
  const parameters = { code, redirect_uri: login.redirectUri, code_verifier: login.verifier };
  const exchanged = await exchange(client, 'authorization_code', parameters, prover);
  const thumbprint = prover?.thumbprint;
  if (exchanged.kind === 'granted') {
    return loginOf(client, exchanged.grant, exchanged.sentAt, { ...login, thumbprint });
  }
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
