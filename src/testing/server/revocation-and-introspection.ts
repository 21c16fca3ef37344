/**
 * The revocation endpoint (RFC 7009) and the introspection endpoint (RFC 7662).
 *
 * @module
 */
import { checkClient } from './client-check.ts';
import type { EndpointWork, Exchange, ServerResponse } from './http-exchange.ts';
import { json } from './http-exchange.ts';
import type { AccessToken, RefreshToken } from './issued-tokens.ts';
import { OAuthServerError, responseToError } from './oauth-server-error.ts';
import { peekParameters, readParameters } from './request-parameters.ts';
import type { ServerContext } from './server-context.ts';

type Token = AccessToken | RefreshToken;

/** Handles a request to the revocation endpoint. */
export function revocationEndpoint(server: ServerContext, exchange: Exchange): EndpointWork {
  const { revocationEncoding, revokes, revoked } = server.settings.dialect;
  return tokenService(server, exchange, revocationEncoding, (token, clientId) => {
    if (token && revokes !== undefined && revokes !== token.kind) {
      throw new OAuthServerError('invalid_request', 'Tokens of this kind are not revoked here.');
    }
    if (token && token.family.clientId !== clientId) {
      throw new OAuthServerError('unauthorized_client', 'The token was issued to another client.');
    }
    server.journal.counts.revocations++;
    server.journal.write('revocation', { family: token?.family.id, token: token?.id, clientId });
    if (token?.kind === 'access_token') token.ended = true;
    else if (token) server.revoke(token.family, 'the client revoked its refresh token');
    return revoked ?? { status: 200, headers: { 'cache-control': 'no-store' }, body: '' };
  });
}

/** Handles a request to the introspection endpoint. */
export function introspectionEndpoint(server: ServerContext, exchange: Exchange): EndpointWork {
  return tokenService(server, exchange, undefined, (token) => {
    server.journal.counts.introspections++;
    server.journal.write('introspection', { family: token?.family.id, token: token?.id });
    return json(200, token && server.ledger.isActive(token) ? claimsOf(server, token) : { active: false });
  });
}

function tokenService(
  server: ServerContext,
  exchange: Exchange,
  encoding: 'form' | 'json' | undefined,
  serve: (token: Token | undefined, clientId: string) => ServerResponse,
): EndpointWork {
  const find = (text: string): Token | undefined =>
    server.ledger.refreshToken(text) ?? server.ledger.accessToken(text);
  const respond = async (): Promise<ServerResponse> => {
    try {
      const parameters = readParameters(exchange, encoding ?? server.settings.requestEncoding);
      const client = await checkClient(server.settings.clients, parameters, exchange.headers);
      const text = parameters.get('token');
      if (text === null) throw new OAuthServerError('invalid_request', 'token is missing.');
      return serve(find(text), client.clientId);
    } catch (error) {
      const refusal = responseToError(error);
      const { code, message } = error as OAuthServerError;
      server.journal.write('refused', { error: code, detail: message });
      return refusal;
    }
  };
  return { token: find(peekParameters(exchange).get('token') ?? '')?.id, respond };
}

function claimsOf({ settings }: ServerContext, token: Token): object {
  const { family } = token;
  const isAccessToken = token.kind === 'access_token';
  const expiresAt = isAccessToken ? token.expiresAt : family.startedAt + family.lifetime;
  return {
    active: true,
    iss: family.issuer,
    client_id: family.clientId,
    sub: family.subject,
    scope: (isAccessToken ? token.scope : family.scope).join(' '),
    ...(isAccessToken && {
      token_type: token.jkt === undefined ? 'Bearer' : 'DPoP',
      aud: token.audience ?? settings.apiOrigin,
      ...(token.jkt !== undefined && { cnf: { jkt: token.jkt } }),
    }),
    ...(Number.isFinite(expiresAt) && { exp: Math.floor(expiresAt / 1000) }),
  };
}
