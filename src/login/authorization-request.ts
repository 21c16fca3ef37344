/**
 * The URL at which a user logs in (RFC 6749 §4.1.1, RFC 7636, OpenID Connect Core §3.1.2.1).
 *
 * @module
 */
import { abortable } from '../async/abortable.ts';
import { base64url, bytesOf } from '../core/base64url.ts';
import { requireEndpoint } from '../core/http/endpoint.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import { randomBytes, subtleCrypto } from '../platform/web-crypto.ts';
import { issuersOf } from '../token-endpoint/authorization-server-resolver.ts';
import {
  checkRequest,
  defaultLifetime,
  type LoginClient,
  type LoginRequest,
  requestedParameters,
} from './login-options.ts';
import type { PendingLogin } from './pending-logins.ts';
import { isPushed, pushAuthorizationRequest } from './pushed-authorization.ts';

/** A login, ready to begin. */
export interface AuthorizationRequest {
  /** URL at which the user logs in. It contains no secret. */
  readonly url: string;
  readonly state: string;
  readonly pending: PendingLogin;
  /** The key that the code is bound to, in memory. */
  readonly dpopKey: DpopKey | undefined;
}

/** @throws ConfigurationError, the signal's reason, and what pushing the parameters throws. */
export async function authorizationRequest(
  client: LoginClient,
  request: LoginRequest,
  redirectUri: string,
): Promise<AuthorizationRequest> {
  checkRequest(request);
  const { clientId, server, clock, dpop } = client;
  const { scope = [], lifetime = defaultLifetime } = request;
  const { authorizationEndpoint } = server;
  requireEndpoint('authorizationServer.authorizationEndpoint', authorizationEndpoint);
  const [state, verifier] = [randomValue(), randomValue()];
  const nonce = scope.includes('openid') ? randomValue() : undefined;
  const dpopKey = await dpop?.generate();
  const thumbprint = dpopKey?.thumbprint;
  const own = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    state,
    nonce: nonce ?? '',
    code_challenge: await challengeOf(verifier),
    code_challenge_method: 'S256',
    dpop_jkt: thumbprint ?? '',
  };
  let parameters = requestedParameters(request);
  const maxAge = parameters.has('max_age') ? Number(parameters.get('max_age')) : undefined;
  for (const [name, value] of Object.entries(own)) if (value !== '') parameters.set(name, value);
  if (isPushed(client, request)) {
    const pushing = pushAuthorizationRequest(client, parameters, dpopKey);
    const requestUri = await abortable(pushing, request.signal);
    // Anything else beside them could contradict what was pushed (RFC 9126 §4).
    parameters = new URLSearchParams({ client_id: clientId, request_uri: requestUri });
  }
  const url = new URL(authorizationEndpoint as string); // its query is kept (RFC 6749 §3.1)
  for (const name of parameters.keys()) url.searchParams.delete(name);
  for (const [name, value] of parameters) url.searchParams.append(name, value);
  const [issuer = ''] = issuersOf(server);
  const expiresAt = clock.Date.now() + lifetime;
  return {
    url: url.href,
    state,
    pending: { issuer, clientId, redirectUri, verifier, nonce, scope, maxAge, expiresAt, thumbprint },
    dpopKey,
  };
}

/** Returns 256 random bits in a form that is valid for `state`, `nonce` and `code_verifier` (RFC 7636 §4.1). */
function randomValue(): string {
  return base64url(randomBytes(32));
}

/** Returns the challenge of a verifier (RFC 7636 §4.2, `S256`). */
async function challengeOf(verifier: string): Promise<string> {
  const subtle = subtleCrypto('A login with PKCE');
  return base64url(await subtle.digest('SHA-256', bytesOf(verifier)));
}
