/**
 * The client's own credentials in place of a user's refresh token (RFC 6749 §4.4).
 *
 * @module
 */
import { ConfigurationError } from '../core/errors.ts';
import { checkIndicators, checkScope } from '../core/http/protected-resource.ts';
import type { ClientCredentialsGrant } from '../core/oauth/grant.ts';
import { parseTokenResponse, type TokenResponseOutcome } from '../core/oauth/token-response.ts';
import { clientCredentialsRequest } from './token-request.ts';

/** See {@link clientCredentials}. */
export interface ClientCredentialsOptions {
  /** Scopes to ask for, where a protected resource or `getAccessToken()` names none. @default the client's default */
  readonly scope?: readonly string[] | undefined;
  /** Resource indicators to ask with (RFC 8707), likewise. */
  readonly resource?: string | readonly string[] | undefined;
}

/**
 * Access tokens for the client itself, machine to machine: nobody signs in, the first call gets a token. A new one is got on the
 * same evidence as by a refresh token, once for all callers, processes and machines that share the storage. Nothing is
 * spent by asking, so an answer that was lost does no harm, and no refusal is the end: `signOut()` revokes the token and
 * forgets it, and the next call gets another one.
 *
 * @example
 * ```ts
 * import { clientCredentials, clientSecretBasic, discover, TokenManager } from 'tokenkeep';
 *
 * const manager = new TokenManager({
 *   clientId: 'nightly-report',
 *   clientAuthentication: clientSecretBasic('a secret'),
 *   authorizationServer: discover('https://auth.example.com'),
 *   grant: clientCredentials({ scope: ['orders:read'] }),
 *   protectedResources: ['https://api.example.com/'],
 * });
 * const orders = await manager.fetch('https://api.example.com/orders');
 * ```
 * @throws ConfigurationError for a scope or resource that no server could be asked for. The manager throws it for a client
 *   that has no way to prove who it is.
 * @see RFC 6749 §4.4
 */
export function clientCredentials(options: ClientCredentialsOptions = {}): ClientCredentialsGrant {
  const scope = options.scope && checkScope(options.scope, 'clientCredentials(): scope');
  const resource =
    options.resource === undefined
      ? undefined
      : checkIndicators(options.resource, 'clientCredentials(): resource');
  return {
    kind: 'client-credentials',
    check({ options: { clientAuthentication } }: { options: { clientAuthentication?: unknown } }) {
      if (clientAuthentication !== undefined) return;
      throw new ConfigurationError(
        'clientCredentials() needs the option clientAuthentication: without it anyone could be this client.',
      );
    },
    request: (client, server, requested) =>
      clientCredentialsRequest(client, server, {
        ...requested,
        scope: requested.scope ?? scope,
        resource: requested.resource ?? resource,
      }),
    parseResponse: (answer, profile, now) => withoutTermination(parseTokenResponse(answer, profile, now)),
  };
}

/** There is no grant that could be dead, no user who could do something, and a refresh token is not for us (RFC 6749 §4.4.3). */
function withoutTermination(outcome: TokenResponseOutcome): TokenResponseOutcome {
  if (outcome.kind === 'granted') {
    const { grant } = outcome;
    return { ...outcome, grant: { ...grant, refreshToken: undefined, refreshTokenLifetime: undefined } };
  }
  const isEnd =
    outcome.kind === 'refused' &&
    (outcome.failure === 'invalid-grant' || outcome.failure === 'interaction-required');
  return isEnd ? { ...outcome, failure: 'client' } : outcome;
}
