/**
 * The URL at which a user logs in (RFC 6749 §4.1.1, RFC 7636, OpenID Connect Core §3.1.2.1). One door to oauth4webapi:
 * it makes what must not be guessed.
 *
 * @module
 */
import {
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  generateRandomNonce,
  generateRandomState,
} from 'oauth4webapi';
import { requireEndpoint } from '../core/endpoint.ts';
import type { Prover } from '../core/possession.ts';
import { issuersOf } from '../flow/authorization-server-source.ts';
import { subtleCrypto } from '../platform/web-crypto.ts';
import { checkRequest, defaultLifetime, type LoginClient, type LoginRequest } from './login-options.ts';
import type { PendingLogin } from './pending-logins.ts';

/** A login that can begin. */
export interface AuthorizationRequest {
  /** Where the user logs in. Holds nothing secret. */
  readonly url: string;
  readonly state: string;
  readonly pending: PendingLogin;
  /** The key that the code will be bound to, in memory. */
  readonly prover: Prover | undefined;
}

/** @throws ConfigurationError */
export async function authorizationRequest(
  { clientId, server, clock, dpop }: LoginClient,
  request: LoginRequest,
  redirectUri: string,
): Promise<AuthorizationRequest> {
  checkRequest(request);
  const { scope = [], resource = [], parameters = {}, lifetime = defaultLifetime } = request;
  const { authorizationEndpoint } = server;
  requireEndpoint('authorizationServer.authorizationEndpoint', authorizationEndpoint);
  subtleCrypto('A login with PKCE');
  const [state, verifier] = [generateRandomState(), generateRandomCodeVerifier()];
  const nonce = scope.includes('openid') ? generateRandomNonce() : undefined;
  const prover = await dpop?.generate();
  const thumbprint = prover?.thumbprint;
  const url = new URL(authorizationEndpoint as string); // its query is kept (RFC 6749 §3.1)
  const own = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: scope.join(' '),
    state,
    nonce: nonce ?? '',
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    dpop_jkt: thumbprint ?? '',
  };
  for (const [name, value] of Object.entries({ ...parameters, ...own })) {
    if (value !== '') url.searchParams.set(name, value);
  }
  for (const one of resource) url.searchParams.append('resource', one);
  const maxAge = parameters['max_age'] === undefined ? undefined : Number(parameters['max_age']);
  const [issuer = ''] = issuersOf(server);
  const expiresAt = clock.now() + lifetime;
  return {
    url: url.href,
    state,
    pending: { issuer, clientId, redirectUri, verifier, nonce, scope, maxAge, expiresAt, thumbprint },
    prover,
  };
}
