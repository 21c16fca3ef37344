/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The façade.
 *
 * @module
 */

import { createContext, type ManagerParts } from './context.ts';
import { asyncDispose } from './core/disposal.ts';
import { ConfigurationError } from './core/errors.ts';
import type { TokenEventType, TokenListener } from './core/events.ts';
import type {
  AccessTokenRequest,
  CookieSessionInfo,
  SetTokensOptions,
  TokenResponse,
  TokenSet,
} from './core/oauth/token-set.ts';
import { emptyObject, readMember } from './core/own-members.ts';
import { loginIdentityOf } from './core/session/login-identity.ts';
import { toTokenSet } from './core/session/session-record.ts';
import type { TokenManagerOptions } from './options.ts';
import { registerManagerFetch } from './platform/environment.ts';
import { keepAlive } from './platform/keep-alive.ts';
import { getAccessToken } from './session/get-access-token.ts';
import { type Inspection, inspect } from './session/inspect.ts';
import { type ManagerInternals, registerInternals } from './session/manager-internals.ts';
import { checkSetTokensOptions } from './session/parse-tokens.ts';
import type { Session } from './session/session.ts';
import { signIn } from './session/sign-in.ts';
import { type SignOutOptions, type SignOutResult, signOut } from './session/sign-out.ts';
import { syncFromStorage } from './session/storage-sync.ts';

/** One manager's share of the parts. */
class Share {
  readonly parts: ManagerParts;
  readonly session: string;

  constructor(parts: ManagerParts, session: string) {
    this.parts = parts;
    this.session = session;
  }
}

