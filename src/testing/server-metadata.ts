/**
 * Where everything is: the metadata of RFC 8414, as a document and in the shape that a `TokenManager` takes.
 *
 * @module
 */
import type { AuthorizationServer, ProviderProfile } from '../core/authorization-server.ts';
import { proofAlgorithms } from './proof-check.ts';
import type { Settings } from './settings.ts';
import type { EndpointName } from './wire.ts';

/** The document that the server publishes. */
export function metadataDocument(issuer: string): Record<string, unknown> {
  const base = issuer.replace(/\/$/, '');
  return {
    issuer,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    revocation_endpoint: `${base}/revoke`,
    introspection_endpoint: `${base}/introspect`,
    dpop_signing_alg_values_supported: proofAlgorithms,
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    revocation_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
  };
}

/** The server as an application names it to its `TokenManager`. */
export function authorizationServerMetadata(issuer: string, settings: Settings): AuthorizationServer {
  const base = issuer.replace(/\/$/, '');
  const { profile, requestEncoding } = settings;
  const declared: ProviderProfile = {
    ...('ms' in profile && { reuseWindow: profile.ms }),
    ...(requestEncoding === 'json' && { requestEncoding }),
  };
  return {
    issuer,
    authorizationEndpoint: `${base}/authorize`,
    tokenEndpoint: `${base}/token`,
    revocationEndpoint: `${base}/revoke`,
    metadata: metadataDocument(issuer),
    ...(Object.keys(declared).length > 0 && { profile: declared }),
  };
}

/** The endpoints of an issuer by their paths. */
export function endpointPaths(issuer: string): ReadonlyMap<string, EndpointName> {
  const path = new URL(issuer).pathname.replace(/\/$/, '');
  return new Map<string, EndpointName>([
    [`${path}/authorize`, 'authorization'],
    [`${path}/token`, 'token'],
    [`${path}/revoke`, 'revocation'],
    [`${path}/introspect`, 'introspection'],
    [`/.well-known/oauth-authorization-server${path}`, 'metadata'],
    [`${path}/.well-known/openid-configuration`, 'metadata'],
  ]);
}
