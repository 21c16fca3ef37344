/**
 * A token handler in place of a token endpoint: the tokens are in cookies that no script can read.
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { requireEndpoint } from '../core/http/endpoint.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { BuiltRequest, GrantConfiguration, TokenHandlerGrant } from '../core/oauth/grant.ts';
import type { FailureClass } from '../core/oauth/provider-profile.ts';
import type { TokenGrant } from '../core/oauth/token-grant.ts';
import { accessTokenLifetime, nonEmptyString, parseBody } from '../core/oauth/token-grant.ts';
import {
  parseTokenResponse,
  type RawTokenResponse,
  type TokenResponseOutcome,
} from '../core/oauth/token-response.ts';
import { isJsonObject } from '../core/own-members.ts';
import { randomId } from '../platform/web-crypto.ts';

/** Options of {@link tokenHandler}. */
export interface TokenHandlerOptions {
  /** The URL of the token handler. It must be on the site of the page, or the browser does not send the cookies. */
  readonly url: string;
  /** The path beneath `url` whose POST sets new cookies. @default 'refresh' */
  readonly refreshPath?: string | undefined;
  /** The path beneath `url` whose POST ends the session. @default 'logout' */
  readonly logoutPath?: string | undefined;
  /**
   * Headers of the requests to the token handler and to the protected resources, as a protection against CSRF: constant ones, or a
   * function that is called for each request.
   *
   * @default { 'token-handler-version': '1' }
   */
  readonly headers?:
    | (Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>))
    | undefined;
  /** The member of its responses with the lifetime of the access token in seconds. @default 'access_token_expires_in' */
  readonly expiresIn?: string | undefined;
  /** The lifetime of an access token in ms, if the response has none. @default unknown: used until it is rejected */
  readonly lifetime?: number | undefined;
  /**
   * Receives the response to a logout, parsed if it is JSON. If it contains a `logout_url` or the like, the application navigates
   * there.
   */
  readonly onLogout?: ((response: unknown) => void) | undefined;
}

/** The members of an error response that may contain the error code. */
const errorFields: readonly string[] = ['code', 'error_code', 'error'];

/** The error code of a session that has ended. Every other 401 means the same. */
const errorCodes: Readonly<Record<string, FailureClass>> = { session_expired: 'invalid-grant' };

/**
 * Keeps a session whose tokens are in cookies: those of Curity's token handler, or of a similar backend for frontend. A refresh
 * is one POST for all tabs, on the same evidence as with tokens. `manager.fetch` sends requests to the protected resources with
 * cookies, and the page never has a token. The storage holds only random placeholders and the time at which they expire.
 *
 * The session needs no login in this process: the first call finds out whether there is one, and if not, the manager emits
 * `sessionEnded`. If you pass the token handler's response to a login to `setTokens()`, the first refresh takes place before the
 * access token expires.
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
 *   storage: indexedDbStorage(), // all tabs share the cookies, so they share its expiry too
 * });
 * const orders = await manager.fetch('https://app.example.com/api/orders');
 * ```
 * @throws ConfigurationError that names the option. The manager also throws it for a storage whose lock the tabs do not share, and
 *   for options about tokens.
 */
export function tokenHandler(options: TokenHandlerOptions): AuthorizationServer {
  requireEndpoint('tokenHandler(): url', options?.url);
  const { origin, pathname, search } = new URL(options.url);
  if (search !== '')
    throw new ConfigurationError(
      explain('token-handler', 'tokenHandler(): url has a query. Put it into the paths.'),
    );
  const base = `${origin}${pathname}`.replace(/\/*$/, '/');
  const at = (path: string, name: string): string => {
    const url = new URL(path, base).href;
    if (url.startsWith(base)) return url;
    throw new ConfigurationError(explain('token-handler', `tokenHandler(): ${name} must be below url.`));
  };
  const tokenEndpoint = at(options.refreshPath ?? 'refresh', 'refreshPath');
  const revocationEndpoint = at(options.logoutPath ?? 'logout', 'logoutPath');
  return {
    issuer: base,
    tokenEndpoint,
    revocationEndpoint,
    profile: { bearerTypes: [cookie], errorFields, errorCodes },
    grant: createGrant(options, { base, refresh: tokenEndpoint, logout: revocationEndpoint }),
  };
}

/** Stored in place of a token type, because the stored values are not tokens. */
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
      send: (_request, _accessToken, transmit) => transmit(),
    },
    tokenUnavailable: () =>
      new ConfigurationError(
        explain(
          'token-handler',
          'getAccessToken(): the tokens are in cookies of the token handler. Call the API with manager.fetch().',
        ),
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
  const foreign = ['clientAuthentication', 'tokenRequest', 'dpop', 'grant'].find(
    (name) => (options as Members)[name] !== undefined,
  );
  if (foreign !== undefined) {
    throw new ConfigurationError(
      `The option ${foreign} ${explain('token-handler', 'cannot be used with a token handler, which is the client. Remove it; tokenHandler() takes headers.')}`,
    );
  }
  if (resources.some(({ scope, resource }) => scope ?? resource)) {
    throw new ConfigurationError(
      explain(
        'token-handler',
        'A token handler has one access token: remove scope and resource from protectedResources.',
      ),
    );
  }
  if (lock.reach === 'process') {
    throw new ConfigurationError(
      explain(
        'token-handler',
        'All tabs share the cookies of a token handler, and two refreshes at once would end the session. Pass a storage that ' +
          'they share as well, indexedDbStorage() or webStorage(() => localStorage), or at least the option lock: webLock().',
      ),
    );
  }
}

/** Returns the outcome of a refresh that succeeded, or of a session that has ended. */
function classifyResponse(
  response: RawTokenResponse,
  options: TokenHandlerOptions,
  now: number,
): TokenResponseOutcome | undefined {
  const { status, body } = response;
  const members = body.trim() === '' ? {} : parseBody(body);
  if (!isJsonObject(members)) return undefined; // a page: of a portal, or of an application that serves every path
  const [error] = errorFields.flatMap((field) => nonEmptyString(members[field]) ?? []);
  if (status >= 200 && status < 300 && error === undefined) {
    return { kind: 'granted', grant: placeholderGrant(members, options, now) };
  }
  if (status !== 401) return undefined;
  const unsaid = { description: undefined, retryAfter: undefined, details: {} };
  return { kind: 'refused', failure: 'invalid-grant', status, error, ...unsaid };
}

/** Returns placeholders in place of tokens: a new one for each refresh, so that callers can name the rejected one. */
function placeholderGrant(members: Members, options: TokenHandlerOptions, now: number): TokenGrant {
  const { expiresIn = 'access_token_expires_in', lifetime: defaultLifetime } = options;
  const times = { expires_in: members[expiresIn], expires_at: members['expiresAt'] };
  const placeholder = randomId();
  return {
    accessToken: placeholder,
    refreshToken: placeholder,
    tokenType: cookie,
    lifetime: accessTokenLifetime(times, undefined, now) ?? defaultLifetime,
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
    explain(
      'token-handler',
      'setTokens(): the token handler keeps the tokens in cookies, so the page cannot store any. ' +
        'Pass its response after the login, or { expiresAt }.',
    ),
  );
}
