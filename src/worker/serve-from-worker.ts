/**
 * The worker's end of the bridge.
 *
 * @module
 */

import { refusal, toBridgeError } from '../bridge/bridge-error.ts';
import {
  type BridgeReply,
  signOutOptions,
  toBridgeEvent,
  toBridgeResult,
} from '../bridge/bridge-messages.ts';
import { BridgeRequests } from '../bridge/bridge-requests.ts';
import { forwardedEvents } from '../bridge/forwarded-events.ts';
import { PageCalls } from '../bridge/page-calls.ts';
import type { Transport } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { AnyTokenEvent, TokenEventType, TokenListener } from '../core/events.ts';
import { explain } from '../core/explain.ts';
import { parseProtectedResources } from '../core/http/protected-resource.ts';
import type { RevocationResult } from '../core/oauth/revocation-result.ts';
import type {
  AccessTokenRequest,
  SetTokensOptions,
  TokenResponse,
  TokenSet,
} from '../core/oauth/token-set.ts';
import { randomId } from '../platform/web-crypto.ts';
import { answerPlainRequests } from './plain-requests.ts';
import { announcePresence, requireLockManager, whenGone } from './worker-liveness.ts';
import { completeWorkerLogin, type WorkerLogin } from './worker-login.ts';
import { parseEnvelope, transferablesOf, type WorkerMessage, wrongWorker } from './worker-messages.ts';
import { isServiceWorker, openScope, type PageMessage } from './worker-scope.ts';

/** The part of a `TokenManager` that is used. */
export interface ServedTokenManager {
  /** Calls protected resources. */
  readonly fetch: Transport;
  /** Subscribes to events. Returns a function that unsubscribes. */
  on<Type extends TokenEventType>(type: Type, listener: TokenListener<Type>): () => void;
  /** Gets an access token. */
  getAccessToken(request?: AccessTokenRequest): Promise<string>;
  /** Begins a session. */
  setTokens(tokens: TokenSet | TokenResponse, options?: SetTokensOptions): Promise<void>;
  /** Ends the session. */
  signOut(options?: {
    readonly revoke?: boolean | undefined;
    readonly timeout?: number | undefined;
  }): Promise<RevocationResult>;
}

/** Options of {@link serveTokenManager}. */
export interface ServeTokenManagerOptions {
  /** The manager of this worker, or one session of it. */
  readonly manager: ServedTokenManager;
  /** URLs that pages may call: the protected resources of the manager that they need, or parts of them. */
  readonly protectedResources: readonly string[];
  /**
   * Obtains the tokens of a login in the worker, so that no page ever holds them. `request` is the argument of
   * {@link ConnectedTokenManager.login}, such as the URL of the callback. Any script of the page can send anything, so validate
   * it. If you return the result of `completeLogin()` of `tokenkeep/login`, the ID token is validated once the tokens are stored,
   * and the session is signed out if it is invalid.
   */
  readonly login?: ((request: unknown) => Promise<WorkerLogin | TokenSet | TokenResponse>) | undefined;
  /** **Lets every script of a page have access tokens**, through `getAccessToken()`. Refresh tokens stay here. @default false */
  readonly allowAccessTokens?: boolean | undefined;
  /** `true`: a service worker also handles requests that pages make without a manager. @default true */
  readonly plainRequests?: boolean | undefined;
  /** Name of the channel, for several managers. @default 'tokenkeep' */
  readonly channel?: string | undefined;
  /** The global object of the worker. @default globalThis */
  readonly scope?: object | undefined;
}

/**
 * Keeps the token manager in a worker, and lets pages of its origin call the API with tokens that they never hold. Call it at
 * the top of the worker's script, before anything that waits; pages use {@link connectTokenManager}.
 *
 * - **A shared worker** with `memoryStorage()` keeps the tokens where no page can reach them: one manager for all tabs,
 *   until the last one closes. A dedicated worker does the same for one tab, until the tab reloads.
 * - **A service worker** loses its memory when the browser stops it, so its manager needs `indexedDbStorage()`. **Every script of the
 *   origin can read that storage**, even if it is encrypted, because the script can use the key. This protects tokens only
 *   against code that does not look for them in IndexedDB.
 * - A service worker also handles requests that pages make without a manager: `fetch`, `<img>`, `<video crossorigin>` (without that
 *   attribute Firefox sends no request to it, and other browsers will follow). It adds no token to navigations, frames and forms, which
 *   any site can begin. Without a token the request fails with a network error, and an event contains the reason.
 * - A page gets `fetch` for `protectedResources`, events, `setTokens` and `signOut`. No response, error or event contains a
 *   token. `Authorization` and `DPoP` are removed from requests of pages.
 * - A script in a page can call these resources while the page is open, sign out, and sign in again for itself.
 *
 * @returns a function that stops serving.
 * @throws ConfigurationError outside a worker, and for invalid options.
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { serveTokenManager } from 'tokenkeep/worker';
 *
 * // tokens.worker.ts
 * const protectedResources = ['https://api.example.com/'];
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources,
 * });
 * serveTokenManager({ manager, protectedResources });
 * ```
 * @see OAuth 2.0 for Browser-Based Applications §8.2
 */
