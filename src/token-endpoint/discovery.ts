/**
 * Discovery of an authorization server's endpoints (RFC 8414, OpenID Connect Discovery).
 *
 * @module
 */

import { abortable, deadline, delay, platformClock } from '../async/abortable.ts';
import type { Transport } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { requireEndpoint } from '../core/http/endpoint.ts';
import { RedirectFollowedError } from '../core/http/redirect.ts';
import { readRetryAfter } from '../core/http/retry-after.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ProviderProfile } from '../core/oauth/provider-profile.ts';
import { emptyObject, isJsonObject, ownMembers } from '../core/own-members.ts';
import { keepAlive } from '../platform/environment.ts';
import { type AuthorizationServerOption, checkFormerIssuers } from './authorization-server-resolver.ts';
import { readText, sendOnce, tooLarge } from './send-request.ts';

/** Options of {@link discover}. */
export interface DiscoverOptions {
  /** `fetch` implementation used for the request. @default the platform's `fetch` */
  readonly fetch?: Transport | undefined;
  /** Time limit of one attempt, in ms. There are at most three for each document. @default 10_000 */
  readonly timeout?: number | undefined;
  /** Former issuer identifiers of the server. See {@link AuthorizationServer.formerIssuers}. */
  readonly formerIssuers?: readonly string[] | undefined;
  /** Deviations of the server from the standards, which its metadata does not contain. @default none */
  readonly profile?: ProviderProfile | undefined;
}

/**
 * Returns a function that finds an authorization server's endpoints by its issuer identifier (RFC 8414, OpenID Connect
 * Discovery). The metadata document is fetched when it is first needed. Pass the same function to the manager and its logins,
 * so that they share the result. The document must name exactly `issuer` (RFC 8414 §3.3); otherwise it is not used.
 *
 * A call that needs an unusable document rejects with a `ConfigurationError`. If the document cannot be fetched, the session
 * continues: the manager throws `RefreshFailedError`, a login throws `LoginFailedError`, and the next call fetches again.
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
 * @throws ConfigurationError if `issuer` is not an https URL (or http on loopback), or contains `/.well-known/`.
 */
export function discover(
  issuer: string,
  given: DiscoverOptions = emptyObject,
): Extract<AuthorizationServerOption, (...none: never) => unknown> {
  requireEndpoint('discover(issuer)', issuer);
  if (issuer.includes('/.well-known/')) {
    throw new ConfigurationError(
      explain(
        'discover-issuer',
        'discover(issuer): pass the issuer itself, without /.well-known/ and the rest.',
      ),
    );
  }
  const options = ownMembers(given);
  // Read now: if the application later replaces it by `manager.fetch`, a refresh must not wait for itself.
  const transport = options.fetch ?? globalThis.fetch;
  let found: Promise<AuthorizationServer> | undefined;
  checkFormerIssuers(options.formerIssuers, 'discover(issuer, options): formerIssuers');
  const { formerIssuers, profile } = options;
  const find = async () => ({
    ...toServer(await fetchMetadata(issuer, { ...options, transport }), profile),
    formerIssuers,
  });
  const findOnce = () => {
    found ??= keepAlive(find()).catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
  return Object.assign(findOnce, { issuer, profile, formerIssuers });
}

interface DiscoverySettings extends DiscoverOptions {
  readonly transport: Transport;
}

/** Unvalidated members of a metadata document. Only `issuer` has been compared. */
type Metadata = Readonly<Record<string, unknown>> & { readonly issuer: string };

/** Statuses of temporary failures. */
const retryStatuses: readonly number[] = [429, 500, 502, 503, 504];
/** Number of attempts. Fetching metadata changes nothing at the server, so it can be repeated. */
const maxAttempts = 3;
/** Pause before the second attempt in ms, unless the server names one. Each further one is twice as long. */
const retryPause = 300;
/** Longest pause that a server can request, in ms. */
const maxRetryPause = 2_000;

/** Result for a URL without a document. A server that cannot be reached is an error instead. */
const notFound = Symbol('missing');

async function fetchMetadata(issuer: string, options: DiscoverySettings): Promise<Metadata> {
  const errors: unknown[] = [];
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    try {
      const found = await fetchDocument(issuer, algorithm, options);
      if (found !== notFound) return found;
    } catch (error) {
      errors.push(error);
    }
  }
  const configurationError = errors.find((error) => error instanceof ConfigurationError);
  if (configurationError !== undefined) throw configurationError;
  if (errors.length === 0) {
    throw new ConfigurationError(
      `Discovery failed: the server of ${quoted(issuer)} has no metadata document for it. Check the issuer.`,
    );
  }
  throw new Error(
    `Discovery failed: the metadata document of ${quoted(issuer)} could not be read. Check the issuer, and the network.`,
    { cause: errors.at(-1) },
  );
}

