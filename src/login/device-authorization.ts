/**
 * The code that the user of a device enters elsewhere (RFC 8628 §3.1, §3.2).
 *
 * @module
 */

import { hasMembers, parseBody, textOf } from '../core/answer-body.ts';
import { isLoopback, requireEndpoint } from '../core/endpoint.ts';
import { member } from '../core/own-members.ts';
import { safeCause } from '../core/transport-failure.ts';
import { parseUrl } from '../core/url.ts';
import { roundTrip } from '../flow/round-trip.ts';
import { deviceRequest } from '../flow/token-request.ts';
import { within } from '../flow/waiting.ts';
import { refused, wrongAnswer } from './authorization-response.ts';
import { checkRequest, type LoginClient, type LoginRequest } from './login-options.ts';
import { noAnswer } from './token-exchange.ts';

/** What the user has to be told. */
export interface DevicePrompt {
  /** Where to go, with any browser. */
  readonly verificationUri: string;
  /** What to enter there. */
  readonly userCode: string;
  /** Where nothing has to be entered: good for a QR code. Show the code beside it all the same, to be compared. */
  readonly verificationUriComplete: string | undefined;
  /** When the code expires, in Unix ms. */
  readonly expiresAt: number;
}

export interface DeviceAuthorization {
  readonly prompt: DevicePrompt;
  readonly deviceCode: string;
  /** How often to ask for the tokens, in ms: as the server says, and 1 000 at least. */
  readonly interval: number;
}

/** @throws ConfigurationError, LoginFailedError */
export async function deviceAuthorization(
  client: LoginClient,
  request: LoginRequest,
): Promise<DeviceAuthorization> {
  checkRequest(request);
  const { server, clock } = client;
  const endpoint =
    (member(client.clientAuthentication, 'mutualTls') &&
      server.mtlsEndpointAliases?.deviceAuthorizationEndpoint) ||
    (server.deviceAuthorizationEndpoint ?? server.metadata?.['device_authorization_endpoint']);
  requireEndpoint('authorizationServer.deviceAuthorizationEndpoint', endpoint);
  const parameters = new URLSearchParams(request.parameters);
  if (request.scope?.length) parameters.set('scope', request.scope.join(' '));
  for (const resource of request.resource ?? []) parameters.append('resource', resource);
  const built = await within(client, () => deviceRequest(client, server, endpoint as string, parameters));
  const sentAt = clock.now();
  const { status, body } = await roundTrip(built, client).catch((error: unknown) => {
    throw noAnswer(safeCause(error, built.secrets));
  });
  const members = parseBody(body);
  if (!hasMembers(members)) throw noAnswer(undefined);
  if (status < 200 || status > 299 || textOf(members['error']) !== undefined) {
    throw refused(textOf(members['error']), textOf(members['error_description']), built.secrets);
  }
  return read(members, sentAt);
}

function read(members: Readonly<Record<string, unknown>>, sentAt: number): DeviceAuthorization {
  const deviceCode = textOf(members['device_code']);
  const userCode = textOf(members['user_code']);
  const verificationUri = textOf(members['verification_uri']) ?? textOf(members['verification_url']); // Google
  const verificationUriComplete = textOf(members['verification_uri_complete']);
  if (deviceCode === undefined || userCode === undefined || verificationUri === undefined) {
    throw wrongAnswer('The server gave no code for the device.');
  }
  if (!isShowable(userCode, 100)) throw wrongAnswer('The server gave a code that cannot be shown.');
  for (const uri of [verificationUri, verificationUriComplete]) {
    if (uri !== undefined && !isPage(uri)) throw wrongAnswer('The server names a place that is no web page.');
  }
  const expiresAt = sentAt + seconds(members['expires_in'], 600) * 1000;
  const prompt = { verificationUri, userCode, verificationUriComplete, expiresAt };
  return { prompt, deviceCode, interval: Math.max(1, seconds(members['interval'], 5)) * 1000 };
}

/** The application may open it: a program's address is none. */
function isPage(uri: string): boolean {
  if (!isShowable(uri, 2_000)) return false;
  const url = parseUrl(uri);
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
}

/** Without characters that steer a terminal, begin a line or turn the direction of what follows. */
function isShowable(text: string, longest: number): boolean {
  return text.length <= longest && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text);
}

/** Up to a day: what timers and people can wait for. */
function seconds(value: unknown, missing: number): number {
  const number = Number(value);
  return number > 0 ? Math.min(number, 86_400) : missing;
}
