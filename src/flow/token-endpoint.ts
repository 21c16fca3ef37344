/**
 * Sending a refresh grant once, and a revocation as often as it takes.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/authorization-server.ts';
import { isMisconfigured } from '../core/errors.ts';
import type { Asked, ClientOptions, Grant } from '../core/grant.ts';
import type { ProvenRequest, Prover } from '../core/possession.ts';
import { RedirectFollowedError } from '../core/redirect.ts';
import { notRevoked, type RevocationResult } from '../core/revocation.ts';
import { judgeAnswer, type Outcome } from '../core/token-answer.ts';
import { mayHaveBeenSent, safeCause } from '../core/transport-failure.ts';
import { sendRevocation } from './revocation.ts';
import { type Carrier, roundTrip } from './round-trip.ts';
import { refreshRequest, revokeRequest } from './token-request.ts';
import { within } from './waiting.ts';

export type TokenEndpointOptions = ClientOptions & Carrier & { readonly grant: Grant };

/** A new access token for the refresh token (RFC 6749 §6): the grant that a login begins. */
export const refreshTokenGrant: Grant = { request: refreshRequest, judge: judgeAnswer };

/** What came of a request that was to be sent once. */
export type Sent =
  | (Outcome & { readonly cause?: Error | undefined })
  /** It never left. */
  | { readonly kind: 'unsent'; readonly cause: Error | undefined }
  /** It may have left, and there is no answer: the refresh token may be spent. */
  | {
      readonly kind: 'lost';
      readonly cause: Error | undefined;
      /** The transport took it to another address. Sent again, it would go there again. */
      readonly strayed: boolean;
    };

/** Tokens that can be revoked. */
export interface RevocableTokens {
  readonly refreshToken?: string | undefined;
  readonly accessToken?: string | undefined;
}

/** A grant in which everything that can fail before it is sent has already succeeded. */
export interface PreparedGrant {
  readonly secrets: readonly string[];
  /** Sends it, once. Never rejects, and nothing but its own deadline ends it. */
  send(): Promise<Sent>;
}

/** The token and revocation endpoint, for one client. */
export class TokenEndpoint {
  readonly #options: TokenEndpointOptions;

  constructor(options: TokenEndpointOptions) {
    this.#options = options;
  }

  /** The client that sends the requests. */
  get client(): ClientOptions & Carrier {
    return this.#options;
  }

  /** Returns the endpoint for another public client. `undefined`: this one has a secret, and that one's is not known. */
  forPublicClient(clientId: string): TokenEndpoint | undefined {
    const { clientAuthentication, grant } = this.#options;
    const isPublic = clientAuthentication.method === 'none' && grant.cookies === undefined;
    return isPublic ? new TokenEndpoint({ ...this.#options, clientId }) : undefined;
  }

  /** @throws what client authentication and signing a proof throw, and when they do not end. */
  async prepare(
    server: AuthorizationServer,
    asked: Asked,
    prover: Prover | undefined,
  ): Promise<PreparedGrant> {
    const now = () => this.#options.clock.now();
    const make = () => this.#options.grant.request(this.#options, server, asked);
    const request = await within<ProvenRequest>(this.#options, () => prover?.request(make, now) ?? make());
    return { secrets: request.secrets, send: () => this.#send(server, request) };
  }

  /**
   * Revokes the refresh token, and with it its access tokens (RFC 7009 §2.1), or the access token where the server does not
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
    const { cookies } = this.#options.grant;
    const make = () => revokeRequest(this.#options, server, token, hint);
    try {
      const request = cookies?.end() ?? (await within(this.#options, make));
      return await sendRevocation(request, this.#options);
    } catch (error) {
      return notRevoked('not_sent', { cause: safeCause(error, [token]) });
    }
  }

  async #send({ profile }: AuthorizationServer, request: ProvenRequest): Promise<Sent> {
    try {
      const { trouble, ...answer } = await roundTrip(request, this.#options);
      const outcome = this.#options.grant.judge(answer, profile, this.#options.clock.now());
      const cause = trouble ?? (outcome.kind === 'refused' ? outcome.trouble : undefined);
      if (cause === undefined) return outcome;
      return { ...outcome, cause: isMisconfigured(cause) ? cause : safeCause(cause, request.secrets) };
    } catch (error) {
      const cause = safeCause(error, request.secrets);
      const strayed = error instanceof RedirectFollowedError;
      return mayHaveBeenSent(error) ? { kind: 'lost', cause, strayed } : { kind: 'unsent', cause };
    }
  }
}
