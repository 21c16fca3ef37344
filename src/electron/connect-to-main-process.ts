/**
 * The page's end of the bridge: a `fetch` and events.
 *
 * @module
 */

import {
  type BridgeMessage,
  type BridgeReply,
  type BridgeRequest,
  fromBridgeEvent,
  type SessionMessage,
  type TokenManagerBridge,
  valueOfReply,
} from '../bridge/bridge-messages.ts';
import { fetchOverBridge } from '../bridge/bridged-fetch.ts';
import { KnownLogin } from '../bridge/known-login.ts';
import type { Transport } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { AnyTokenEvent, TokenEventType, TokenListener } from '../core/events.ts';
import { explain } from '../core/explain.ts';
import type { RevocationResult } from '../core/oauth/revocation-result.ts';

/** The token manager of the main process, as a page sees it. */
export interface ConnectedTokenManager {
  /**
   * Does what `fetch` does, in the main process and with an access token, for the resources that pages may call. A body is
   * read whole before it is sent. Cookies, cache and referrer of the page do not apply.
   *
   * @throws the errors of `TokenManager.fetch`; a `DOMException` named `NotAllowedError` for what pages may not do.
   */
  readonly fetch: Transport;
  /** Subscribes to events. Returns a function that unsubscribes. */
  on<Type extends TokenEventType | '*'>(type: Type, listener: TokenListener<Type>): () => void;
  /**
   * Requests a login from the main process, which runs its option `login`. The argument must be plain data. Of several
   * logins the latest counts.
   *
   * @throws the error of that login, if it is an error of tokenkeep: LoginFailedError (`cancelled`: another login was begun);
   *   a `DOMException` named `NotAllowedError` where pages cannot sign in.
   */
  login(request?: unknown): Promise<void>;
  /** Ends the session, for all pages. @throws the errors of `TokenManager.signOut`. */
  signOut(options?: {
    readonly revoke?: boolean | undefined;
    readonly timeout?: number | undefined;
  }): Promise<RevocationResult>;
}

/**
 * Connects a page of an Electron application to the token manager in the main process.
 *
 * @param bridge the object that {@link exposeTokenManager} has put into the page.
 * @example
 * ```ts
 * import { connectTokenManager, type TokenManagerBridge } from 'tokenkeep/electron';
 *
 * declare const tokenkeep: TokenManagerBridge;
 *
 * async function orders(): Promise<unknown> {
 *   const manager = connectTokenManager(tokenkeep);
 *   manager.on('sessionEnded', ({ error }) => console.log(`Please sign in again: ${error.reason}`));
 *   return (await manager.fetch('https://api.example.com/orders')).json();
 * }
 * ```
 */
export function connectTokenManager(bridge: TokenManagerBridge): ConnectedTokenManager {
  if (typeof bridge?.call !== 'function' || typeof bridge.listen !== 'function') {
    throw new ConfigurationError(
      explain(
        'electron-bridge',
        'connectTokenManager(bridge): there is no bridge. Call exposeTokenManager() in the preload script, and pass what it ' +
          'has put into the page: globalThis.tokenkeep.',
      ),
    );
  }
  const known = new KnownLogin();
  bridge.listen((message) => known.onEvent(message));
  return {
    fetch: (input, init) => fetchFrom(bridge, new Request(input, init), known),
    on(type, listener) {
      return bridge.listen((message) => {
        const event: AnyTokenEvent = fromBridgeEvent(message);
        if (type === '*' || event.type === type) (listener as (event: AnyTokenEvent) => unknown)(event);
      });
    },
    login: async (request) => void (await callSession(bridge, { type: 'login', request })),
    signOut: async ({ revoke, timeout } = {}) =>
      (await callSession(bridge, { type: 'signOut', revoke, timeout })) as RevocationResult,
  };
}

async function fetchFrom(bridge: TokenManagerBridge, given: Request, known: KnownLogin): Promise<Response> {
  const { current: login } = known;
  const { url, method, redirect, signal } = given;
  const body = given.body === null ? undefined : new Uint8Array(await given.arrayBuffer());
  const request: BridgeRequest = { url, method, headers: [...given.headers], body, redirect, login };
  const call = async (message: BridgeMessage | SessionMessage) =>
    known.onReply(await callMain(bridge, message));
  return await fetchOverBridge({ ...bridge, call }, request, signal);
}

async function callSession(bridge: TokenManagerBridge, message: SessionMessage): Promise<unknown> {
  return valueOfReply((await callMain(bridge, message)) as BridgeReply<unknown>);
}

async function callMain(
  bridge: TokenManagerBridge,
  message: BridgeMessage | SessionMessage,
): Promise<unknown> {
  try {
    return await bridge.call(message);
  } catch (cause) {
    throw new TypeError('The main process does not serve a token manager here.', { cause });
  }
}
