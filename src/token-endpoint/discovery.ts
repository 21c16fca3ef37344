/**
 * Finding out an authorization server's endpoints (RFC 8414, OpenID Connect Discovery).
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

/** How to discover. */
export interface DiscoverOptions {
  /** `fetch` implementation used for the request. @default the platform's `fetch` */
  readonly fetch?: Transport | undefined;
  /** How long one attempt may take, in ms. @default 10_000 */
  readonly timeout?: number | undefined;
  /** Former names of the server. See {@link AuthorizationServer.formerIssuers}. */
  readonly formerIssuers?: readonly string[] | undefined;
  /** How the server deviates from the textbook, which its metadata does not say. */
  readonly profile?: ProviderProfile | undefined;
}

/**
 * Finds out an authorization server's endpoints from its issuer identifier, when they are first needed; from then on they
 * are known to everyone who shares what this gives: the manager, and the logins before it. The document must name the
 * very issuer that was asked for (RFC 8414 §3.3), or it is not used and nothing is sent anywhere.
 *
 * A document that cannot be used is a `ConfigurationError` where it is needed. One that cannot be had is no reason to sign
 * anyone in again: `RefreshFailedError` from a manager, `LoginFailedError` from a login, and the next call asks again.
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
  // As it is now: when the application later puts `manager.fetch` in its place, a refresh must not wait for itself.
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

/** The members that are used. Nothing is believed of the others, nor of the types of these. */
type Metadata = Readonly<Record<string, unknown>> & { readonly issuer: string };

/** Statuses that may be others a moment later. */
const retryStatuses: readonly number[] = [429, 500, 502, 503, 504];
/** Metadata may be fetched as often as it takes. */
const maxAttempts = 3;
/** The pause before the second attempt, unless the server names one; each further one is twice as long, in ms. */
const retryPause = 300;
/** The longest pause that a server can ask for, in ms. */
const maxRetryPause = 2_000;

/** A place that has no document, which is not the same as one that cannot be asked. */
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

/** OpenID Connect appends the well-known path, RFC 8414 §3.1 inserts it: for an issuer with a path they differ. */
const documentUrls = {
  oidc: (issuer: string) => withPath(issuer, (path) => `${path}/.well-known/openid-configuration`),
  oauth2: (issuer: string) => withPath(issuer, (path) => `/.well-known/oauth-authorization-server${path}`),
};

/** @param change gets the path without a slash at its end */
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
  // As text (RFC 8414 §3.3): what a session is bound to.
  if (document['issuer'] === issuer) return document as Metadata;
  throw new ConfigurationError(
    `Discovery failed: the metadata document of ${quoted(issuer)} says that its issuer is ${quoted(document['issuer'])}. ` +
      'It is not used. Write the issuer exactly as the server does, if that is the server you mean.',
  );
}

/** Foreign text, in one line that has an end. */
function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 200)) : 'missing';
}

interface MetadataResponse {
  readonly status: number;
  readonly ok: boolean;
  readonly text: string | typeof tooLarge;
  /** When the server wants to be asked again, in ms. */
  readonly retryAfter: number | undefined;
}

/** Requests a document, and again after a network error or a status that may change. */
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

/** A transport that follows redirects does so again, and a server that did not answer in time has had its time. */
function isFinal(error: unknown): boolean {
  return error instanceof RedirectFollowedError || (error instanceof Error && error.name === 'TimeoutError');
}

/** The time limit includes the body: an endless one would block all later callers. */
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

/** Its URLs are checked where the server becomes known, by whatever way. */
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
