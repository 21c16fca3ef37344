/**
 * Requests for the token and revocation endpoint, built by oauth4webapi, which knows client authentication. It only
 * builds: its reader of answers is so strict that it would lose rotated refresh tokens.
 *
 * @module
 */
import {
  allowInsecureRequests,
  type ClientAuth,
  type CustomFetchOptions,
  clientCredentialsGrantRequest,
  customFetch,
  deviceAuthorizationRequest,
  genericTokenEndpointRequest,
  type AuthorizationServer as Metadata,
  refreshTokenGrantRequest,
  revocationRequest,
} from 'oauth4webapi';
import type { AuthorizationServer } from '../core/authorization-server.ts';
import type { Asked, BuiltRequest, ClientOptions } from '../core/grant.ts';

/** The request of a refresh grant (RFC 6749 §6). */
export function refreshRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  asked: Asked,
): Promise<BuiltRequest> {
  return caught(client, server, (capture) =>
    refreshTokenGrantRequest(...credentials(client, server), asked.refreshToken, {
      ...capture,
      additionalParameters: parametersFor(client, asked),
      headers: client.headers,
    }),
  );
}

/** The request of a grant that needs nothing but the client itself (RFC 6749 §4.4.2). */
export function clientCredentialsRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  asked: Asked,
): Promise<BuiltRequest> {
  return caught(client, server, (capture) =>
    clientCredentialsGrantRequest(...credentials(client, server), parametersFor(client, asked), {
      ...capture,
      headers: client.headers,
    }),
  );
}

function parametersFor({ parameters }: ClientOptions, { scope = [], resource = [] }: Asked): URLSearchParams {
  const all = new URLSearchParams(parameters);
  if (scope.length > 0) all.set('scope', scope.join(' '));
  for (const one of resource) all.append('resource', one);
  return all;
}

/** The request that ends a token (RFC 7009 §2.1). */
export function revokeRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  token: string,
  hint: string,
): Promise<BuiltRequest> {
  return caught(client, revoking(server), (capture) =>
    revocationRequest(...credentials(client, server), token, {
      ...capture,
      additionalParameters: { token_type_hint: hint },
      headers: client.headers,
    }),
  );
}

/** The request of another grant: a code (RFC 6749 §4.1.3), a device code (RFC 8628 §3.4). */
export function grantRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  grantType: string,
  parameters: Readonly<Record<string, string>>,
): Promise<BuiltRequest> {
  const all = { ...client.parameters, ...parameters };
  return caught(client, server, (capture) =>
    genericTokenEndpointRequest(...credentials(client, server), grantType, all, {
      ...capture,
      headers: client.headers,
    }),
  );
}

/** The request by which a device asks for a code that its user enters elsewhere (RFC 8628 §3.1). */
export function deviceRequest(
  client: ClientOptions,
  server: AuthorizationServer,
  endpoint: string,
  parameters: URLSearchParams,
): Promise<BuiltRequest> {
  const [metadata, ...others] = credentials(client, server);
  return caught(client, server, (capture) =>
    deviceAuthorizationRequest(
      { ...metadata, device_authorization_endpoint: endpoint },
      ...others,
      parameters,
      {
        ...capture,
        headers: client.headers,
      },
    ),
  );
}

interface Capture {
  readonly [customFetch]: (
    url: string,
    init: CustomFetchOptions<'POST', URLSearchParams>,
  ) => Promise<Response>;
  readonly [allowInsecureRequests]: boolean;
}

/** Has oauth4webapi make a request, and catches it where it would be sent. */
async function caught(
  client: ClientOptions,
  server: AuthorizationServer,
  make: (capture: Capture) => Promise<unknown>,
): Promise<BuiltRequest> {
  let built: BuiltRequest | undefined;
  await make({
    [customFetch]: async (url, init) => {
      const headers = new Headers(init.headers);
      const secrets = [...Object.values(client.headers), ...secretsOf(init.body, headers)];
      const body = encode(init.body, headers, server.profile?.requestEncoding);
      built = { url, secrets, init: { method: 'POST', headers, body, redirect: 'manual' } };
      return new Response(null);
    },
    // https, or http on loopback: that is checked where the server becomes known. oauth4webapi knows no loopback.
    [allowInsecureRequests]: true,
  });
  if (built === undefined) throw new TypeError('The request was not built.');
  return built;
}

function credentials(
  { clientId, clientAuthentication }: ClientOptions,
  server: AuthorizationServer,
): readonly [Metadata, { readonly client_id: string }, ClientAuth] {
  const aliases = clientAuthentication.mutualTls === true ? server.mtlsEndpointAliases : undefined;
  const revocationEndpoint = aliases?.revocationEndpoint ?? server.revocationEndpoint;
  const metadata: Metadata = {
    issuer: server.issuer ?? server.tokenEndpoint,
    token_endpoint: aliases?.tokenEndpoint ?? server.tokenEndpoint,
    ...(revocationEndpoint && { revocation_endpoint: revocationEndpoint }),
  };
  const authenticate: ClientAuth = (_server, _client, parameters, headers) =>
    clientAuthentication.authenticate({ clientId, authorizationServer: server, parameters, headers });
  return [metadata, { client_id: clientId }, authenticate];
}

/** Intuit takes forms at one of them and JSON at the other. */
function revoking(server: AuthorizationServer): AuthorizationServer {
  const { revocationEncoding } = server.profile ?? {};
  if (revocationEncoding === undefined) return server;
  return { ...server, profile: { ...server.profile, requestEncoding: revocationEncoding } };
}

/** ReachFive and others take JSON only. */
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

/** The secret in credentials of Basic, as it was encoded and as it is. What it cannot be read from is of another scheme. */
function passwordOf(credentials: string): string[] {
  try {
    const pair = new TextDecoder().decode(Uint8Array.from(atob(credentials), (byte) => byte.charCodeAt(0)));
    const password = pair.slice(pair.indexOf(':') + 1);
    return [password, new URLSearchParams(`=${password}`).get('') ?? ''];
  } catch {
    return [];
  }
}