export function serveTokenManager(options: ServeTokenManagerOptions): () => void {
  const { manager, channel = 'tokenkeep', scope: global = globalThis } = options;
  if (typeof manager?.fetch !== 'function') {
    throw new ConfigurationError(
      explain('worker-options', 'serveTokenManager(options): the option manager must be a TokenManager.'),
    );
  }
  const { match } = parseProtectedResources(options.protectedResources);
  const scope = openScope(global);
  const calls = new PageCalls(manager);
  const server = new WorkerServer(options, { calls, requests: new BridgeRequests(calls, match) }, channel);
  const stopping = [
    scope.onMessage((incoming) => server.handle(incoming)),
    () => server.close(),
    ...forwardedEvents.map((type) =>
      manager.on(type, (event) =>
        scope.broadcast({ tokenkeep: channel, event: toBridgeEvent(event as AnyTokenEvent) }),
      ),
    ),
  ];
  if (isServiceWorker(global) && options.plainRequests !== false) {
    stopping.push(answerPlainRequests(global, manager.fetch, match));
  }
  return () => {
    for (const stop of stopping.splice(0)) stop();
  };
}

/** Handles the messages of pages. */
class WorkerServer {
  readonly #options: ServeTokenManagerOptions;
  readonly #calls: PageCalls;
  readonly #requests: BridgeRequests;
  readonly #channel: string;
  readonly #locks: LockManager = requireLockManager();
  /** Unique name of this worker, which it announces to the pages. */
  readonly #name: string;
  readonly #liveness: Promise<() => void>;
  readonly #pages: Set<string> = new Set();

  constructor(
    options: ServeTokenManagerOptions,
    { calls, requests }: { calls: PageCalls; requests: BridgeRequests },
    channel: string,
  ) {
    this.#calls = calls;
    this.#options = options;
    this.#requests = requests;
    this.#channel = channel;
    this.#name = `tokenkeep.worker:${channel}:${randomId()}`;
    this.#liveness = announcePresence(this.#locks, this.#name);
    this.#liveness.catch(() => undefined);
  }

  handle({ data, port, waitUntil }: PageMessage): void {
    const envelope = parseEnvelope(data, this.#channel);
    if (envelope === undefined) return; // a message of the application
    const { to, from, message } = envelope;
    if (to !== this.#name && message?.type !== 'hello') return void port.postMessage(wrongWorker);
    if (message?.type === 'fetch') {
      this.#watch(from);
      waitUntil(new Promise<void>((over) => this.#reply(port, this.#requests.handle(from, message, over))));
    } else {
      waitUntil(this.#reply(port, this.#handleMessage(from, message)));
    }
  }

  close(): void {
    this.#requests.cancelAll();
    void this.#liveness.then(
      (leave) => leave(),
      () => undefined,
    );
  }

  async #reply(port: MessagePort, handled: Promise<BridgeReply<unknown>>): Promise<void> {
    const reply = await handled.catch(
      (error: unknown): BridgeReply<unknown> => ({ kind: 'error', error: toBridgeError(error) }),
    );
    // Replies contain the login as well, because the page may have missed the event.
    port.postMessage({ ...reply, login: this.#calls.login }, transferablesOf(reply));
    port.close();
  }

  async #handleMessage(page: string, message: WorkerMessage | undefined): Promise<BridgeReply<unknown>> {
    const { manager, login, allowAccessTokens } = this.#options;
    if (message === undefined)
      return { kind: 'error', error: refusal('This is not a message for the token manager.') };
    switch (message.type) {
      case 'hello':
        await this.#liveness;
        return { kind: 'value', value: this.#name };
      case 'accessToken':
        if (allowAccessTokens !== true) return { kind: 'error', error: refusal(tokensStay) };
        return { kind: 'value', value: await this.#calls.getAccessToken(message.request, message.login) };
      case 'setTokens':
        return { kind: 'value', value: await manager.setTokens(message.tokens as TokenSet, message.options) };
      case 'login':
        if (login === undefined) return { kind: 'error', error: refusal(noLogin) };
        return { kind: 'value', value: await completeWorkerLogin(manager, await login(message.request)) };
      case 'signOut':
        return { kind: 'value', value: toBridgeResult(await manager.signOut(signOutOptions(message))) };
      default:
        return await this.#requests.handle(page, message);
    }
  }

  /** Cancels the calls of a page when it is gone. */
  #watch(page: string): void {
    if (page === '' || this.#pages.has(page)) return;
    this.#pages.add(page);
    whenGone(this.#locks, page, () => {
      this.#pages.delete(page);
      this.#requests.cancelAll(page);
    });
  }
}

const tokensStay =
  'Access tokens stay in the worker. Let it make the call with fetch(); if this page has to see them, pass ' +
  'allowAccessTokens: true to serveTokenManager().';
const noLogin =
  'This worker has no login. Pass the option login to serveTokenManager(), or pass the tokens of a login to setTokens().';
