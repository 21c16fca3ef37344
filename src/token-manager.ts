/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The public class of tokenkeep.
 *
 * @module
 */

// biome-ignore assist/source/organizeImports: bundlers keep this order, and gzip finds repetitions within 32 kB only (0.3 kB)
import { toTokenSet } from './core/session/session-record.ts';
import { type Inspection, inspectSession } from './session/inspect.ts';
import { asyncDispose } from './core/disposal.ts';
import { checkOptions, type TokenManagerOptions } from './options.ts';
import { AuthorizedFetch } from './request/authorized-fetch.ts';
import { createContext } from './context.ts';
import { ConfigurationError } from './core/errors.ts';
import { explain } from './core/explain.ts';
import { emptyObject } from './core/own-members.ts';
import { getAccessToken } from './refresh/get-access-token.ts';
import { loginIdentityOf } from './core/session/login-identity.ts';
import { keepAlive, registerManagerFetch } from './platform/environment.ts';
import { type SignOutOptions, type SignOutResult, signOut } from './session/sign-out.ts';
import { checkSetTokensOptions } from './session/parse-tokens.ts';
import { signIn } from './session/sign-in.ts';
import { syncFromStorage } from './session/storage-sync.ts';
import { TokenSource } from './refresh/token-source.ts';
import { internalsOf, ManagerInternals, RootInternals, setInternals } from './manager-internals.ts';
import { unwatched } from './session/session-store.ts';
import type { TokenEventType, TokenListener } from './core/events.ts';
import type {
  AccessTokenRequest,
  CookieSessionInfo,
  SetTokensOptions,
  TokenResponse,
  TokenSet,
} from './core/oauth/token-set.ts';

/**
 * Keeps the tokens of a session: refreshes them once for all callers, stores the new refresh token before the new
 * access token is used, and calls protected resources.
 *
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: {
 *     tokenEndpoint: 'https://as.example.com/token',
 *     revocationEndpoint: 'https://as.example.com/revoke',
 *   },
 *   protectedResources: ['https://api.example.com/'],
 * });
 *
 * manager.on('sessionEnded', ({ error }) => console.log(`Please sign in again: ${error.reason}`));
 * await manager.setTokens({ access_token: 'at', refresh_token: 'rt', expires_in: 300 });
 * const orders = await manager.fetch('https://api.example.com/orders');
 * ```
 * @see RFC 6749 §6, RFC 9700 §4.14
 */
export class TokenManager implements AsyncDisposable {
  /**
   * Sends a request like `fetch`, with an access token if the URL is a protected resource. Takes the arguments of
   * `fetch` and returns its response. It is bound, so you can pass it as a function. A request whose token was
   * rejected is sent once more with another one, if its body can be sent twice.
   *
   * @throws LoginRequiredError if there is no session, RefreshFailedError if a refresh failed, StorageError and
   *   LockTimeoutError if it could not be attempted; otherwise the errors of `fetch`.
   */
  readonly fetch: typeof globalThis.fetch;

  /** @throws ConfigurationError that names the option and the remedy. */
  constructor(options: TokenManagerOptions) {
    const checked = checkOptions(options);
    const context = createContext(checked);
    const source = new TokenSource(context);
    const requests = new AuthorizedFetch(context, source);
    const session = context.sessions.get(checked.session ?? 'default');
    // The default storage is not shared.
    const isShared = checked.storage !== undefined;
    const unwatch = isShared
      ? context.store.watch(session, () => void syncFromStorage(context, session))
      : unwatched;
    this.fetch = initialize(this, new RootInternals(requests, session, unwatch));
    registerManagerFetch(this.fetch);
  }

  /**
   * Returns an access token. Refreshes if the stored one has expired, or if it is the one that `rejectedToken` names.
   *
   * @throws LoginRequiredError if there is no session; RefreshFailedError if the refresh failed; StorageError and
   *   LockTimeoutError if it could not be attempted; the signal's reason after an abort; ConfigurationError for an
   *   invalid scope or resource, and for a server or a client authentication that cannot be used. The session is kept
   *   in all cases but the first.
   */
  getAccessToken(request?: AccessTokenRequest): Promise<string> {
    const { context, source, session } = internalsOf(this) as ManagerInternals;
    return getAccessToken(context, source, session, request);
  }

  /**
   * Returns the stored tokens of the session, without a network request.
   *
   * @throws StorageError, and ConfigurationError with the reason `newer_schema`
   */
  async getTokens(): Promise<TokenSet | undefined> {
    const { context, session } = internalsOf(this) as ManagerInternals;
    if (session.ended?.kind === 'still-stored') return undefined;
    if (session.unsaved !== undefined) return toTokenSet(session.unsaved.record);
    const found = await keepAlive(context.store.read(session, context.emit));
    if (found === undefined) session.noteEmpty();
    if (found === undefined || session.hasEnded(found.record)) return undefined;
    // From now on the application shows the data of this login.
    session.noteLogin(loginIdentityOf(found.record));
    return toTokenSet(found.record);
  }

  /**
   * Begins a session with the tokens of a login: the JSON of a token response, or a {@link TokenSet}. Replaces an
   * existing session. Pending calls continue with the new tokens if both logins are of the same user: the ID tokens,
   * or the option `subject`, name the same one. For any other login they reject with the reason `login_changed`.
   *
   * @throws ConfigurationError for invalid tokens, for a `subject` that differs from that of the ID token, and if a
   *   newer version of tokenkeep has stored a session; StorageError if the storage refuses the tokens: they are kept
   *   in memory and still work, and the write is retried.
   */
  async setTokens(
    tokens: TokenSet | TokenResponse | CookieSessionInfo,
    options: SetTokensOptions = emptyObject,
  ): Promise<void> {
    const { context, session } = internalsOf(this) as ManagerInternals;
    await keepAlive(signIn(context, session, tokens, checkSetTokensOptions(options)));
  }

