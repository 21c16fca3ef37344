/**
 * Options of a manager, and their checks.
 *
 * @module
 */

import { maxTimerDelay } from './async/abortable.ts';
import type { Clock, Reach, TokenLock, TokenStorage, Transport } from './core/contracts.ts';
import { describeReceived } from './core/describe-received.ts';
import { ConfigurationError } from './core/errors.ts';
import { explain } from './core/explain.ts';
import { type ProtectedResource, scopeToken } from './core/http/protected-resource.ts';
import type { ClientAuthentication } from './core/oauth/authorization-server.ts';
import type { Dpop } from './core/oauth/dpop-key.ts';
import type { Grant, TokenRequestExtras } from './core/oauth/grant.ts';
import { readMember } from './core/own-members.ts';
import { reaches } from './core/session/lock-scope.ts';
import type { InvalidTokenPredicate } from './request/invalid-token.ts';
import type { AuthorizationServerOption } from './token-endpoint/authorization-server-resolver.ts';

/** Options of a {@link TokenManager}. */
export interface TokenManagerOptions {
  /**
   * Client id at the authorization server (RFC 6749 §2.2). Sessions are stored under it, and sessions of another client
   * id are never used. Before you change it, sign out with a manager of the former id: those sessions do not end otherwise.
   */
  readonly clientId: string;
  /** The authorization server: its endpoints, or the result of `discover(issuer)`. */
  readonly authorizationServer: AuthorizationServerOption;
  /**
   * URLs that get an access token, each with everything below it. They are matched by origin and path segments.
   * Requests to other URLs pass through `fetch` unchanged.
   */
  readonly protectedResources: readonly (string | ProtectedResource)[];
  /** Client authentication at the token endpoint (RFC 6749 §2.3). @default none() */
  readonly clientAuthentication?: ClientAuthentication | undefined;
  /** Grant that obtains access tokens. @default the refresh token of a login */
  readonly grant?: Grant | undefined;
  /**
   * DPoP: binds every session to a key, so that stolen tokens are useless without it (RFC 9449). Pass `dpop()` of
   * `tokenkeep/dpop`. The storage of its keys must reach as far as `storage`.
   *
   * @default bearer tokens
   */
  readonly dpop?: Dpop | undefined;
  /** Storage for the tokens. @default memoryStorage() */
  readonly storage?: TokenStorage | undefined;
  /**
   * Lock that serialises refreshes. It must reach as far as the storage. @default the lock that belongs to the
   * storage
   */
  readonly lock?: TokenLock | undefined;
  /** Name of the session, for a storage that keeps several. @default 'default' */
  readonly session?: string | undefined;
  /**
   * Refresh this many milliseconds before the access token expires. tokenkeep uses at most a quarter of its lifetime.
   *
   * @default 30_000
   */
  readonly refreshBefore?: number | undefined;
  /**
   * Emit `refreshTokenExpiring` this many milliseconds before the refresh token expires. tokenkeep uses at most a
   * quarter of its lifetime.
   *
   * @default 86_400_000
   */
  readonly refreshTokenExpiringBefore?: number | undefined;
  /** Scope of the grant, used if the token response contains none (RFC 6749 §5.1). */
  readonly scope?: readonly string[] | undefined;
  /** `fetch` implementation for every request. @default `globalThis.fetch`, read at each call */
  readonly fetch?: Transport | undefined;
  /**
   * Returns whether a response means "this access token is not valid", for APIs that do not respond with 401 and a
   * challenge. Called with a copy of every response to a call with a token, in addition to the rules for 401. The
   * copy has a body of at most 64 KiB if its type is JSON, XML, HTML or a form, or other text with a Content-Length.
   * Otherwise it has no body, so that streams arrive at once. If the function throws, rejects or takes longer than
   * `timeout`, the response is returned unchanged, and the manager emits `predicateFailed`.
   */
  readonly isInvalidToken?: InvalidTokenPredicate | undefined;
  /** Clock for all times and timers. @default the platform's clock */
  readonly clock?: Clock | undefined;
  /** Time limit of a token request, in ms. @default 30_000 */
  readonly timeout?: number | undefined;
  /** Number of requests that are sent at a time after they waited for a refresh. @default 64 */
  readonly replayConcurrency?: number | undefined;
  /** Extra headers and parameters of token requests. */
  readonly tokenRequest?: TokenRequestExtras | undefined;
}

