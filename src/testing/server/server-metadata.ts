/**
 * The metadata of RFC 8414, as a document and as the `authorizationServer` of a `TokenManager`.
 *
 * @module
 */
import type { AuthorizationServer } from '../../core/oauth/authorization-server.ts';
import type { ProviderProfile } from '../../core/oauth/provider-profile.ts';
import type { EndpointName } from './http-exchange.ts';
import { proofAlgorithms } from './proof-check.ts';
import type { ServerSettings } from './server-settings.ts';

/** Returns the document that the server publishes. */
export function metadataDocument(issuer: string, settings: ServerSettings): Record<string, unknown> {
  const base = issuer.replace(/\/$/, '');
  const { authorizationEndpoint, tokenEndpoint, revocationEndpoint, pushedAuthorizationRequestEndpoint } =
    endpointsAt(issuer, settings);
  return {
    issuer,
    authorization_endpoint: authorizationEndpoint,
    token_endpoint: tokenEndpoint,
    ...(revocationEndpoint !== undefined && { revocation_endpoint: revocationEndpoint }),
    pushed_authorization_request_endpoint: pushedAuthorizationRequestEndpoint,
    require_pushed_authorization_requests: settings.requirePushedAuthorizationRequests,
    introspection_endpoint: `${base}/introspect`,
    dpop_signing_alg_values_supported: proofAlgorithms,
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: settings.dialect.namesIssuer !== false,
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
  };
}

/** Returns the server as the option of a `TokenManager`. */
export function authorizationServerMetadata(issuer: string, settings: ServerSettings): AuthorizationServer {
  const { profile, requestEncoding, dialect } = settings;
  const { revocationEncoding, revokes } = dialect;
  const declared: ProviderProfile = {
    ...('ms' in profile && { reuseWindow: profile.ms }),
    ...(requestEncoding === 'json' && { requestEncoding }),
    ...(revocationEncoding && { revocationEncoding }),
    ...(revokes && { revokes }),
  };
  return {
    issuer,
    ...endpointsAt(issuer, settings),
    metadata: metadataDocument(issuer, settings),
    ...(Object.keys(declared).length > 0 && { profile: declared }),
  };
}

/** Returns the endpoints for a client with this issuer: on loopback, if it uses HTTP. */
function endpointsAt(
  issuer: string,
  settings: ServerSettings,
): Pick<
  AuthorizationServer,
  'authorizationEndpoint' | 'tokenEndpoint' | 'revocationEndpoint' | 'pushedAuthorizationRequestEndpoint'
> {
  const own = `${new URL(settings.issuer).origin}/`;
  const seen = (url: string) =>
    url.startsWith(own) ? `${new URL(issuer).origin}/${url.slice(own.length)}` : url;
  const { authorizationEndpoint, tokenEndpoint, revocationEndpoint } = settings;
  return {
    authorizationEndpoint: seen(authorizationEndpoint),
    pushedAuthorizationRequestEndpoint: seen(settings.pushedAuthorizationRequestEndpoint),
    tokenEndpoint: seen(tokenEndpoint),
    ...(revocationEndpoint !== undefined && { revocationEndpoint: seen(revocationEndpoint) }),
  };
}

/** Returns the endpoints by their URLs without a query. */
export function endpointsByUrl(settings: ServerSettings): ReadonlyMap<string, EndpointName> {
  const { origin, pathname } = new URL(settings.issuer);
  const path = pathname.replace(/\/$/, '');
  const { authorizationEndpoint, tokenEndpoint, revocationEndpoint } = settings;
  return new Map<string, EndpointName>([
    [authorizationEndpoint, 'authorization'],
    [settings.pushedAuthorizationRequestEndpoint, 'pushed'],
    [tokenEndpoint, 'token'],
    ...(revocationEndpoint === undefined ? [] : [[revocationEndpoint, 'revocation'] as const]),
    [`${origin}${path}/introspect`, 'introspection'],
    [`${origin}/.well-known/oauth-authorization-server${path}`, 'metadata'],
    [`${origin}${path}/.well-known/openid-configuration`, 'metadata'],
  ]);
}
