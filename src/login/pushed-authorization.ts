/**
 * Pushed authorization requests: the client sends the parameters of a login to the server itself, and the browser carries only
 * a reference to them (RFC 9126).
 *
 * @module
 */

import { requireEndpoint } from '../core/http/endpoint.ts';
import { safeCause } from '../core/http/network-error.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import { nonEmptyString, parseBody } from '../core/oauth/token-grant.ts';
import { isJsonObject, readMember } from '../core/own-members.ts';
import { sendRequest, type TokenHttpResponse } from '../token-endpoint/send-request.ts';
import { pushRequest } from '../token-endpoint/token-request.ts';
import { invalidResponse, loginRefused } from './authorization-response.ts';
import { proveRequest } from './login-key.ts';
import type { LoginClient, LoginRequest } from './login-options.ts';
import { noResponse } from './token-exchange.ts';

/** Checks whether the parameters are pushed. A server that is declared with anything but `false` gets them so: that is the safe side. */
export function isPushed({ server }: LoginClient, { par = 'auto' }: LoginRequest): boolean {
  const { metadata, requirePushedAuthorizationRequests: declared } = server;
  const isRequired = Boolean(declared ?? metadata?.['require_pushed_authorization_requests'] === true);
  return par === 'always' || (par === 'auto' && isRequired);
}

/**
 * Pushes the parameters of an authorization request, as the client that will exchange its code.
 *
 * @returns the `request_uri` under which the server keeps them.
 * @throws ConfigurationError, what client authentication throws, and LoginFailedError: `refused` by the server, `invalid_response`,
 *   `no_response`, or `no_key` when the key cannot sign.
 */
export async function pushAuthorizationRequest(
  client: LoginClient,
  parameters: URLSearchParams,
  dpopKey: DpopKey | undefined,
): Promise<string> {
  const { server } = client;
  const endpoint = endpointOf(server, readMember(client.clientAuthentication, 'mutualTls') === true);
  requireEndpoint('authorizationServer.pushedAuthorizationRequestEndpoint', endpoint);
  const make = () => pushRequest(client, server, endpoint as string, parameters);
  const request = await proveRequest(client, make, dpopKey);
  const response = await sendRequest(request, client).catch((error: unknown) => {
    throw noResponse(safeCause(error, request.secrets));
  });
  // Of the parameters only these two are secret. Ordinary words such as "code" stay readable in the server's error.
  const ordinary = new Set(parameters.values());
  const credentials = request.secrets.filter((one) => !ordinary.has(one));
  const secrets = [...credentials, parameters.get('state') ?? '', parameters.get('nonce') ?? ''];
  const members = grantedMembers(response, secrets);
  const requestUri = String(members['request_uri']);
  // It goes into a URL that browsers and servers record, so it is one plain URI, and repeats no credential of the client.
  const isPlain = /^[a-z][a-z\d+.-]*:[!"$-~]{1,2000}$/i.test(requestUri);
  if (
    !isPlain ||
    !(Number(members['expires_in']) > 0) ||
    credentials.some((one) => one.length > 15 && requestUri.includes(one))
  ) {
    throw invalidResponse('The response to the pushed request has no usable request_uri or expires_in.');
  }
  return requestUri;
}

/** With a certificate (RFC 8705 §5) some servers are reached elsewhere. */
function endpointOf(server: AuthorizationServer, hasCertificate: boolean): unknown {
  const { metadata } = server;
  const name = 'pushed_authorization_request_endpoint';
  const aliases = metadata?.['mtls_endpoint_aliases'];
  const alias =
    server.mtlsEndpointAliases?.pushedAuthorizationRequestEndpoint ??
    (isJsonObject(aliases) ? readMember(aliases, name) : undefined);
  return (
    (hasCertificate ? alias : undefined) ?? server.pushedAuthorizationRequestEndpoint ?? metadata?.[name]
  );
}

/** @throws LoginFailedError for everything but a success. */
function grantedMembers(
  { status, body, nonceError }: TokenHttpResponse,
  secrets: readonly string[],
): Readonly<Record<string, unknown>> {
  if (status < 200 || (status > 299 && status < 400)) {
    throw invalidResponse(
      'The server redirected the pushed request. Set authorizationServer.pushedAuthorizationRequestEndpoint to the final URL.',
    );
  }
  const members = parseBody(body);
  if (!isJsonObject(members) || status === 429 || status > 499) throw noResponse(undefined);
  const error = nonEmptyString(members['error']);
  if (status < 300 && error === undefined) return members;
  const cause = nonceError === undefined ? undefined : safeCause(nonceError, secrets);
  throw loginRefused(error, nonEmptyString(members['error_description']), secrets, cause);
}
