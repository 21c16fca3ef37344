/**
 * The authorization server of a mock: it issues tokens that mean nothing, and answers at once.
 *
 * @module
 */
import type { AuthorizationServer } from '../../core/oauth/authorization-server.ts';
import type { TokenResponse } from '../../core/oauth/token-set.ts';
import { jwtLike } from '../server/token-text.ts';

/** Claims of an ID token. */
export type MockClaims = Readonly<Record<string, unknown>>;

/** How the mock ends a session: the `reason` of the error that `sessionEnded` carries. */
export type MockSessionEnd = 'invalid_grant' | 'response_lost';

const issuer = 'https://mock.invalid';
const tokenEndpoint = `${issuer}/token`;
const revocationEndpoint = `${issuer}/revoke`;

/** Answers the token and revocation requests of a mock. */
export class MockAuthorizationServer {
  static readonly clientId: string = 'mock';
  static readonly metadata: AuthorizationServer = { issuer, tokenEndpoint, revocationEndpoint };
  #issued = 0;
  #refusal: 'none' | 'lost' | 'refused' = 'none';

  /** Returns the response to a login. */
  signIn(claims: MockClaims | undefined): TokenResponse {
    const idToken = { iss: issuer, aud: MockAuthorizationServer.clientId, sub: 'mock-user', ...claims };
    return { ...this.#tokens(), id_token: jwtLike(idToken, 'mock') };
  }

  /** Refuses refreshes until {@link allowRefreshes}. */
  refuseRefreshes(reason: MockSessionEnd): void {
    this.#refusal = reason === 'response_lost' ? 'lost' : 'refused';
  }

  allowRefreshes(): void {
    this.#refusal = 'none';
  }

  /** Returns the response to a request of the manager itself. `undefined`: it is a request of the application. */
  respond(url: unknown): Response | undefined {
    if (url === revocationEndpoint) return json(200, {});
    return url === tokenEndpoint ? this.#refresh() : undefined;
  }

  #refresh(): Response {
    if (this.#refusal === 'none') return json(200, this.#tokens());
    if (this.#refusal === 'refused') return json(400, { error: 'invalid_grant' });
    this.#refusal = 'refused';
    throw new TypeError('The response of the mock is lost.');
  }

  /** Without a lifetime, so that a token is used until the API rejects it. */
  #tokens(): TokenResponse {
    this.#issued += 1;
    return {
      access_token: `mock-access-token-${this.#issued}`,
      refresh_token: `mock-refresh-token-${this.#issued}`,
      token_type: 'Bearer',
    };
  }
}

function json(status: number, body: object): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}
