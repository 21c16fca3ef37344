/**
 * A token handler in place of a token endpoint: the tokens are in cookies that no script can read.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { requireEndpoint } from '../core/http/endpoint.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { BuiltRequest, GrantConfiguration, TokenHandlerGrant } from '../core/oauth/grant.ts';
import type { FailureClass } from '../core/oauth/provider-profile.ts';
import type { TokenGrant } from '../core/oauth/token-grant.ts';
import { accessTokenLifetime, isJsonObject, nonEmptyString, parseBody } from '../core/oauth/token-grant.ts';
import {
  parseTokenResponse,
  type RawTokenResponse,
  type TokenResponseOutcome,
} from '../core/oauth/token-response.ts';
import { randomId } from '../platform/web-crypto.ts';

/** See {@link tokenHandler}. */
export interface TokenHandlerOptions {
  /** Where the token handler is. On the site of the page, or the browser keeps its cookies back. */
  readonly url: string;
  /** Where a POST gets new cookies, beneath `url`. @default 'refresh' */
  readonly refreshPath?: string | undefined;
  /** Where a POST ends the session. @default 'logout' */
  readonly logoutPath?: string | undefined;
  /**
   * Headers of the requests to it and to the protected resources, by which they know that the page sends them (CSRF): constant
   * ones, or a function that is asked for each request.
   *
   * @default { 'token-handler-version': '1' }
   */
  readonly headers?:
    | (Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>))
    | undefined;
  /** The member of its answers that says for how many seconds the access token lives. @default 'access_token_expires_in' */
  readonly expiresIn?: string | undefined;
  /** How long an access token lives if its answer does not say, in ms. @default unknown: used until it is rejected */
  readonly lifetime?: number | undefined;
  /**
   * Hears what the answer to a logout was, parsed from JSON if it can be: `logout_url` and its like are for the application
   * to go to.
   */
  readonly onLogout?: ((response: unknown) => void) | undefined;
}

/** What it says of a session that is over. Whatever else comes with a 401 means the same. */
const errorCodes: Readonly<Record<string, FailureClass>> = { session_expired: 'invalid-grant' };

/**
 * Keeps a session whose tokens are in cookies: those of Curity's token handler, and of a backend for frontend of its kind. A
 * refresh is a POST to it, once for all tabs, on the same evidence as ever; `manager.fetch` sends requests to the protected
 * resources with cookies, and no token is ever in the page. What is stored says until when, and no more.
 *
 * Nothing has to begin the session: the first call shows whether there is one, and if there is none that is told like its end.
 * Hand what the handler answers after a login to `setTokens()`, and the first refresh comes ahead of time.
 *
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { indexedDbStorage, tokenHandler } from 'tokenkeep/browser';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: tokenHandler({ url: 'https://app.example.com/oauth-agent' }),
 *   protectedResources: ['https://app.example.com/api/'],
 *   storage: indexedDbStorage(), // all tabs share the cookies, so they share what is known of them
 * });
 * const orders = await manager.fetch('https://app.example.com/api/orders');
 * ```
 * @throws ConfigurationError that names the option. The manager throws it for a storage whose lock is not shared by the
 *   tabs, and for options about tokens.
 */
