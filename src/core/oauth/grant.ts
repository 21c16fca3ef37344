/**
 * The ways in which a manager gets new access tokens: with the refresh token of a login, with the credentials of the client, or
 * from a token handler. Types only.
 *
 * @module
 */

import type { NamedResource } from '../http/protected-resource.ts';
import type { RequestCredentials } from '../http/request-credentials.ts';
import type { CheckedLock } from '../session/lock-scope.ts';
import type { SessionRecord } from '../session/session-record.ts';
import type { AuthorizationServer, ClientAuthentication } from './authorization-server.ts';
import type { ProviderProfile } from './provider-profile.ts';
import type { TokenGrant } from './token-grant.ts';
import type { RawTokenResponse, TokenResponseOutcome } from './token-response.ts';

/** The members that all requests of a client share. */
export interface ClientOptions {
  readonly clientId: string;
  readonly clientAuthentication: ClientAuthentication;
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Additional headers and parameters of requests to the token endpoint. They cannot replace those that tokenkeep sets. */
export interface TokenRequestExtras {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Parameters of the body. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
}

/** The parameters of a token request. */
export interface RefreshParameters {
  /** Refresh token. `''`: the session has none. */
  readonly refreshToken: string;
  readonly scope: readonly string[] | undefined;
  readonly resource: readonly string[] | undefined;
}

/** A request that is ready to be sent. */
export interface BuiltRequest {
  readonly url: string;
  readonly init: RequestInit;
  /** Values that must not appear in errors and events. */
  readonly secrets: readonly string[];
  /** Receives the body of a successful response. */
  readonly onSuccess?: ((body: string) => void) | undefined;
}

/** The configuration of a manager, for {@link Grant} to check. */
export interface GrantConfiguration {
  /** The options of the manager. */
  readonly options: object;
  readonly lock: CheckedLock;
  readonly resources: readonly NamedResource[];
}

/**
 * The way in which a manager gets new access tokens. The seven steps of a refresh are the same for every kind.
 *
 * `clientCredentials()` and `tokenHandler()` make grants; without either, a manager uses the refresh token of a login. For a grant
 * of your own, start from the one that `clientCredentials()` returns and replace the request.
 *
 * @example The JWT bearer grant (RFC 7523)
 * ```ts
 * import { type Grant } from 'tokenkeep';
 * import { clientCredentials } from 'tokenkeep/client-authentication';
 *
 * function jwtBearer(sign: () => Promise<string>): Grant {
 *   return {
 *     ...clientCredentials(),
 *     check: () => undefined, // the assertion proves who the client is, so `clientAuthentication` is not needed
 *     async request(_client, server) {
 *       const assertion = await sign();
 *       const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
 *       const body = new URLSearchParams({ grant_type, assertion });
 *       return { url: server.tokenEndpoint, init: { method: 'POST', redirect: 'manual', body }, secrets: [assertion] };
 *     },
 *   };
 * }
 * ```
 */
export type Grant = RefreshTokenGrant | ClientCredentialsGrant | TokenHandlerGrant;

interface AnyGrant {
  /**
   * Checks the options.
   *
   * @throws ConfigurationError for options that cannot be combined with this grant. Called once, when a manager is constructed.
   */
  check(configuration: GrantConfiguration): void;
  /** Creates the request. Called for each request that is sent. All errors must occur here, before anything is sent. */
  request(
    client: ClientOptions,
    server: AuthorizationServer,
    parameters: RefreshParameters,
  ): Promise<BuiltRequest>;
  /** Reads the response. Must not throw. */
  parseResponse(
    response: RawTokenResponse,
    profile: ProviderProfile | undefined,
    now: number,
  ): TokenResponseOutcome;
}

/** A login begins the session, and each request spends the refresh token (RFC 6749 §6). */
export interface RefreshTokenGrant extends AnyGrant {
  readonly kind: 'refresh-token';
}

/**
 * The first call begins the session: no login and no refresh token is needed, and a request spends nothing, so it may be repeated.
 * After a sign-out the next call begins another session. Made by `clientCredentials()`.
 */
export interface ClientCredentialsGrant extends AnyGrant {
  readonly kind: 'client-credentials';
}

/**
 * The tokens are in cookies that no script can read. The session in this process consists of random placeholders, so
 * that each access token differs from its predecessor. Made by `tokenHandler()`.
 */
export interface TokenHandlerGrant extends AnyGrant {
  readonly kind: 'token-handler';
  /** Credentials for requests to protected resources. */
  readonly credentials: RequestCredentials;
  /** Returns the initial record of a session, which the first call stores. */
  initialRecord(now: number): Pick<SessionRecord, 'accessTokens' | 'refreshToken' | 'issuer'>;
  /** Reads the token handler's response to a login. @throws ConfigurationError for tokens: a page must not have them. */
  parseLoginResponse(response: object, now: number): TokenGrant;
  /** Makes the request that ends the session. */
  signOutRequest(): BuiltRequest;
  /** Returns the error of a call that requests an access token. */
  tokenUnavailable(): Error;
}
