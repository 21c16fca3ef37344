/**
 * Options of all logins, and their checks.
 *
 * @module
 */

import { abortable, completeClock, type RequiredClock, throwIfAborted } from '../async/abortable.ts';
import type { Clock, Transport } from '../core/contracts.ts';
import { ConfigurationError, isTokenKeepError, LoginFailedError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { isLoopback } from '../core/http/endpoint.ts';
import { safeCause } from '../core/http/network-error.ts';
import { parseUrl } from '../core/http/url.ts';
import type { AuthorizationServer, ClientAuthentication } from '../core/oauth/authorization-server.ts';
import type { Dpop } from '../core/oauth/dpop-key.ts';
import type { ClientOptions, TokenRequestExtras } from '../core/oauth/grant.ts';
import type { ManagerContext } from '../session/manager-context.ts';
import {
  type AuthorizationServerOption,
  AuthorizationServerResolver,
} from '../token-endpoint/authorization-server-resolver.ts';
import { none } from '../token-endpoint/public-client.ts';
import type { HttpTransport } from '../token-endpoint/send-request.ts';

/** Client and authorization server of a login. Pass the same values to the `TokenManager` that gets the tokens. */
export interface LoginClientOptions {
  /** Client id at the authorization server (RFC 6749 §2.2). */
  readonly clientId: string;
  /** The authorization server: its endpoints, or the result of `discover(issuer)`. */
  readonly authorizationServer: AuthorizationServerOption;
  /** Client authentication (RFC 6749 §2.3). Programs on a user's machine cannot keep a secret. @default none() */
  readonly clientAuthentication?: ClientAuthentication | undefined;
  /** Binds the tokens to a key (RFC 9449): `dpop()` of `tokenkeep/dpop`. @default bearer tokens */
  readonly dpop?: Dpop | undefined;
  /** `fetch` implementation used for every request. @default the platform's `fetch` */
  readonly fetch?: Transport | undefined;
  /** Clock for all times and timers. @default the platform's clock */
  readonly clock?: Clock | undefined;
  /** Time limit of a request to the server, in ms. @default 30_000 */
  readonly timeout?: number | undefined;
  /** Extra headers and parameters of token requests. */
  readonly tokenRequest?: TokenRequestExtras | undefined;
}

/** One permission of {@link LoginRequest.authorizationDetails}. The other members belong to its `type`. */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** The request for a login. */
export interface LoginRequest {
  /**
   * Scopes to request. `openid` requests an ID token, `offline_access` a refresh token, which many servers issue
   * only with `prompt: 'consent'` (OpenID Connect Core §11).
   */
  readonly scope?: readonly string[] | undefined;
  /** Protected resources that the tokens are for (RFC 8707): absolute URIs without a fragment. */
  readonly resource?: readonly string[] | undefined;
  /**
   * Whether the parameters are sent to the server directly, before the user (RFC 9126), so that nobody can read or change them in
   * the address bar. `'auto'` obeys `require_pushed_authorization_requests` of the metadata, `'always'` needs a server with the
   * endpoint, `'never'` is for servers whose metadata is wrong. In a page the endpoint must allow the page's origin (CORS).
   *
   * @default 'auto'
   */
  readonly par?: 'auto' | 'always' | 'never' | undefined;
  /** Fine-grained permissions that the user is asked for (RFC 9396), as the API defines them. Sent unchanged. */
  readonly authorizationDetails?: readonly AuthorizationDetail[] | undefined;
  /** Authentication contexts, the preferred one first: `acr_values`. */
  readonly acrValues?: readonly string[] | undefined;
  /** How long ago the user may have signed in, in seconds: `max_age`. The `auth_time` of the ID token is compared with it. */
  readonly maxAge?: number | undefined;
  /** Prompts that the server shows the user, such as `'login'`, `'consent'` or `'select_account'` (OpenID Connect Core §3.1.2.1). */
  readonly prompt?: string | readonly string[] | undefined;
  /** Languages of the server's pages, the preferred one first: `ui_locales`. */
  readonly uiLocales?: readonly string[] | undefined;
  /**
   * Other parameters of the request: `login_hint`, `claims`, `audience`, … One that an option above sends as well takes precedence
   * over that option.
   */
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  /** Time limit for the user to sign in, in ms. @default 600_000 */
  readonly lifetime?: number | undefined;
  /** Aborts the login with its reason. It does not abort a token request that was sent, because its tokens would be lost. */
  readonly signal?: AbortSignal | undefined;
}

/** A client that is ready to send requests. */
export interface LoginClient extends ClientOptions, HttpTransport {
  readonly server: AuthorizationServer;
  readonly dpop: Dpop | undefined;
}

export const defaultLifetime = 600_000;

/**
 * Discovers the server and fills in the defaults.
 *
 * @throws ConfigurationError, LoginFailedError `no_response` if discovery fails, and the signal's reason.
 */
export async function createLoginClient(
  options: LoginClientOptions & Pick<LoginRequest, 'signal'>,
  clock: RequiredClock = completeClock(options.clock),
): Promise<LoginClient> {
  const { clientId, timeout = 30_000, tokenRequest = {}, signal } = options;
  requireText('clientId', clientId);
  requireMilliseconds('timeout', timeout);
  throwIfAborted(signal);
  const transport = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const source = new AuthorizationServerResolver(options.authorizationServer, { clock, timeout });
  const server = await abortable(resolveServer(source), signal);
  return {
    clientId,
    clientAuthentication: options.clientAuthentication ?? none(),
    headers: tokenRequest.headers ?? {},
    parameters: tokenRequest.parameters ?? {},
    server,
    dpop: options.dpop,
    transport,
    clock,
    timeout,
  };
}

/**
 * Returns the client of a manager, with the server that the manager has discovered, or discovers now.
 *
 * @throws LoginFailedError `no_response`
 */
export async function loginClientOf({ endpoint, server, dpop }: ManagerContext): Promise<LoginClient> {
  return { ...endpoint.client, server: await resolveServer(server), dpop };
}

async function resolveServer(source: AuthorizationServerResolver): Promise<AuthorizationServer> {
  try {
    return await source.resolve();
  } catch (error) {
    if (isTokenKeepError(error)) throw error;
    throw new LoginFailedError('The endpoints of the authorization server could not be discovered.', {
      reason: 'no_response',
      cause: safeCause(error, []),
    });
  }
}

/** Parameters of an authorization request that tokenkeep sets, or that would replace all others (RFC 9101). */
const reservedParameters: readonly string[] = [
  'response_type',
  'response_mode',
  'client_id',
  'client_secret',
  'redirect_uri',
  'scope',
  'resource',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'dpop_jkt',
  'request',
  'request_uri',
];

/** Values that the request joins with spaces. */
const isList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'string' && /^[!#-[\]-~]+$/.test(one));

type Rule = readonly [isValid: (value: unknown) => boolean, problem: string];

const list: Rule = [
  isList,
  explain('login-options', 'must be an array of strings, each without spaces and quotes.'),
];

const rules: Readonly<Record<string, Rule>> = {
  scope: list,
  acrValues: list,
  uiLocales: list,
  prompt: [(value) => isList([value].flat()), list[1]],
  resource: [
    (value) => Array.isArray(value) && value.every((one) => isText(one) && isResource(one)),
    explain('login-options', 'must be an array of absolute URIs without a fragment.'),
  ],
  authorizationDetails: [
    (value) => Array.isArray(value) && value.every((one) => isText(one?.type)),
    explain('login-options', 'must be an array of objects with a type.'),
  ],
  maxAge: [
    (value) => Number.isSafeInteger(value) && (value as number) >= 0,
    explain('login-options', 'must be a number of seconds.'),
  ],
  par: [
    (value) => value === 'auto' || value === 'always' || value === 'never',
    explain('login-options', "must be 'auto', 'always' or 'never'."),
  ],
};

/** Names of the options of a login that its request consists of. */
export const requestOptions = (): string[] => [...Object.keys(rules), 'parameters', 'lifetime'];

/** @throws ConfigurationError that names the option and the remedy. */
export function checkRequest(request: LoginRequest): void {
  for (const [name, [isValid, problem]] of Object.entries(rules)) {
    const value = request[name as keyof LoginRequest];
    if (value !== undefined && !isValid(value)) throw new ConfigurationError(`The option ${name} ${problem}`);
  }
  const { parameters, lifetime } = request;
  if (lifetime !== undefined) requireMilliseconds('lifetime', lifetime);
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (typeof value !== 'string')
      throw new ConfigurationError(`parameters.${name} ${explain('login-options', 'must be a string.')}`);
    if (!reservedParameters.includes(name.toLowerCase())) continue;
    throw new ConfigurationError(
      `The option parameters ${explain('login-options', `must not set ${name}: tokenkeep sets it itself.`)}`,
    );
  }
}

/** The parameters that the application chooses, without empty ones. */
export function requestedParameters(request: LoginRequest): URLSearchParams {
  const { authorizationDetails = [], maxAge, prompt = [] } = request;
  const joined = (values: readonly string[] = []) => values.join(' ');
  const named = {
    authorization_details: authorizationDetails.length > 0 && JSON.stringify(authorizationDetails),
    acr_values: joined(request.acrValues),
    max_age: maxAge?.toString(),
    prompt: joined([prompt].flat()),
    ui_locales: joined(request.uiLocales),
    ...request.parameters,
    scope: joined(request.scope),
  };
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(named)) if (value) parameters.set(name, value);
  for (const resource of request.resource ?? []) parameters.append('resource', resource);
  return parameters;
}

