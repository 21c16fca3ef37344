/**
 * How new access tokens are got: for the refresh token, unless something else stands in its place. Types only.
 *
 * @module
 */

import type { TokenLock } from '../contracts.ts';
import type { NamedResource } from '../http/protected-resource.ts';
import type { SessionRecord } from '../session/session-record.ts';
import type { AuthorizationServer, ClientAuthentication } from './authorization-server.ts';
import type { ProviderProfile } from './provider-profile.ts';
import type { TokenGrant } from './token-grant.ts';
import type { RawTokenResponse, TokenResponseOutcome } from './token-response.ts';

/** What all requests of a client have in common. */
export interface ClientOptions {
  readonly clientId: string;
  readonly clientAuthentication: ClientAuthentication;
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What requests to the token endpoint carry besides what they need. They cannot set what tokenkeep sets itself. */
export interface TokenRequestExtras {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of the body. */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
}

/** What is asked for. */
export interface RefreshParameters {
  /** `''` where there is none. */
  readonly refreshToken: string;
  readonly scope: readonly string[] | undefined;
  readonly resource: readonly string[] | undefined;
}

/** A request that is ready to be sent. */
export interface BuiltRequest {
  readonly url: string;
  readonly init: RequestInit;
  /** What must not appear in anything that is told about it. */
  readonly secrets: readonly string[];
  /** Hears what a success answered, where somebody wants to know. */
  readonly onSuccess?: ((body: string) => void) | undefined;
}

/** What a manager has been told besides, to be judged by its {@link Grant}. */
export interface GrantConfiguration {
  /** Its options. */
  readonly options: object;
  readonly lock: TokenLock;
  readonly resources: readonly NamedResource[];
}

/** How a new access token is got. The seven steps of a refresh are the same for all. */
export interface Grant {
  /** @throws ConfigurationError for what cannot be together with it. */
  check?(configuration: GrantConfiguration): void;
  /** Makes the request. Called anew for each that is sent; whatever can fail fails here, before anything is sent. */
  request(
    client: ClientOptions,
    server: AuthorizationServer,
    parameters: RefreshParameters,
  ): Promise<BuiltRequest>;
  /** What an answer means. Never throws. */
  parseResponse(
    response: RawTokenResponse,
    profile: ProviderProfile | undefined,
    now: number,
  ): TokenResponseOutcome;
  /** What a session is before anything of it is stored. Without this a login has to begin it. */
  initialRecord?(now: number): Pick<SessionRecord, 'accessTokens' | 'refreshToken' | 'issuer'>;
  /** `true`: asking spends nothing and needs no refresh token, and no sign-out is for ever. */
  readonly isStateless?: boolean;
  /** Requests to protected resources carry cookies in place of a token. */
  readonly cookies?: CookieSession;
}

/** A session whose tokens are in cookies that no script can read. What stands for them here are random marks. */
export interface CookieSession {
  /** Why there is no access token to be had. */
  tokenUnavailable(): Error;
  /** Headers that requests to protected resources carry. */
  headers(): Readonly<Record<string, string>>;
  /** What the server said after a login. @throws ConfigurationError for tokens: they have no place here. */
  parseLoginResponse(said: object, now: number): TokenGrant;
  /** The request that ends it. */
  signOutRequest(): BuiltRequest;
}
