/**
 * Requests to the token and revocation endpoints: a refresh grant is sent once, a revocation is repeated.
 *
 * @module
 */

import { withTimeout } from '../async/abortable.ts';
import { isConfigurationError } from '../core/errors.ts';
import { mayHaveBeenSent, safeCause } from '../core/http/network-error.ts';
import { RedirectFollowedError } from '../core/http/redirect.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { DpopKey, ProvenTokenRequest } from '../core/oauth/dpop-key.ts';
import type { ClientOptions, Grant, RefreshParameters } from '../core/oauth/grant.ts';
import { notRevoked, type RevocationResult } from '../core/oauth/revocation-result.ts';
import { parseTokenResponse, type TokenResponseOutcome } from '../core/oauth/token-response.ts';
import { sendRevocation } from './revocation.ts';
import { type HttpTransport, sendRequest } from './send-request.ts';
import { refreshRequest, revokeRequest } from './token-request.ts';

export type TokenEndpointOptions = ClientOptions & HttpTransport & { readonly grant: Grant };

/** The grant of a login: exchanges its refresh token for a new access token (RFC 6749 §6). */
export const refreshTokenGrant: Grant = {
  kind: 'refresh-token',
  check: () => undefined,
  request: refreshRequest,
  parseResponse: parseTokenResponse,
};

/** The result of a request that must be sent only once. */
export type SendResult =
  | (TokenResponseOutcome & { readonly cause?: Error | undefined })
  /** The request was not sent. */
  | { readonly kind: 'not-sent'; readonly cause: Error | undefined }
  /** The request may have been sent, and no response arrived: the refresh token may be spent. */
  | {
      readonly kind: 'response-lost';
      readonly cause: Error | undefined;
      /** `true`: the transport followed a redirect. A repetition would be redirected again. */
      readonly redirectFollowed: boolean;
    };

/** Tokens that can be revoked. */
export interface RevocableTokens {
  readonly refreshToken?: string | undefined;
  readonly accessToken?: string | undefined;
}

/** A grant in which everything that can fail before it is sent has already succeeded. */
export interface PreparedTokenRequest {
  readonly secrets: readonly string[];
  /** Sends the request once. Never rejects, and ends only by its response or its deadline. */
  send(): Promise<SendResult>;
}

/** The token and revocation endpoint, for one client. */
export class TokenEndpoint {
  readonly #options: TokenEndpointOptions;

  constructor(options: TokenEndpointOptions) {
    this.#options = options;
  }

  /** The client that sends the requests. */
  get client(): ClientOptions & HttpTransport {
    return this.#options;
  }

  /**
   * Returns the endpoint for another public client. Returns `undefined` if this client is confidential, because the other's secret is
   * missing.
   */
  forPublicClient(clientId: string): TokenEndpoint | undefined {
    const { clientAuthentication, grant } = this.#options;
    const isPublic = clientAuthentication.method === 'none' && grant.kind !== 'token-handler';
    return isPublic ? new TokenEndpoint({ ...this.#options, clientId }) : undefined;
  }

  /** @throws the errors of client authentication and of signing a proof, and an error if they do not end. */
  async prepare(
    server: AuthorizationServer,
    parameters: RefreshParameters,
    dpopKey: DpopKey | undefined,
  ): Promise<PreparedTokenRequest> {
    const now = () => this.#options.clock.Date.now();
    const make = () => this.#options.grant.request(this.#options, server, parameters);
    const making: Promise<ProvenTokenRequest> = dpopKey?.request(make, now) ?? make();
    const request = await withTimeout(this.#options, making);
    return { secrets: request.secrets, send: () => this.#send(server, request) };
  }

  /**
   * Revokes the refresh token, and with it its access tokens (RFC 7009 §2.1), or the access token if the server does not
   * revoke refresh tokens. Never rejects.
   */
  async revoke(
    server: AuthorizationServer,
    { refreshToken, accessToken }: RevocableTokens,
  ): Promise<RevocationResult> {
    if (server.revocationEndpoint === undefined) return notRevoked('no_endpoint');
    let result: RevocationResult = notRevoked('no_tokens');
    for (const [hint, token] of Object.entries({ refresh_token: refreshToken, access_token: accessToken })) {
      if (token === undefined || hint !== (server.profile?.revokes ?? hint)) continue;
      result = await this.#revoke(server, token, hint);
      if (result.revoked || result.reason !== 'unsupported') break;
    }
    return result;
  }

  async #revoke(server: AuthorizationServer, token: string, hint: string): Promise<RevocationResult> {
    const { grant } = this.#options;
    const make = () => revokeRequest(this.#options, server, token, hint);
    try {
      const request =
        grant.kind === 'token-handler' ? grant.signOutRequest() : await withTimeout(this.#options, make);
      return await sendRevocation(request, this.#options);
    } catch (error) {
      return notRevoked('not_sent', { cause: safeCause(error, [token]) });
    }
  }

  async #send({ profile }: AuthorizationServer, request: ProvenTokenRequest): Promise<SendResult> {
    try {
      const { nonceError, ...response } = await sendRequest(request, this.#options);
      const outcome = this.#options.grant.parseResponse(response, profile, this.#options.clock.Date.now());
      const cause = nonceError ?? (outcome.kind === 'refused' ? outcome.classifyError : undefined);
      if (cause === undefined) return outcome;
      return { ...outcome, cause: isConfigurationError(cause) ? cause : safeCause(cause, request.secrets) };
    } catch (error) {
      const cause = safeCause(error, request.secrets);
      const redirectFollowed = error instanceof RedirectFollowedError;
      return mayHaveBeenSent(error)
        ? { kind: 'response-lost', cause, redirectFollowed }
        : { kind: 'not-sent', cause };
    }
  }
}