  /**
   * Ends the session: here at once, in the storage, and at the authorization server. Takes precedence over a refresh in
   * progress, in any tab or process. Await it before navigating away, or the browser may cancel the revocation request.
   *
   * A session that a newer version of tokenkeep has stored is removed as well, but cannot be revoked.
   *
   * @example
   * ```ts
   * import type { TokenManager } from 'tokenkeep';
   *
   * async function leave(manager: TokenManager): Promise<void> {
   *   const result = await manager.signOut();
   *   if (!result.revoked) console.warn(`The tokens may still be valid at the server: ${result.reason}`);
   * }
   * ```
   * @returns whether the server confirmed that the tokens are revoked (RFC 7009), and if not, why. Waits for the
   *   server for 2 s, or for the option `timeout`.
   * @throws StorageError if the storage did not delete the tokens; ConfigurationError for an invalid option.
   */
  async signOut(options?: SignOutOptions): Promise<SignOutResult> {
    const { context, session } = internalsOf(this) as ManagerInternals;
    return await keepAlive(signOut(context, session, options));
  }

  /**
   * Subscribes to one type of event, or with `'*'` to all. The constructed manager receives the events of all its
   * sessions, one of {@link forSession} only its own. A listener may call the manager, and may throw: nothing waits
   * for it, and the other listeners still run.
   *
   * @returns a function that unsubscribes.
   * @throws ConfigurationError for an unknown event.
   */
  on<Type extends TokenEventType | '*'>(type: Type, listener: TokenListener<Type>): () => void {
    const { context, session, unwatch } = internalsOf(this) as ManagerInternals;
    // A manager of forSession() does not watch the storage: it stands for one session.
    const only = unwatch === undefined ? session.id : undefined;
    return context.events.subscribe(type, only, listener as never);
  }

  /**
   * Returns a manager of another session, for backends with many users. It shares options, storage and lock, and has
   * its own tokens and refreshes. Costs a few hundred bytes, no timer and no connection.
   */
  forSession(id: string): TokenManager {
    if (typeof id !== 'string' || id === '') {
      throw new ConfigurationError(
        explain('session-id', 'forSession(id): the id must be a non-empty string.'),
      );
    }
    const { requests, context } = internalsOf(this) as ManagerInternals;
    const manager = new SessionManager();
    manager.fetch = initialize(manager, new ManagerInternals(requests, context.sessions.get(id)));
    return manager as TokenManager;
  }

  /**
   * Waits for refreshes and logins in progress, stores tokens that are not stored yet, and stops listening. On a
   * manager of {@link forSession} it only waits, because the other managers share the rest.
   */
  async close(): Promise<void> {
    const { context, session, unwatch } = internalsOf(this) as ManagerInternals;
    const pending = (): readonly Promise<unknown>[] => {
      const closing = unwatch === undefined ? [session] : context.sessions.all;
      return closing.flatMap((one) => one.pending.all);
    };
    // During the wait, calls that continue may begin further work.
    for (let waits = pending(); waits.length > 0; waits = pending())
      await keepAlive(Promise.allSettled(waits));
    if (unwatch === undefined) return;
    unwatch();
    await keepAlive(context.store.close());
    context.events.clear();
  }

  /** `await using`: closes it, see {@link TokenManager.close}. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/**
 * Returns a redacted snapshot of a session for a bug report: its state in memory and in the storage, with hashes in
 * place of tokens. Changes nothing, and sends no request. A function, so that only pages that call it load it.
 *
 * @example
 * ```ts
 * import { inspect, type TokenManager } from 'tokenkeep';
 *
 * async function reportBug(manager: TokenManager): Promise<string> {
 *   return JSON.stringify(await inspect(manager), null, 2);
 * }
 * ```
 * @throws ConfigurationError for anything but a `TokenManager` of this copy of tokenkeep.
 */
export async function inspect(manager: TokenManager): Promise<Inspection> {
  const internals = internalsOf(manager);
  if (internals === undefined) {
    throw new ConfigurationError(
      explain('not-a-manager', 'inspect(manager): pass a TokenManager of this copy of tokenkeep.'),
    );
  }
  return await keepAlive(inspectSession(internals.context, internals.session));
}

/** Creates a manager that shares the parts of another one. The constructor of the class would build them again. */
const SessionManager = function (this: SessionManager) {
  this.fetch = undefined as never;
} as unknown as new () => SessionManager;
type SessionManager = { -readonly [Member in keyof TokenManager]: TokenManager[Member] };
SessionManager.prototype = TokenManager.prototype;

// Not in a static block, which Metro rejects: React Native could not bundle the package.
Object.assign(TokenManager.prototype, {
  [asyncDispose](this: TokenManager) {
    return this.close();
  },
});

/** Sets the internals of a manager. Returns its `fetch`. */
function initialize(manager: object, internals: ManagerInternals): typeof globalThis.fetch {
  // The name and the length match those of the platform's `fetch`: the second parameter has a default. A rest parameter would
  // cost an array per call.
  const fetch = (input: string | URL | Request, init: RequestInit | undefined = undefined) =>
    internals.requests.fetch(internals.session, input, init);
  setInternals(manager, internals);
  return fetch as typeof globalThis.fetch;
}
