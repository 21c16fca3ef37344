/**
 * The client's own credentials in place of a user's refresh token (RFC 6749 §4.4).
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { checkIndicators, checkScope } from '../core/http/protected-resource.ts';
import type { ClientCredentialsGrant } from '../core/oauth/grant.ts';
import { parseTokenResponse, type TokenResponseOutcome } from '../core/oauth/token-response.ts';
import { clientCredentialsRequest } from '../token-endpoint/token-request.ts';

/** Options of {@link clientCredentials}. */
export interface ClientCredentialsOptions {
  /** Scopes to request, if a protected resource or `getAccessToken()` names none. @default the client's default */
  readonly scope?: readonly string[] | undefined;
  /** Resource indicators to request (RFC 8707), if a protected resource or `getAccessToken()` names none. */
  readonly resource?: string | readonly string[] | undefined;
}

/**
 * Returns the grant for access tokens of the client itself, machine to machine and without a login (RFC 6749 §4.4). The first call
 * requests a token. A new one is requested on the same evidence as with a refresh token, once for all callers, processes and
 * machines that share the storage. A request consumes no refresh token, so it is repeated safely after a lost response, and no
 * error of the server ends the session. `signOut()` revokes and deletes the token, and the next call requests another one.
 *
 * @example
 * ```ts
 * import { discover, TokenManager } from 'tokenkeep';
 * import { clientCredentials, clientSecretBasic } from 'tokenkeep/client-authentication';
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
 * @throws ConfigurationError for an invalid scope or resource. The manager throws it if the option `clientAuthentication` is
 *   missing.
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
        explain(
          'client-authentication',
          'clientCredentials() needs the option clientAuthentication: without it anyone could be this client.',
        ),
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

/** Drops a refresh token (RFC 6749 §4.4.3), and keeps the session alive: no grant can be dead, and no user could sign in again. */
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