/** URLs of the documents. OpenID Connect appends the well-known path, RFC 8414 §3.1 inserts it before the path of the issuer. */
const documentUrls = {
  oidc: (issuer: string) => withPath(issuer, (path) => `${path}/.well-known/openid-configuration`),
  oauth2: (issuer: string) => withPath(issuer, (path) => `/.well-known/oauth-authorization-server${path}`),
};

/** @param change receives the path without a slash at its end */
function withPath(issuer: string, change: (path: string) => string): string {
  const url = new URL(issuer);
  url.pathname = change(url.pathname.replace(/\/$/, ''));
  return url.href;
}

async function fetchDocument(
  issuer: string,
  algorithm: keyof typeof documentUrls,
  options: DiscoverySettings,
): Promise<Metadata | typeof notFound> {
  const { status, ok, text } = await request(documentUrls[algorithm](issuer), options);
  if (status === 404 || status === 410) return notFound;
  if (!ok) throw new Error(`The metadata document returned the status ${status}.`);
  if (text === tooLarge) throw new Error('The metadata document is larger than 1 MiB.');
  const document: unknown = JSON.parse(text);
  if (!isJsonObject(document)) throw new Error('The response is no metadata document.');
  // Compared as text (RFC 8414 §3.3), because sessions are bound to the issuer as text.
  if (document['issuer'] === issuer) return document as Metadata;
  throw new ConfigurationError(
    `Discovery failed: the metadata document of ${quoted(issuer)} says that its issuer is ${quoted(document['issuer'])}. ` +
      'It is not used. Write the issuer exactly as the server does, if that is the server you mean.',
  );
}

/** Quotes text of the server in one line of limited length. */
function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 200)) : 'missing';
}

interface MetadataResponse {
  readonly status: number;
  readonly ok: boolean;
  readonly text: string | typeof tooLarge;
  /** Pause that the server requests before the next attempt, in ms. */
  readonly retryAfter: number | undefined;
}

/** Requests a document, and repeats that after a network error or a temporary status. */
async function request(address: string, options: DiscoverySettings): Promise<MetadataResponse> {
  for (let attempt = 1; ; attempt += 1) {
    let pause = retryPause * 2 ** (attempt - 1);
    try {
      const response = await requestOnce(address, options);
      if (attempt === maxAttempts || !retryStatuses.includes(response.status)) return response;
      pause = Math.min(response.retryAfter ?? pause, maxRetryPause);
    } catch (error) {
      if (attempt === maxAttempts || isFinal(error)) throw error;
    }
    await delay(pause);
  }
}

/** Returns whether a repetition is useless: after a followed redirect, and after a time-out. */
function isFinal(error: unknown): boolean {
  return error instanceof RedirectFollowedError || (error instanceof Error && error.name === 'TimeoutError');
}

/** Requests a document once. The time limit includes the body: an endless one would block all later callers. */
async function requestOnce(address: string, options: DiscoverySettings): Promise<MetadataResponse> {
  const { transport, timeout = 10_000 } = options;
  const { signal, clear } = deadline(platformClock, timeout);
  try {
    const init = { headers: { accept: 'application/json' }, redirect: 'manual' } as const;
    const response = await sendOnce({ url: address, init, secrets: [] }, transport, signal);
    const text = await abortable(readText(response), signal);
    const retryAfter = readRetryAfter(response.headers.get('retry-after'), Date.now());
    return { status: response.status, ok: response.ok, text, retryAfter };
  } finally {
    clear();
  }
}

/** Converts metadata. `AuthorizationServerResolver` checks the URLs later. */
function toServer(metadata: Metadata, profile: ProviderProfile | undefined): AuthorizationServer {
  const { token_endpoint, revocation_endpoint, authorization_endpoint, mtls_endpoint_aliases } = ownMembers(
    metadata,
  ) as Readonly<Record<string, string | undefined>>;
  if (token_endpoint === undefined) {
    throw new ConfigurationError('Discovery failed: the metadata document names no token_endpoint.');
  }
  const aliases: unknown = mtls_endpoint_aliases;
  const alias = isJsonObject(aliases)
    ? (ownMembers(aliases) as Readonly<Record<string, string | undefined>>)
    : emptyObject;
  return {
    issuer: metadata.issuer,
    tokenEndpoint: token_endpoint,
    ...(revocation_endpoint && { revocationEndpoint: revocation_endpoint }),
    ...(authorization_endpoint && { authorizationEndpoint: authorization_endpoint }),
    mtlsEndpointAliases: {
      ...(alias['token_endpoint'] && { tokenEndpoint: alias['token_endpoint'] }),
      ...(alias['revocation_endpoint'] && { revocationEndpoint: alias['revocation_endpoint'] }),
      ...(alias['device_authorization_endpoint'] && {
        deviceAuthorizationEndpoint: alias['device_authorization_endpoint'],
      }),
    },
    metadata,
    ...(profile && { profile }),
  };
}