/**
 * Keeps the tokens of a session: refreshes them once, whoever asks, stores the successor before it is used, and calls
 * protected resources with them.
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
   * Does what `fetch` does, with an access token on calls to protected resources. Takes what `fetch` takes and returns
   * what it returns; bound, so it can be passed around. A call with a token that was rejected is sent once more with
   * another one, if its body can be sent twice.
   *
   * @throws LoginRequiredError when there is no session, RefreshFailedError when the refresh that it needs did not
   *   succeed, StorageError and LockTimeoutError when it could not be tried; else what `fetch` throws.
   */
  readonly fetch: typeof globalThis.fetch;
  readonly #parts: ManagerParts;
  readonly #session: Session;
  /** Where `forSession` came from shares the storage's announcements and closes for all. */
  readonly #isRoot: boolean;
  #unwatch: (() => void) | undefined = undefined;

  /** @throws ConfigurationError that names the option and the remedy. */
  constructor(options: TokenManagerOptions) {
    const share: unknown = options;
    this.#isRoot = !(share instanceof Share);
    const { parts, session = 'default' } =
      share instanceof Share
        ? share
        : { parts: createContext(options), session: readMember(options, 'session') };
    this.#parts = parts;
    this.#session = parts.sessions.get(session);
    const state = this.#session;
    // With the name and the length of the platform's: the second parameter has a default. A rest parameter costs an array a call.
    const fetch = (input: string | URL | Request, init: RequestInit | undefined = undefined) =>
      parts.fetch.fetch(state, input, init);
    this.fetch = fetch as typeof globalThis.fetch;
    registerManagerFetch(this.fetch);
    if (this.#isRoot) this.#watch();
    registerInternals(TokenManager.#internalsOf);
  }

  /**
   * An access token that may be sent. Refreshes if there is evidence that the stored one cannot: it is over, or it is the
   * one that `rejectedToken` says was rejected.
   *
   * @throws LoginRequiredError when there is no session, RefreshFailedError when the refresh did not succeed,
   *   StorageError and LockTimeoutError when it could not be tried; the signal's reason after an abort;
   *   ConfigurationError for a scope or resource that no server could be asked for, and for a server or a client
   *   authentication that cannot be used: the session lives.
   */
  getAccessToken(request?: AccessTokenRequest): Promise<string> {
    const { context, source } = this.#parts;
    return getAccessToken(context.grant, source, this.#session, request);
  }

  /**
   * What is stored of the session. Never the network.
   *
   * @throws StorageError, and ConfigurationError with the reason `newer_schema`
   */
  async getTokens(): Promise<TokenSet | undefined> {
    const session = this.#session;
    if (session.ended?.kind === 'still-stored') return undefined;
    if (session.unsaved !== undefined) return toTokenSet(session.unsaved.record);
    const { store, emit } = this.#parts.context;
    const found = await keepAlive(store.read(session, emit));
    if (found === undefined) session.noteEmpty();
    if (found === undefined) return undefined;
    if (session.hasEnded(found.record)) return undefined;
    // From now on the application shows the data of this login.
    session.noteLogin(loginIdentityOf(found.record));
    return toTokenSet(found.record);
  }

  /**
   * Begins a session with the tokens of a login: the JSON of a token response, or a {@link TokenSet}. Replaces the session
   * that was there. Calls under way continue with the new tokens if both logins are of the same user: the ID tokens, or the
   * option `subject`, name the same one. For any other login they reject with the reason `login_changed`.
   *
   * @throws ConfigurationError for invalid tokens, for a `subject` that is not the one of the ID token, and where a newer version of
   *   tokenkeep has stored a session; StorageError when the storage refuses them: they are in use, kept
   *   in memory, and storing them is tried again.
   */
  async setTokens(
    tokens: TokenSet | TokenResponse | CookieSessionInfo,
    options: SetTokensOptions = emptyObject,
  ): Promise<void> {
    const { context, signInOptions: defaults } = this.#parts;
    await keepAlive(
      signIn(context, this.#session, tokens, { ...defaults, ...checkSetTokensOptions(options) }),
    );
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
   * @returns whether the server confirmed that the tokens are revoked (RFC 7009), and if not, why. Waits for the server for
   *   2 s, or for the option `timeout`.
   * @throws StorageError when the storage did not delete the tokens; ConfigurationError for an option that is not valid.
   */
  async signOut(options?: SignOutOptions): Promise<SignOutResult> {
    return await keepAlive(signOut(this.#parts.context, this.#session, options));
  }

  /**
   * Subscribes to one type of event, or with `'*'` to all that happens. The manager that was constructed hears of all its sessions, one of {@link forSession} of
   * its own. A listener may call the manager, and may throw: nothing waits for it, and nobody is harmed.
   *
   * @returns how to stop.
   * @throws ConfigurationError for an event that there is not.
   */
  on<Type extends TokenEventType | '*'>(type: Type, listener: TokenListener<Type>): () => void {
    const session = this.#isRoot ? undefined : this.#session.id;
    return this.#parts.events.subscribe(type, session, listener as never);
  }

  /**
   * A picture of the session for a bug report: what is in memory and what is stored, with hashes in place of tokens.
   * Changes nothing, and never asks the network.
   *
   * @example
   * ```ts
   * import type { TokenManager } from 'tokenkeep';
   *
   * async function reportBug(manager: TokenManager): Promise<string> {
   *   return JSON.stringify(await manager.inspect(), null, 2);
   * }
   * ```
   */
  async inspect(): Promise<Inspection> {
    const { context, signInOptions: options, reach } = this.#parts;
    return await keepAlive(inspect(context, this.#session, { clientId: options.clientId, reach }));
  }

  /**
   * A manager of another session, for backends with many users: options, storage and lock are shared, flights and
   * records are not. Costs a few hundred bytes, no timer and no connection.
   */
  forSession(id: string): TokenManager {
    if (typeof id !== 'string' || id === '') {
      throw new ConfigurationError('forSession(id): the id must be a non-empty string.');
    }
    return new TokenManager(new Share(this.#parts, id) as never);
  }

  /**
   * Waits for refreshes and logins that are under way, stores what is not stored yet, and stops listening. On a manager of
   * {@link forSession} it only waits: what is shared stays open.
   */
  async close(): Promise<void> {
    const { sessions, context, events } = this.#parts;
    const pending = (): readonly Promise<unknown>[] => {
      const closing = this.#isRoot ? sessions.all : [this.#session];
      return closing.flatMap(({ flights, signingIn }): Promise<unknown>[] => [
        ...flights,
        ...(signingIn ? [signingIn] : []),
      ]);
    };
    // During the wait, calls that continue may begin other ones.
    for (let waits = pending(); waits.length > 0; waits = pending())
      await keepAlive(Promise.allSettled(waits));
    if (!this.#isRoot) return;
    this.#unwatch?.();
    await keepAlive(context.store.close());
    events.clear();
  }

  /** `await using`: closes it, see {@link TokenManager.close}. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  static #internalsOf(manager: TokenManager): ManagerInternals {
    return { parts: manager.#parts, session: manager.#session };
  }

  #watch(): void {
    const { watch, context, signInOptions: options } = this.#parts;
    this.#unwatch = watch?.(
      this.#session.key,
      () => void syncFromStorage(context, this.#session, options.refreshBefore),
    );
  }
}

// Not in a static block, which Metro refuses: React Native could not bundle the package.
Object.assign(TokenManager.prototype, {
  [asyncDispose](this: TokenManager) {
    return this.close();
  },
});
