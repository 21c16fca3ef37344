/**
 * Requests for the token and revocation endpoint. They are forms (RFC 6749 Appendix B), built without a library, so that
 * tokenkeep loads where oauth4webapi does not, because that needs a `TextDecoder` at once.
 *
 * @module
 */

import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { BuiltRequest, ClientOptions, RefreshParameters } from '../core/oauth/grant.ts';
import { emptyObject, readMember } from '../core/own-members.ts';
import { fromUtf8 } from '../core/utf8.ts';

/** Returns the request of a refresh grant (RFC 6749 §6). */
export function refreshRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  requested: RefreshParameters,
): Promise<BuiltRequest> {
  const parameters = parametersFor(client, requested);
  parameters.set('refresh_token', requested.refreshToken);
  return tokenRequest(client, server, 'refresh_token', parameters);
}

/** Returns the request of a grant for the client itself (RFC 6749 §4.4.2). */
export function clientCredentialsRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  requested: RefreshParameters,
): Promise<BuiltRequest> {
  return tokenRequest(client, server, 'client_credentials', parametersFor(client, requested));
}

function parametersFor(
  { parameters }: ClientOptions,
  { scope = [], resource = [] }: RefreshParameters,
): URLSearchParams {
  const all = new URLSearchParams(parameters);
  if (scope.length > 0) all.set('scope', scope.join(' '));
  for (const one of resource) all.append('resource', one);
  return all;
}

/** Returns the request of another grant: a code (RFC 6749 §4.1.3), a device code (RFC 8628 §3.4). */
export function grantRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  grantType: string,
  parameters: Readonly<Record<string, string>>,
): Promise<BuiltRequest> {
  const all = new URLSearchParams({ ...client.parameters, ...parameters });
  return tokenRequest(client, server, grantType, all);
}

function tokenRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  grantType: string,
  parameters: URLSearchParams,
): Promise<BuiltRequest> {
  parameters.set('grant_type', grantType);
  return buildTokenRequest(client, server, endpointFor(client, server, 'tokenEndpoint'), parameters);
}

/** Returns the request that revokes a token (RFC 7009 §2.1). */
export function revokeRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  token: string,
  hint: string,
): Promise<BuiltRequest> {
  const parameters = new URLSearchParams({ token_type_hint: hint, token });
  const endpoint = endpointFor(client, server, 'revocationEndpoint');
  const { requestEncoding, revocationEncoding = requestEncoding } = server.profile ?? emptyObject;
  // Intuit requires forms at one endpoint and JSON at the other.
  const form = { endpoint, parameters, accept: undefined, encoding: revocationEncoding };
  return buildRequest(client, server, form);
}

/** Returns the request of a device for a code that its user enters elsewhere (RFC 8628 §3.1). */
export function deviceRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  endpoint: string,
  parameters: URLSearchParams,
): Promise<BuiltRequest> {
  const all = new URLSearchParams(parameters);
  all.set('client_id', client.clientId);
  return buildTokenRequest(client, server, endpoint, all);
}

/** The request that leaves the parameters of a login with the server (RFC 9126 §2.1): a form, whatever the token endpoint takes. */
export function pushRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  endpoint: string,
  given: URLSearchParams,
): Promise<BuiltRequest> {
  const parameters = new URLSearchParams(given);
  return buildRequest(client, server, { endpoint, parameters, accept: 'application/json', encoding: 'form' });
}

interface Form {
  readonly endpoint: string;
  readonly parameters: URLSearchParams;
  readonly accept: string | undefined;
  readonly encoding: 'form' | 'json' | undefined;
}

function buildTokenRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  endpoint: string,
  parameters: URLSearchParams,
): Promise<BuiltRequest> {
  const encoding = server.profile?.requestEncoding;
  return buildRequest(client, server, { endpoint, parameters, accept: 'application/json', encoding });
}

/** Builds a request. The client authentication runs last, because it changes headers and parameters, and may read both. */
async function buildRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  { endpoint, parameters, accept, encoding }: Form,
): Promise<BuiltRequest> {
  const { clientId, clientAuthentication } = client;
  const { href: url } = new URL(endpoint);
  const headers = new Headers(client.headers);
  if (accept === undefined) headers.delete('accept');
  else headers.set('accept', accept);
  const authenticating = clientAuthentication.authenticate({
    clientId,
    authorizationServer: server,
    parameters,
    headers,
  });
  if (authenticating !== undefined) await authenticating;
  headers.set('content-type', 'application/x-www-form-urlencoded;charset=UTF-8');
  const secrets = [...Object.values(client.headers), ...secretsOf(parameters, headers)];
  const body = encode(parameters, headers, encoding);
  return { url, secrets, init: { method: 'POST', headers, body, redirect: 'manual' } };
}

/** Returns the URL of an endpoint. With a certificate (RFC 8705 §5) some servers have other URLs. */
function endpointFor(
  { clientAuthentication }: ClientOptions,
  server: AuthorizationServer,
  name: 'tokenEndpoint' | 'revocationEndpoint',
): string {
  const hasCertificate = readMember(clientAuthentication, 'mutualTls') === true;
  return (hasCertificate ? server.mtlsEndpointAliases?.[name] : undefined) ?? server[name] ?? '';
}

/** Encodes the parameters. ReachFive and others accept JSON only. */
function encode(parameters: URLSearchParams, headers: Headers, encoding: 'form' | 'json' = 'form'): string {
  if (encoding === 'form') return parameters.toString();
  headers.set('content-type', 'application/json');
  const members = [...new Set(parameters.keys())].map((name) => {
    const values = parameters.getAll(name);
    return [name, values.length === 1 ? values[0] : values];
  });
  return JSON.stringify(Object.fromEntries(members));
}

const publicParameters: ReadonlySet<string> = new Set([
  'grant_type',
  'client_id',
  'scope',
  'resource',
  'token_type_hint',
  'client_assertion_type',
]);

function secretsOf(parameters: URLSearchParams, headers: Headers): string[] {
  const values = [...parameters].filter(([name]) => !publicParameters.has(name)).map(([, value]) => value);
  const credentials = headers.get('authorization')?.split(' ', 2)[1];
  return credentials === undefined ? values : [...values, credentials, ...passwordOf(credentials)];
}

/**
 * Returns the secret in credentials of Basic, encoded and decoded. Credentials from which it cannot be read are of another
 * scheme.
 */
function passwordOf(credentials: string): string[] {
  try {
    const pair = fromUtf8(atob(credentials));
    const password = pair.slice(pair.indexOf(':') + 1);
    return [password, new URLSearchParams(`=${password}`).get('') ?? ''];
  } catch {
    return [];
  }
}
