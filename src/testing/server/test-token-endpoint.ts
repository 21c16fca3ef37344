/**
 * The token endpoint: the refresh grant of RFC 6749 §6, with the reuse detection of RFC 9700 §4.14.2, and client credentials.
 *
 * @module
 */

import { parseUrl } from '../../core/http/url.ts';
import type { TokenResponse } from '../../core/oauth/token-set.ts';
import { exchangeCode } from './authorization-endpoint.ts';
import { checkClient } from './client-check.ts';
import { grantedResponse, refusedResponse } from './dialect.ts';
import { DpopProofError } from './dpop-proof-error.ts';
import type { GrantRequest } from './grant-request.ts';
import type { EndpointWork, Exchange, ServerResponse } from './http-exchange.ts';
import type { RefreshToken } from './issued-tokens.ts';
import { OAuthServerError } from './oauth-server-error.ts';
import { peekParameters, readParameters } from './request-parameters.ts';
import type { ServerContext } from './server-context.ts';
import type { RequestedToken } from './token-ledger.ts';

/** Grants by `grant_type`. */
export type Grants = Readonly<
  Record<string, (server: ServerContext, request: GrantRequest) => TokenResponse | Promise<TokenResponse>>
>;

const grants: Grants = {
  authorization_code: exchangeCode,
  refresh_token: refresh,
  client_credentials: clientCredentials,
};

/** Counts a request to the token endpoint. Returns the work for it. */
export function tokenEndpoint(server: ServerContext, exchange: Exchange): EndpointWork {
  server.journal.counts.tokenRequests++;
  const presented = peekParameters(exchange).get('refresh_token');
  const token = presented ? server.ledger.refreshToken(presented) : undefined;
  if (presented) server.journal.counts.refreshAttempts++;
  if (token) countArrival(server, token);
  return {
    token: token?.id,
    respond: () => respond(server, exchange, token),
    onFailure: () => token && server.ledger.failed(token),
    onEnd() {
      if (token) token.family.inFlight--;
    },
  };
}

function countArrival({ journal: { counts } }: ServerContext, token: RefreshToken): void {
  if (token.sent++ > 0) counts.refreshTokensResent++;
  token.family.inFlight++;
  counts.peakConcurrentRefreshes = Math.max(counts.peakConcurrentRefreshes, token.family.inFlight);
}

async function respond(
  server: ServerContext,
  exchange: Exchange,
  token: RefreshToken | undefined,
): Promise<ServerResponse> {
  try {
    const parameters = readParameters(exchange, server.settings.requestEncoding);
    const client = await checkClient(server.settings.clients, parameters, exchange.headers);
    const proof = await server.proofs.verify(exchange, 'token');
    if (proof === undefined && server.settings.dpop.required) server.proofs.missing();
    const grant = parameters.get('grant_type');
    if (grant === null) throw new OAuthServerError('invalid_request', 'grant_type is missing.');
    const give = Object.hasOwn(grants, grant) ? grants[grant] : undefined;
    if (!give) throw new OAuthServerError('unsupported_grant_type', 'This grant is not supported.');
    const tokens = await give(server, { client, parameters, exchange, jkt: proof?.jkt });
    const granted = grantedResponse(server.settings.dialect, tokens, exchange.headers.get('accept'));
    return { ...granted, headers: { ...granted.headers, ...proof?.headers } };
  } catch (error) {
    const refusal = refusedResponse(server.settings.dialect, error);
    if (error instanceof DpopProofError) {
      if (token) token.sent--; // it was not read
    } else if (token) server.ledger.failed(token);
    const { code, message } = error as OAuthServerError;
    server.journal.write('refused', { token: token?.id, error: code, detail: message });
    return refusal;
  }
}

function refresh(server: ServerContext, request: GrantRequest): TokenResponse {
  const { client, parameters, jkt } = request;
  const text = parameters.get('refresh_token');
  if (text === null) throw new OAuthServerError('invalid_request', 'refresh_token is missing.');
  const token = server.ledger.refreshToken(text);
  if (token?.family.clientId !== client.clientId) {
    throw new OAuthServerError(
      'invalid_grant',
      'The refresh token is unknown, or belongs to another client.',
    );
  }
  // The refresh token of a client without other authentication is bound to the key (RFC 9449 §5).
  const isPublic = client.clientSecret === undefined && client.verify === undefined;
  if (isPublic && token.family.jkt !== undefined && token.family.jkt !== jkt) {
    throw new OAuthServerError('invalid_grant', 'The refresh token is bound to another key.');
  }
  const { use, response } = server.ledger.redeem(token, requestedToken(server, request));
  return response ? granted(server, token, { use, response }) : reused(server, token);
}

/** Issues a token to a confidential client, without a refresh token (RFC 6749 §4.4). */
function clientCredentials(server: ServerContext, request: GrantRequest): TokenResponse {
  const { client, exchange, jkt } = request;
  if (client.clientSecret === undefined && client.verify === undefined) {
    throw new OAuthServerError('unauthorized_client', 'A public client has no credentials.');
  }
  const { settings, ledger, journal } = server;
  const { clientId } = client;
  const { issuer } = exchange.seenAs;
  const start = {
    clientId,
    subject: clientId,
    issuer,
    scope: settings.scope,
    resources: [`${settings.apiOrigin}/`],
    jkt,
  };
  const { family, response } = ledger.issueForClient(start, requestedToken(server, request));
  journal.counts.clientCredentials++;
  journal.write('clientCredentials', { family: family.id, clientId, issued: [family.newest?.id ?? ''] });
  return response;
}

function requestedToken(
  { settings }: ServerContext,
  { parameters, exchange, jkt }: GrantRequest,
): RequestedToken {
  return {
    jkt,
    scope: parameters.get('scope')?.split(' '),
    resource: parameters.getAll('resource').map((url) => asOwnUrl(url, exchange, settings.apiOrigin)),
    issuer: exchange.seenAs.issuer,
  };
}

function granted(
  { journal, ledger }: ServerContext,
  token: RefreshToken,
  { use, response }: { use: string; response: TokenResponse },
): TokenResponse {
  const issued = [
    ledger.accessToken(response.access_token),
    ledger.refreshToken(response.refresh_token ?? ''),
  ];
  const isReplay = use === 'again' || use === 'replay';
  journal.counts[isReplay ? 'replays' : 'refreshes']++;
  journal.write(isReplay ? 'replay' : 'refresh', {
    family: token.family.id,
    token: token.id,
    clientId: token.family.clientId,
    issued: issued.flatMap((one) => (one ? [one.id] : [])),
  });
  return response;
}

function reused(server: ServerContext, token: RefreshToken): never {
  server.journal.counts.reuses++;
  server.journal.write('reuse', { family: token.family.id, token: token.id });
  server.revoke(token.family, 'a used refresh token came again');
  throw new OAuthServerError('invalid_grant', 'The refresh token was used before.');
}

/** Returns a URL of the API as the server's own. Clients over HTTP use its loopback URL. */
function asOwnUrl(resource: string, exchange: Exchange, apiOrigin: string): string {
  const url = parseUrl(resource);
  if (url?.hash !== '') {
    throw new OAuthServerError('invalid_target', 'A resource must be an absolute URL without a fragment.');
  }
  return url.origin === exchange.seenAs.apiOrigin ? apiOrigin + url.pathname + url.search : resource;
}
