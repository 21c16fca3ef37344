/**
 * The response that arrives by redirect. Any site can send a browser here, so nothing in the response is trusted before its
 * `state` is found and its issuer is validated.
 *
 * @module
 */

import { ConfigurationError, LoginFailedError } from '../core/errors.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import { safeErrorCode } from '../core/oauth/server-error-details.ts';
import type { Secrets } from '../core/redact.ts';
import type { PendingLogin } from './pending-logins.ts';
import { sanitizeText } from './sanitize-text.ts';

/** Parameters that may occur only once (RFC 6749 §3.1). */
const singleParameters = ['state', 'code', 'error', 'error_description', 'iss'] as const;

/** Parameters of the response, by name. */
export type AuthorizationResponse = Readonly<Partial<Record<(typeof singleParameters)[number], string>>>;

/** @throws LoginFailedError `invalid_response` if a parameter is repeated. */
export function readAuthorizationResponse(parameters: URLSearchParams): AuthorizationResponse {
  if (singleParameters.some((name) => parameters.getAll(name).length > 1)) {
    throw invalidResponse('The response contains a parameter twice.');
  }
  return Object.fromEntries(singleParameters.map((name) => [name, parameters.get(name) || undefined]));
}

/**
 * Returns the code of a response whose `state` is that of `login`.
 *
 * @throws LoginFailedError
 * @see RFC 9207 §2.4
 */
export function authorizationCodeOf(
  response: AuthorizationResponse,
  server: AuthorizationServer,
  login: PendingLogin,
): string {
  requireIssuer(response.iss, server);
  if (response.error !== undefined) {
    const secrets = [login.verifier, login.nonce, response.state, response.code];
    throw loginRefused(response.error, response.error_description, secrets);
  }
  if (response.code === undefined) throw invalidResponse('The response contains no code.');
  return response.code;
}

function requireIssuer(iss: string | undefined, { issuer, metadata }: AuthorizationServer): void {
  const isIssPromised = metadata?.['authorization_response_iss_parameter_supported'] === true;
  if (iss === undefined) {
    if (isIssPromised)
      throw invalidResponse(
        'The response lacks the parameter iss, although the metadata of the server announces it.',
      );
    return;
  }
  if (issuer === undefined) {
    throw new ConfigurationError(
      'The response names its server (iss), but authorizationServer.issuer is missing. Set it, so that both can be compared.',
    );
  }
  if (iss !== issuer) throw invalidResponse('The response is from another authorization server.');
}

export function invalidResponse(message: string): LoginFailedError {
  return new LoginFailedError(message, { reason: 'invalid_response' });
}

/** Returns the error for a login that the server refused. */
export function loginRefused(
  error: string | undefined,
  description: string | undefined,
  secrets: Secrets,
  cause?: Error,
): LoginFailedError {
  return new LoginFailedError('The authorization server refused the login.', {
    reason: 'refused',
    error: safeErrorCode(error, secrets),
    description: sanitizeText(description, secrets),
    cause,
  });
}
