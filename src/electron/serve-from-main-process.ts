/**
 * The main process's end of the bridge.
 *
 * @module
 */
import { refusal } from '../bridge/bridge-error.ts';
import type { BridgeReply } from '../bridge/bridge-messages.ts';
import { BridgeRequests } from '../bridge/bridge-requests.ts';
import { forwardedEvents } from '../bridge/forwarded-events.ts';
import { PageCalls } from '../bridge/page-calls.ts';
import { parseBridgeMessage, parseSessionMessage } from '../bridge/parse-bridge-message.ts';
import type { Transport } from '../core/contracts.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { AnyTokenEvent, TokenEventType, TokenListener } from '../core/events.ts';
import { parseProtectedResources } from '../core/http/protected-resource.ts';
import type { RevocationResult } from '../core/oauth/revocation-result.ts';
import type { TokenResponse, TokenSet } from '../core/oauth/token-set.ts';
import type { ElectronIpcMain } from './electron-api.ts';
import { EventSubscribers } from './event-subscribers.ts';
import { createFrameCheck } from './frame-check.ts';
import { SessionHandler } from './session-handler.ts';

/** The part of a `TokenManager` that is used. */
export interface ServedTokenManager {
  /** Calls protected resources. */
  readonly fetch: Transport;
  /** Subscribes to events. Returns a function that unsubscribes. */
  on<Type extends TokenEventType>(type: Type, listener: TokenListener<Type>): () => void;
  /** Begins a session. */
  setTokens(tokens: TokenSet | TokenResponse): Promise<void>;
  /** Ends the session. */
  signOut(options?: {
    readonly revoke?: boolean | undefined;
    readonly timeout?: number | undefined;
  }): Promise<RevocationResult>;
}

/** Options of {@link serveTokenManager}. */
export interface ServeTokenManagerOptions {
  /** Module `ipcMain` of Electron. */
  readonly ipcMain: ElectronIpcMain;
  /** The one manager of the application, or one session of it. */
  readonly manager: ServedTokenManager;
  /** Origins of the pages that may call: `'app://main'`, `'https://app.example.com'`. All others are refused. */
  readonly allowedOrigins: readonly string[];
  /** URLs that pages may call: those of the manager's protected resources that they need, or parts of them. */
  readonly protectedResources: readonly string[];
  /**
   * Obtains the tokens of a login when a page requests one with {@link ConnectedTokenManager.login}, so that no page
   * ever holds them: `loopbackLogin()` of `tokenkeep/login` in the user's own browser. `request` comes from the page.
   * Any script of the page can send anything, so validate it. Pass the `signal` on: it aborts the login when the user
   * begins another one, and when this stops.
   *
   * @default pages cannot sign in
   */
  readonly login?: ((request: unknown, signal: AbortSignal) => Promise<TokenSet | TokenResponse>) | undefined;
  /** Maximum size of a request body, which is held in memory, in bytes. @default 67_108_864 */
  readonly maxBody?: number | undefined;
  /** Name of the channel, for several managers. @default 'tokenkeep' */
  readonly channel?: string | undefined;
}

/**
 * Lets the pages of an Electron application call the API with tokens that they never hold. Call it in the main process before
 * it opens a window, {@link exposeTokenManager} in the preload script and {@link connectTokenManager} in the page.
 *
 * - A page gets `fetch` for `protectedResources`, events and `signOut`, and with the option `login` a
 *   login in the main process. It cannot request a token, and no response, error or event contains one. A script in
 *   the page can call these resources while the page is open, sign out, and show the user a login.
 * - Every message is checked by the current URL and origin of the frame that sent it: both must be allowed. `'file://'`
 *   allows every local page; a scheme of your own (`protocol.handle`, registered as standard) is safer.
 * - `Authorization`, `DPoP` and other headers that pages may not set are removed from requests, `Set-Cookie` from
 *   responses. After a redirect, a response is returned only if its URL is in `protectedResources` too.
 * - A request body is held in memory, up to `maxBody`. A response is streamed as the page reads it. If it
 *   is neither read nor cancelled, it stays open until the page closes.
 *
 * Electron was not available for testing: this is tested against a double of its inter-process communication.
 *
 * @returns a function that stops serving.
 * @throws ConfigurationError for invalid options.
 * @example
 * ```ts
 * import { TokenManager } from 'tokenkeep';
 * import { type ElectronIpcMain, serveTokenManager } from 'tokenkeep/electron';
 *
 * // import { ipcMain } from 'electron';
 * function serve(ipcMain: ElectronIpcMain, manager: TokenManager): () => void {
 *   return serveTokenManager({
 *     ipcMain,
 *     manager,
 *     allowedOrigins: ['app://main'],
 *     protectedResources: ['https://api.example.com/'],
 *   });
 * }
 * ```
 */
export function serveTokenManager(options: ServeTokenManagerOptions): () => void {
  const { ipcMain, manager, channel = 'tokenkeep', maxBody = 64 * 1024 * 1024 } = options;
  if (typeof ipcMain?.handle !== 'function' || typeof manager?.fetch !== 'function') {
    throw new ConfigurationError(
      'serveTokenManager(options): the options ipcMain and manager must be those of the main process.',
    );
  }
  const mayCall = createFrameCheck(options.allowedOrigins);
  const { match } = parseProtectedResources(options.protectedResources);
  const isBody = (body: unknown): body is Uint8Array => body instanceof Uint8Array && body.length <= maxBody;
  const calls = new PageCalls(manager);
  const requests = new BridgeRequests(calls, match);
  const sessionHandler = new SessionHandler(manager, options.login);
  const subscribers = new EventSubscribers(mayCall, `${channel}:event`, (frame) => requests.cancelAll(frame));
  ipcMain.handle(channel, async (event, given): Promise<BridgeReply<unknown>> => {
    const { senderFrame: frame } = event;
    const message = parseSessionMessage(given) ?? parseBridgeMessage(given, isBody);
    // Another document is in the frame, of the same page or another: calls of the previous document are cancelled.
    if (message?.type === 'begin' && frame !== null) subscribers.remove(frame.frameTreeNodeId);
    if (!mayCall(frame)) return { kind: 'error', error: refusal('This page may not use the token manager.') };
    if (message === undefined)
      return { kind: 'error', error: refusal('This is not a message for the token manager.') };
    subscribers.add(event, frame);
    const isSessionMessage = message.type === 'login' || message.type === 'signOut';
    const reply = isSessionMessage
      ? await sessionHandler.handle(message)
      : await requests.handle(frame.frameTreeNodeId, message);
    // Replies contain the login as well, because the page may have missed the event.
    return { ...reply, login: calls.login };
  });
  const unsubscribe = forwardedEvents.map((type) =>
    manager.on(type, (event) => subscribers.publish(event as AnyTokenEvent)),
  );
  return () => {
    ipcMain.removeHandler(channel);
    for (const stop of unsubscribe) stop();
    sessionHandler.close();
    requests.cancelAll();
  };
}