export function tokenHandler(options: TokenHandlerOptions): AuthorizationServer {
  requireEndpoint('tokenHandler(): url', options?.url);
  const { origin, pathname, search } = new URL(options.url);
  if (search !== '') throw new ConfigurationError('tokenHandler(): url has a query. Put it into the paths.');
  const base = `${origin}${pathname}`.replace(/\/*$/, '/');
  const at = (path: string, name: string): string => {
    const url = new URL(path, base).href;
    if (url.startsWith(base)) return url;
    throw new ConfigurationError(`tokenHandler(): ${name} must lead to a place beneath url.`);
  };
  const tokenEndpoint = at(options.refreshPath ?? 'refresh', 'refreshPath');
  const revocationEndpoint = at(options.logoutPath ?? 'logout', 'logoutPath');
  return {
    issuer: base,
    tokenEndpoint,
    revocationEndpoint,
    profile: { bearerTypes: [cookie], errorFields: ['code', 'error_code', 'error'], errorCodes },
    grant: createGrant(options, { base, refresh: tokenEndpoint, logout: revocationEndpoint }),
  };
}

/** In place of a token type: what is kept is no token. */
const cookie = 'Cookie';

function createGrant(
  options: TokenHandlerOptions,
  urls: { base: string; refresh: string; logout: string },
): TokenHandlerGrant {
  const { headers = { 'token-handler-version': '1' } } = options;
  const entry = () => (typeof headers === 'function' ? headers() : headers);
  const post = (url: string): BuiltRequest => {
    const own = entry();
    const all = { accept: 'application/json', ...own };
    const init: RequestInit = { method: 'POST', credentials: 'include', redirect: 'manual', headers: all };
    return { url, init, secrets: Object.values(own) };
  };
  return {
    kind: 'token-handler',
    check: checkConfiguration,
    request: async () => post(urls.refresh),
    parseResponse: (response, profile, now) =>
      classifyResponse(response, options, now) ?? parseTokenResponse(response, profile, now),
    initialRecord(now) {
      const placeholder = randomId();
      const accessTokens = { '': { token: placeholder, type: cookie, issuedAt: now } };
      return { issuer: urls.base, refreshToken: placeholder, accessTokens };
    },
    credentials: {
      needsProof: false,
      attach(init) {
        const sent = new Headers(init.headers);
        for (const [name, value] of Object.entries(entry())) sent.set(name, value);
        init.headers = sent;
        init.credentials = 'include';
      },
      send: (_request, transmit) => transmit(),
    },
    tokenUnavailable: () =>
      new ConfigurationError(
        'getAccessToken(): the tokens are in cookies of the token handler. Call the API with manager.fetch().',
      ),
    parseLoginResponse: (members, now) => placeholderGrant(assertNoTokens(members), options, now),
    signOutRequest: () => ({
      ...post(urls.logout),
      onSuccess: (body) => options.onLogout?.(parseBody(body)),
    }),
  };
}

type Members = Readonly<Record<string, unknown>>;

function checkConfiguration({ options, lock, resources }: GrantConfiguration): void {
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : name));
  const foreign = given.find((name) =>
    ['clientAuthentication', 'tokenRequest', 'dpop', 'grant'].includes(name),
  );
  if (foreign !== undefined) {
    throw new ConfigurationError(
      `The option ${foreign} has no place beside a token handler, which is the client. Leave it out; tokenHandler() takes headers.`,
    );
  }
  if (resources.some(({ scope, resource }) => scope ?? resource)) {
    throw new ConfigurationError(
      'A token handler has one access token: leave scope and resource out of protectedResources.',
    );
  }
  if (lock.reach === 'process') {
    throw new ConfigurationError(
      'All tabs share the cookies of a token handler, and two refreshes at once would end the session. Give a storage that ' +
        'they share as well, indexedDbStorage() or webStorage(() => localStorage), or at least the option lock: webLock().',
    );
  }
}

/** A refresh that succeeded, or a session that is over. */
function classifyResponse(
  response: RawTokenResponse,
  options: TokenHandlerOptions,
  now: number,
): TokenResponseOutcome | undefined {
  const { status, body } = response;
  const members = body.trim() === '' ? {} : parseBody(body);
  if (!isJsonObject(members)) return undefined; // a page: of a portal, or of an application that answers every path
  const error = ['code', 'error_code', 'error'].map((field) => nonEmptyString(members[field])).find(Boolean);
  if (status >= 200 && status < 300 && error === undefined) {
    return { kind: 'granted', grant: placeholderGrant(members, options, now) };
  }
  if (status !== 401) return undefined;
  const unsaid = { description: undefined, retryAfter: undefined, details: {} };
  return { kind: 'refused', failure: 'invalid-grant', status, error, ...unsaid };
}

/** Placeholders in place of tokens: a new one for each refresh, so that everyone can tell which one was rejected. */
function placeholderGrant(members: Members, options: TokenHandlerOptions, now: number): TokenGrant {
  const { expiresIn = 'access_token_expires_in', lifetime } = options;
  const times = { expires_in: members[expiresIn], expires_at: members['expiresAt'] };
  const placeholder = randomId();
  return {
    accessToken: placeholder,
    refreshToken: placeholder,
    tokenType: cookie,
    lifetime: accessTokenLifetime(times, lifetime === undefined ? {} : { defaultLifetime: lifetime }, now),
    scope: undefined,
    refreshTokenLifetime: undefined,
    idToken: undefined,
    extra: {},
  };
}

function assertNoTokens(members: object): Members {
  if (!('accessToken' in members || 'access_token' in members || 'refresh_token' in members))
    return members as Members;
  throw new ConfigurationError(
    'setTokens(): these are tokens, but the token handler keeps them in cookies, and there is no place for them in a page. ' +
      'Hand over what it answered after the login, or { expiresAt }.',
  );
}