const isResource = (text: string) => parseUrl(text) !== null && !text.includes('#');

/**
 * Checks a redirect URI: https, http on loopback, or a private-use scheme, but no scheme that executes the URL's content.
 *
 * @throws ConfigurationError
 */
export function requireRedirectUri(value: unknown): asserts value is string {
  requireText('redirectUri', value);
  const url = parseUrl(value);
  if (url === null || value.includes('#')) {
    throw new ConfigurationError(
      `The option redirectUri ${explain('login-options', 'must be an absolute URL without a fragment.')}`,
    );
  }
  const insecure = url.protocol === 'http:' && !isLoopback(url.hostname);
  if (insecure || /^(?:javascript|data|vbscript|blob|file|about):$/.test(url.protocol)) {
    throw new ConfigurationError(
      `The option redirectUri ${explain('login-options', 'must be https:, http: on loopback, or a scheme of the app.')}`,
    );
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function requireText(name: string, value: unknown): asserts value is string {
  if (!isText(value))
    throw new ConfigurationError(
      `The option ${name} ${explain('login-options', 'must be a non-empty string.')}`,
    );
}

function requireMilliseconds(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 1 && value <= 2 ** 31 - 1) return;
  throw new ConfigurationError(
    `The option ${name} ${explain('login-options', `must be a number of milliseconds from 1 to ${2 ** 31 - 1}.`)}`,
  );
}
