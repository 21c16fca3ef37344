/**
 * The code that the user of a device enters elsewhere (RFC 8628 §3.1, §3.2).
 *
 * @module
 */

import { withTimeout } from '../async/abortable.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { isLoopback, requireEndpoint } from '../core/http/endpoint.ts';
import { safeCause } from '../core/http/network-error.ts';
import { parseUrl } from '../core/http/url.ts';
import { nonEmptyString, parseBody } from '../core/oauth/token-grant.ts';
import { isJsonObject, readMember } from '../core/own-members.ts';
import { sendRequest } from '../token-endpoint/send-request.ts';
import { deviceRequest } from '../token-endpoint/token-request.ts';
import { invalidResponse, loginRefused } from './authorization-response.ts';
import { checkRequest, type LoginClient, type LoginRequest, requestedParameters } from './login-options.ts';
import { noResponse } from './token-exchange.ts';

/** Instructions that you show to the user (RFC 8628 §3.3). */
export interface DevicePrompt {
  /** URL that the user opens, in any browser. */
  readonly verificationUri: string;
  /** Code that the user enters there. */
  readonly userCode: string;
  /** URL that contains the code, for a QR code. Show the code too, so that the user can compare it. */
  readonly verificationUriComplete: string | undefined;
  /** Expiry of the code, in Unix ms. */
  readonly expiresAt: number;
}

export interface DeviceAuthorization {
  readonly prompt: DevicePrompt;
  readonly deviceCode: string;
  /** Pause between token requests, in ms: the interval of the server, at least 1 000. */
  readonly interval: number;
}

/** @throws ConfigurationError, LoginFailedError */
export async function deviceAuthorization(
  client: LoginClient,
  request: LoginRequest,
): Promise<DeviceAuthorization> {
  checkRequest(request);
  if (request.par !== undefined) {
    throw new ConfigurationError(
      `deviceLogin(): ${explain('login-options', 'the option par is for logins in a browser. Remove it.')}`,
    );
  }
  const { server, clock } = client;
  const endpoint =
    (readMember(client.clientAuthentication, 'mutualTls') &&
      server.mtlsEndpointAliases?.deviceAuthorizationEndpoint) ||
    (server.deviceAuthorizationEndpoint ?? server.metadata?.['device_authorization_endpoint']);
  requireEndpoint('authorizationServer.deviceAuthorizationEndpoint', endpoint);
  const parameters = requestedParameters(request);
  const built = await withTimeout(client, () =>
    deviceRequest(client, server, endpoint as string, parameters),
  );
  const sentAt = clock.Date.now();
  const { status, body } = await sendRequest(built, client).catch((error: unknown) => {
    throw noResponse(safeCause(error, built.secrets));
  });
  const members = parseBody(body);
  if (!isJsonObject(members)) throw noResponse(undefined);
  if (status < 200 || status > 299 || nonEmptyString(members['error']) !== undefined) {
    throw loginRefused(
      nonEmptyString(members['error']),
      nonEmptyString(members['error_description']),
      built.secrets,
    );
  }
  return parseAuthorization(members, sentAt);
}

function parseAuthorization(members: Readonly<Record<string, unknown>>, sentAt: number): DeviceAuthorization {
  const deviceCode = nonEmptyString(members['device_code']);
  const userCode = nonEmptyString(members['user_code']);
  const verificationUri =
    nonEmptyString(members['verification_uri']) ?? nonEmptyString(members['verification_url']); // Google
  const verificationUriComplete = nonEmptyString(members['verification_uri_complete']);
  if (deviceCode === undefined || userCode === undefined || verificationUri === undefined) {
    throw invalidResponse('The server issued no code for the device.');
  }
  if (!isShowable(userCode, 100)) throw invalidResponse('The server issued a code that cannot be displayed.');
  for (const uri of [verificationUri, verificationUriComplete]) {
    if (uri !== undefined && !isWebPage(uri))
      throw invalidResponse('The server names a URL that is not a web page.');
  }
  const expiresAt = sentAt + seconds(members['expires_in'], 600) * 1000;
  const prompt = { verificationUri, userCode, verificationUriComplete, expiresAt };
  return { prompt, deviceCode, interval: Math.max(1, seconds(members['interval'], 5)) * 1000 };
}

/** Returns whether a URL is a web page. The application may open it, so URLs that start a program are refused. */
function isWebPage(uri: string): boolean {
  if (!isShowable(uri, 2_000)) return false;
  const url = parseUrl(uri);
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
}

/** Returns whether a text can be shown: without characters that control a terminal, begin a line or reverse the text direction. */
function isShowable(text: string, longest: number): boolean {
  return text.length <= longest && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text);
}

/** Returns a number of seconds of at most a day, the limit for timers and users. */
function seconds(value: unknown, missing: number): number {
  const number = Number(value);
  return number > 0 ? Math.min(number, 86_400) : missing;
}
