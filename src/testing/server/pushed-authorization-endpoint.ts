/**
 * The pushed authorization request endpoint (RFC 9126): takes the parameters of a login from its client, for one use.
 *
 * @module
 */
import { problemOf } from './authorization-endpoint.ts';
import { checkClient } from './client-check.ts';
import { type EndpointWork, type Exchange, json, type ServerResponse } from './http-exchange.ts';
import { OAuthServerError, responseToError } from './oauth-server-error.ts';
import { readParameters } from './request-parameters.ts';
import type { ServerContext } from './server-context.ts';

/** How long pushed parameters wait for their user, in seconds. */
const lifetime = 60;
/** Credentials of the client, which are no parameters of the login. */
const credentials = ['client_secret', 'client_assertion', 'client_assertion_type'];

/** A request has arrived at the pushed authorization request endpoint. */
export function pushedAuthorizationEndpoint(server: ServerContext, exchange: Exchange): EndpointWork {
  return {
    respond: async () => {
      try {
        return await respond(server, exchange);
      } catch (error) {
        const refusal = responseToError(error);
        const { code, message } = error as OAuthServerError;
        server.journal.write('refused', { error: code, detail: message });
        return refusal;
      }
    },
  };
}

async function respond(server: ServerContext, exchange: Exchange): Promise<ServerResponse> {
  const parameters = readParameters(exchange, 'form');
  const { clientId } = await checkClient(server.settings.clients, parameters, exchange.headers);
  const proof = await server.proofs.verify(exchange, 'token');
  const refuse = (description: string): never => {
    throw new OAuthServerError('invalid_request', description);
  };
  if (parameters.has('request_uri')) refuse('request_uri must not be pushed.');
  if (parameters.get('client_id') !== clientId) refuse('client_id is not the client that authenticates.');
  if (!parameters.has('redirect_uri')) refuse('redirect_uri is missing.');
  const jkt = parameters.get('dpop_jkt');
  if (proof !== undefined && jkt !== null && jkt !== proof.jkt)
    refuse('dpop_jkt is not the key of the proof.');
  const problem = problemOf(parameters);
  if (problem !== undefined) throw new OAuthServerError(problem, 'A parameter of the login is wrong.');
  for (const name of credentials) parameters.delete(name);
  if (proof !== undefined) parameters.set('dpop_jkt', proof.jkt);
  const expiresAt = server.now() + lifetime * 1000;
  const requestUri = server.logins.push({ clientId, parameters, expiresAt });
  server.journal.counts.pushedRequests++;
  server.journal.write('pushedRequest', { clientId });
  const { status, headers, body } = json(201, { request_uri: requestUri, expires_in: lifetime });
  return { status, body, headers: { ...headers, ...proof?.headers } };
}
