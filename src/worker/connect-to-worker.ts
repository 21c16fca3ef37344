/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The page's end of the bridge.
 *
 * @module
 */

import { abortable, throwIfAborted } from '../async/abortable.ts';
import { fromBridgeEvent, valueOfReply } from '../bridge/bridge-messages.ts';
import { fetchOverBridge } from '../bridge/bridged-fetch.ts';
import { KnownLogin } from '../bridge/known-login.ts';
import type { Transport } from '../core/contracts.ts';
import { dispose } from '../core/disposal.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { TokenEventType, TokenListener } from '../core/events.ts';
import { explain } from '../core/explain.ts';
import { notRevoked, type RevocationResult } from '../core/oauth/revocation-result.ts';
import type {
  AccessTokenRequest,
  SetTokensOptions,
  TokenResponse,
  TokenSet,
} from '../core/oauth/token-set.ts';
import { packRequest } from './packed-request.ts';
import { WorkerConnection } from './worker-connection.ts';
import type { SignedIn } from './worker-login.ts';
import type { WorkerMessage } from './worker-messages.ts';
import { type TokenWorker, workerFinder } from './worker-port.ts';

/** Options of {@link connectTokenManager}. */
export interface ConnectTokenManagerOptions {
  /**
   * Creates or returns the worker: `() => new SharedWorker(url)`, `() => new Worker(url)`, `() => navigator.serviceWorker`. It is
   * called again if a worker that it created has ended.
   */
  readonly worker: () => TokenWorker | undefined;
  /** Creates another worker if the browser does not support the first. @default a ConfigurationError */
  readonly fallback?: (() => TokenWorker | undefined) | undefined;
  /** The channel of {@link serveTokenManager}. @default 'tokenkeep' */
  readonly channel?: string | undefined;
}

/** Token manager of a worker, for use in a page. */
export interface ConnectedTokenManager extends Disposable {
  /**
   * Sends a request in the worker, with an access token, for the resources that pages may call. Bodies are transferred in
   * chunks as they are read; a `Request` with a body is read first. If the worker is stopped during a call, the call is
   * repeated if it is a GET, HEAD or OPTIONS.
   *
   * @throws the errors of `TokenManager.fetch`; a `DOMException` named `NotAllowedError` for a call that pages may not make; a
   *   `TypeError` if the worker has ended.
   */
  readonly fetch: Transport;
  /** Subscribes to events. Returns a function that unsubscribes. */
  on<Type extends TokenEventType | '*'>(type: Type, listener: TokenListener<Type>): () => void;
  /**
   * Returns an access token, if the worker sets `allowAccessTokens`.
   *
   * @throws the errors of `TokenManager.getAccessToken`; a `DOMException` named `NotAllowedError` without `allowAccessTokens`.
   */
  getAccessToken(request?: AccessTokenRequest): Promise<string>;
  /**
   * Begins a session in the worker with the tokens of a login. The page should keep no copy of them.
   *
   * @throws the errors of `TokenManager.setTokens`; a `TypeError` if the worker has ended: then sign in again.
   */
  setTokens(tokens: TokenSet | TokenResponse, options?: SetTokensOptions): Promise<void>;
  /**
   * Requests a login from the worker, which runs its option `login`. The argument must be plain data.
   *
   * @param options `signal` stops waiting. The login continues in the worker.
   * @returns the user who signed in.
   * @throws the errors of that login, if they are errors of tokenkeep; the signal's reason after an abort.
   */
  login(request: unknown, options?: { readonly signal?: AbortSignal | undefined }): Promise<SignedIn>;
  /**
   * Ends the session, for all pages.
   *
   * @param options those of `TokenManager.signOut`: `signal` stops waiting, and the session ends anyway.
   * @throws the errors of `TokenManager.signOut`.
   */
  signOut(options?: {
    readonly revoke?: boolean | undefined;
    readonly timeout?: number | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<RevocationResult>;
  /** Unsubscribes this page. The worker and other pages continue. */
  close(): void;
}

/**
 * Connects a page to the token manager in a worker of its origin, which {@link serveTokenManager} serves there.
 *
 * @throws ConfigurationError if the browser supports neither `worker` nor `fallback`, or has no Web Locks.
 * @example
 * ```ts
 * import { connectTokenManager } from 'tokenkeep/worker';
 *
 * const manager = connectTokenManager({
 *   worker: () => new SharedWorker('/tokens.worker.js', { type: 'module' }),
 * });
 *
 * async function orders(): Promise<unknown> {
 *   manager.on('sessionEnded', showLogin);
 *   return (await manager.fetch('https://api.example.com/orders')).json();
 * }
 * ```
 */
export function connectTokenManager(options: ConnectTokenManagerOptions): ConnectedTokenManager {
  const { worker, fallback, channel = 'tokenkeep' } = options;
  if (typeof worker !== 'function') {
    throw new ConfigurationError(
      explain(
        'worker-options',
        'connectTokenManager(options): the option worker must be a function: () => new SharedWorker(url).',
      ),
    );
  }
  const connection = new WorkerConnection(workerFinder(worker, fallback), channel);
  const known = new KnownLogin();
  connection.listen((message) => known.onEvent(message));
  const bridge = {
    call: async (message: WorkerMessage) => known.onReply(await connection.call(message)),
  };
  const call = async (message: WorkerMessage, signal?: AbortSignal): Promise<unknown> => {
    throwIfAborted(signal);
    return valueOfReply(await abortable(bridge.call(message), signal));
  };
  return {
    async fetch(input, init) {
      const { current: login } = known;
      const { request, signal, upload } = await packRequest(input, init);
      return await fetchOverBridge(bridge, { ...request, login }, signal, upload);
    },
    on(type, listener) {
      return connection.listen((message) => {
        const event = fromBridgeEvent(message);
        if (type === '*' || event.type === type) (listener as (event: unknown) => unknown)(event);
      });
    },
    getAccessToken: async ({ signal, ...request } = {}) =>
      (await call({ type: 'accessToken', request, login: known.current }, signal)) as string,
    async setTokens(tokens, options) {
      known.current = undefined; // unknown until the reply names the new login
      await call({ type: 'setTokens', tokens, options });
    },
    login: async (request, { signal } = {}) => (await call({ type: 'login', request }, signal)) as SignedIn,
    async signOut({ revoke, timeout, signal } = {}) {
      // Sent before the signal is checked: an aborted caller stops waiting, but the session ends.
      const result = call({ type: 'signOut', revoke, timeout }) as Promise<RevocationResult>;
      return await abortable(result, signal).catch((error: unknown) => {
        if (signal?.aborted === true && (signal.reason ?? error) === error) return notRevoked('aborted');
        throw error;
      });
    },
    close: () => connection.close(),
    [dispose]: () => connection.close(),
  };
}
