/**
 * The authorization server, and client authentication.
 *
 * @module
 */
import type { Grant } from './grant.ts';
import type { ProviderProfile } from './provider-profile.ts';

/** An authorization server: the members of RFC 8414 that tokenkeep uses, and its {@link ProviderProfile}. */
export interface AuthorizationServer {
  /** The issuer identifier. A session is bound to it; without one it is bound to the token endpoint. */
  readonly issuer?: string | undefined;
  /**
   * Former values of `issuer` or, without an issuer, of `tokenEndpoint`: for a server that got a custom domain, or whose token
   * endpoint has moved. Sessions issued under these names stay valid, and their refresh tokens are sent to this server.
   * Only declare names of the very same server: its endpoints receive these refresh tokens.
   *
   * @default none: a session of another issuer is never used
   */
  readonly formerIssuers?: readonly string[] | undefined;
  /** URL of the token endpoint: https, or http on loopback. Its query is kept (RFC 6749 §3.2). */
  readonly tokenEndpoint: string;
  /** URL of the revocation endpoint (RFC 7009). Without it, sign-out clears the local state only. */
  readonly revocationEndpoint?: string | undefined;
  /** URL of the authorization endpoint, where users log in. */
  readonly authorizationEndpoint?: string | undefined;
  /**
   * URL of the end session endpoint (OpenID Connect RP-Initiated Logout), to which `startLogout()` sends users.
   *
   * @default `end_session_endpoint` of the metadata
   */
  readonly endSessionEndpoint?: string | undefined;
  /**
   * Name of the parameter that takes the place of `post_logout_redirect_uri` at an `endSessionEndpoint` with a form of its own.
   * Such a server gets this parameter and `client_id`: no ID token, no `logout_hint` and no `state`.
   *
   * @default the form of OpenID Connect
   */
  readonly endSessionRedirectParameter?: string | undefined;
  /** URL of the device authorization endpoint (RFC 8628). @default the one of the metadata */
  readonly deviceAuthorizationEndpoint?: string | undefined;
  /** URL of the pushed authorization request endpoint (RFC 9126). @default the one of the metadata */
  readonly pushedAuthorizationRequestEndpoint?: string | undefined;
  /**
   * `true`: the server accepts only logins whose parameters were pushed (RFC 9126 §5). See the option `par` of a login.
   *
   * @default `require_pushed_authorization_requests` of the metadata
   */
  readonly requirePushedAuthorizationRequests?: boolean | undefined;
  /** Endpoints for clients that authenticate by mutual TLS (RFC 8705 §5). */
  readonly mtlsEndpointAliases?:
    | {
        readonly tokenEndpoint?: string | undefined;
        readonly revocationEndpoint?: string | undefined;
        readonly deviceAuthorizationEndpoint?: string | undefined;
        readonly pushedAuthorizationRequestEndpoint?: string | undefined;
      }
    | undefined;
  /** The whole metadata document, when it was discovered. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly profile?: ProviderProfile | undefined;
  /** Grant that obtains access tokens, set by `tokenHandler()`. @default the refresh token of a login */
  readonly grant?: Grant | undefined;
}

/** A token or revocation request that waits for its client authentication. */
export interface UnauthenticatedRequest {
  readonly clientId: string;
  readonly authorizationServer: AuthorizationServer;
  /** Parameters of the body; a method may add to them. */
  readonly parameters: URLSearchParams;
  /** Headers; a method may add to them. */
  readonly headers: Headers;
}

/** Authenticates the client (RFC 6749 §2.3). Called again for every request that is sent. */
export interface ClientAuthentication {
  readonly method: string;
  /** `true`: requests go to {@link AuthorizationServer.mtlsEndpointAliases} where there are any. */
  readonly mutualTls?: boolean | undefined;
  /** Adds the client authentication to the request. */
  authenticate(request: UnauthenticatedRequest): void | Promise<void>;
}
