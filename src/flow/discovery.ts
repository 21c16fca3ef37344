/**
 * Finding out an authorization server's endpoints (RFC 8414, OpenID Connect Discovery). Metadata may be fetched as often
 * as it takes, so ky's retries serve it.
 *
 * @module
 */
import ky from 'ky';
import {
  allowInsecureRequests,
  customFetch,
  discoveryRequest,
  type AuthorizationServer as Metadata,
  processDiscoveryResponse,
} from 'oauth4webapi';
import type { AuthorizationServer, ProviderProfile } from '../core/authorization-server.ts';
import type { Transport } from '../core/contracts.ts';
import { requireEndpoint } from '../core/endpoint.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { AuthorizationServerOption } from './authorization-server-source.ts';
import { readText, tooLarge } from './read-text.ts';

/** How to discover. */
export interface DiscoverOptions {
  /** What carries the request. @default the platform's `fetch` */
  readonly fetch?: Transport;
  /** How long one attempt may take, in ms. @default 10_000 */
  readonly timeout?: number;
  /** How the server deviates from the textbook, which its metadata does not say. */
  readonly profile?: ProviderProfile;
}

/**
 * Finds out an authorization server's endpoints from its issuer identifier, when they are first needed. The document
 * must name the very issuer that was asked for (RFC 8414 §3.3), or it is not used and nothing is sent anywhere.
 *
 * @example
 * ```ts
 * import { discover, TokenManager } from 'tokenkeep';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: discover('https://as.example.com'),
 *   protectedResources: ['https://api.example.com/'],
 * });
 * ```
 * @throws ConfigurationError when `issuer` is no https URL (http: only on loopback).
 */
export function discover(
  issuer: string,
  options: DiscoverOptions = {},
): Extract<AuthorizationServerOption, (...none: never) => unknown> {
  requireEndpoint('discover(issuer)', issuer);
  // As it is now: when the application later puts `manager.fetch` in its place, a refresh must not wait for itself.
  const transport = options.fetch ?? globalThis.fetch;
  const find = async () => toServer(await metadataOf(issuer, { ...options, transport }), options.profile);
  return Object.assign(find, { issuer });
}

interface Search extends DiscoverOptions {
  readonly transport: Transport;
}

/** Statuses that may be others a moment later. */
const inTrouble: readonly number[] = [429, 500, 502, 503, 504];

/** OpenID Connect appends the well-known path, RFC 8414 inserts it: for an issuer with a path they differ. */
async function metadataOf(issuer: string, options: Search): Promise<Metadata> {
  const url = new URL(issuer);
  let refusal: unknown;
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    try {
      const response = await discoveryRequest(url, {
        algorithm,
        [allowInsecureRequests]: url.protocol === 'http:',
        [customFetch]: (address, init) => request(address, init.headers, options),
      });
      if (response.ok) return requireIssuer(issuer, await processDiscoveryResponse(url, response));
      refusal = new Error(`The metadata document was answered with ${response.status}.`);
    } catch (error) {
      if (error instanceof ConfigurationError) throw error;
      refusal = error;
    }
  }
  throw new ConfigurationError(
    'Discovery failed: no metadata document of this issuer could be read. Check the issuer and the network.',
    { cause: refusal },
  );
}

/** oauth4webapi compares as URLs; the standard, and what a session is bound to, as text (RFC 8414 §3.3). */
function requireIssuer(issuer: string, metadata: Metadata): Metadata {
  if (metadata.issuer === issuer) return metadata;
  throw new ConfigurationError(
    `Discovery failed: the server writes its issuer ${JSON.stringify(metadata.issuer)}. Write it the same way.`,
  );
}

async function request(address: string, headers: Record<string, string>, options: Search): Promise<Response> {
  const { transport, timeout = 10_000 } = options;
  const response = await ky(address, {
    headers,
    redirect: 'manual',
    // Not a method call: a bare `fetch` must not get a `this`.
    fetch: (input, settings) => transport(input, settings),
    retry: { limit: 2, statusCodes: [...inTrouble], maxRetryAfter: 2_000 },
    // ky tries again only what it would throw for.
    throwHttpErrors: (status) => inTrouble.includes(status),
    timeout,
  });
  const text = await readText(response);
  if (text === tooLarge) throw new Error('The metadata document is larger than 1 MiB.');
  return new Response(text, { status: response.status, headers: response.headers });
}

function toServer(metadata: Metadata, profile: ProviderProfile | undefined): AuthorizationServer {
  const { issuer, token_endpoint, revocation_endpoint, authorization_endpoint, mtls_endpoint_aliases } =
    metadata;
  if (token_endpoint === undefined) {
    throw new ConfigurationError('Discovery failed: the metadata document names no token_endpoint.');
  }
  const { token_endpoint: token, revocation_endpoint: revocation } = mtls_endpoint_aliases ?? {};
  return {
    issuer,
    tokenEndpoint: token_endpoint,
    ...(revocation_endpoint && { revocationEndpoint: revocation_endpoint }),
    ...(authorization_endpoint && { authorizationEndpoint: authorization_endpoint }),
    mtlsEndpointAliases: {
      ...(token && { tokenEndpoint: token }),
      ...(revocation && { revocationEndpoint: revocation }),
    },
    metadata,
    ...(profile && { profile }),
  };
}