type Checks = {
  readonly [name in keyof Required<TokenManagerOptions>]: (value: unknown) => string | undefined;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
const text = (value: unknown) =>
  typeof value === 'string' && value !== ''
    ? undefined
    : explain('option-value', 'must be a non-empty string.');
const callable = (value: unknown) =>
  typeof value === 'function' ? undefined : explain('option-value', 'must be a function.');
const milliseconds = (least: number) => (value: unknown) =>
  typeof value === 'number' && value >= least && value <= maxTimerDelay
    ? undefined
    : explain('option-value', `must be a number of milliseconds from ${least} to ${maxTimerDelay}.`);
const shape =
  (maker: string, ...methods: string[]) =>
  (value: unknown) =>
    isObject(value) && methods.every((name) => typeof value[name] === 'function')
      ? undefined
      : explain(
          'option-value',
          `must be the result of ${maker}: an object with ${methods.map((name) => `${name}()`).join(', ')}.`,
        );
const reaching = (check: (value: unknown) => string | undefined) => (value: unknown) =>
  check(value) ??
  (reaches.includes((value as { reach: Reach }).reach)
    ? undefined
    : explain('option-value', "must declare its reach: 'process', 'machine' or 'cluster'."));
const scopes = (value: unknown) =>
  Array.isArray(value) && value.every((one) => typeof one === 'string' && scopeToken.test(one))
    ? undefined
    : explain('scope-list', 'must be an array of scopes, each without spaces, quotes and backslashes.');

/** The options without a default. */
const required: readonly string[] = ['clientId', 'authorizationServer', 'protectedResources'];

const checks: Checks = {
  clientId: text,
  authorizationServer: (value) =>
    // A function with parameters is one like `discover` itself, which must be called first.
    (isObject(value) && !('then' in value)) || (typeof value === 'function' && value.length === 0)
      ? undefined
      : explain(
          'option-value',
          'must be { tokenEndpoint, … } or a function that resolves to it, such as discover(issuer).',
        ),
  protectedResources: (value) =>
    Array.isArray(value)
      ? undefined
      : explain('protected-resources', "must be an array such as ['https://api.example.com/']."),
  clientAuthentication: shape('clientSecretBasic(secret)', 'authenticate'),
  grant: (value) =>
    shape('clientCredentials()', 'check', 'request', 'parseResponse')(value) ??
    (['refresh-token', 'client-credentials', 'token-handler'].includes((value as Grant).kind)
      ? undefined
      : explain(
          'option-value',
          "must have the kind 'refresh-token', 'client-credentials' or 'token-handler'.",
        )),
  dpop: reaching(shape('dpop()', 'generate', 'keep', 'load')),
  storage: reaching(shape('memoryStorage()', 'read', 'write', 'delete')),
  lock: reaching(shape('memoryLock()', 'request')),
  session: text,
  refreshBefore: milliseconds(0),
  refreshTokenExpiringBefore: milliseconds(0),
  scope: scopes,
  fetch: (value) =>
    callable(value) ??
    ([undefined, 'manual'].includes(readMember(value as Transport, 'redirects'))
      ? undefined
      : explain('option-value', "has a member redirects that must be 'manual', or left out.")),
  isInvalidToken: callable,
  clock: shape('testClock()', 'now'),
  timeout: milliseconds(1),
  replayConcurrency: (value) =>
    Number.isInteger(value) && (value as number) > 0
      ? undefined
      : explain('option-value', 'must be a whole number from 1.'),
  tokenRequest: checkTokenRequest,
};

/** Headers and parameters that a token request sets itself. The server would reject a second value, or use it. */
const ownHeaders = new Set(['authorization', 'content-type', 'accept', 'content-length', 'dpop']);
const ownParameters = new Set([
  'grant_type',
  'refresh_token',
  'scope',
  'resource',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'token',
  'token_type_hint',
]);

function checkTokenRequest(value: unknown): string | undefined {
  const mistake = explain('token-request', 'must be { headers?, parameters? }, each an object of strings.');
  const isPart = (name: string) => name === 'headers' || name === 'parameters';
  if (!isObject(value) || !Object.keys(value).every(isPart)) return mistake;
  for (const [part, own] of [
    ['headers', ownHeaders],
    ['parameters', ownParameters],
  ] as const) {
    const entries = readMember(value, part) ?? {};
    if (!isObject(entries) || Object.values(entries).some((entry) => typeof entry !== 'string'))
      return mistake;
    const taken = Object.keys(entries).find((name) => own.has(name.toLowerCase()));
    if (taken !== undefined)
      return explain('token-request', `must not set ${part}.${taken}: tokenkeep sets it itself.`);
  }
  return areSendable(readMember(value, 'headers'))
    ? undefined
    : explain('token-request', 'has headers with characters that cannot be sent.');
}

/** Checks headers here, because `Headers` of React Native accepts values that its network layer then rejects. */
function areSendable(headers: unknown): boolean {
  return Object.entries(headers ?? {}).every(
    ([name, value]) => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t -~\x80-\xff]*$/.test(value.trim()),
  );
}

/** Returns the same text for spellings of one name: `clientID`, `client_id`, `protectedResource`. */
const normalizeName = (name: string) => name.toLowerCase().replace(/[^a-z]|s$/g, '');

function suggestNames(name: string): string {
  const names = Object.keys(checks);
  const similar = names.find((one) => normalizeName(one) === normalizeName(name));
  return `${similar === undefined ? '' : `Write ${similar}. `}The options are ${names.join(', ')}.`;
}

/**
 * Checks the options of a manager and returns a copy.
 *
 * @throws ConfigurationError that names the option and the remedy.
 */
export function checkOptions(options: TokenManagerOptions): TokenManagerOptions {
  if (!isObject(options))
    throw new ConfigurationError(
      explain('option-value', 'new TokenManager(options): the options are missing.'),
    );
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(checks, name)) continue;
    throw new ConfigurationError(`Unknown option ${name}. ${explain('option-name', suggestNames(name))}`);
  }
  const checked: Record<string, unknown> = Object.create(null);
  for (const [name, check] of Object.entries(checks)) {
    const value = readMember(options as unknown as Record<string, unknown>, name);
    const problem = value === undefined && !required.includes(name) ? undefined : check(value);
    if (problem !== undefined)
      throw new ConfigurationError(`The option ${name} ${problem}${describeReceived(value)}`);
    if (value !== undefined) checked[name] = value;
  }
  return checked as unknown as TokenManagerOptions;
}
