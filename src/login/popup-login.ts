/**
 * A login in a popup, in browsers.
 *
 * @module
 */

import { abortable, deadline, startTimer, throwIfAborted } from '../async/abortable.ts';
import { ConfigurationError, LoginFailedError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { parseUrl } from '../core/http/url.ts';
import { type AuthorizationRequest, authorizationRequest } from './authorization-request.ts';
import { invalidResponse, readAuthorizationResponse } from './authorization-response.ts';
import { completeInPlace } from './complete-in-place.ts';
import { loginTimedOut } from './complete-login.ts';
import type { Login } from './login.ts';
import {
  createLoginClient,
  defaultLifetime,
  type LoginClient,
  type LoginClientOptions,
  type LoginRequest,
  requireRedirectUri,
} from './login-options.ts';

/** Options of {@link popupLogin}. */
export interface PopupLoginOptions extends LoginClientOptions, LoginRequest {
  /** URL of a page of this origin that calls {@link returnFromPopup}, as registered at the server. */
  readonly redirectUri: string;
  /** Features of the window, for `window.open`. @default 'popup,width=480,height=720' */
  readonly features?: string | undefined;
}

/** The part of a window that is used. */
interface Popup {
  opener: unknown;
  readonly closed: boolean;
  readonly location: { replace(url: string): void };
  close(): void;
}

const channelOf = (state: string) => new BroadcastChannel(`tokenkeep.login.${state}`);
/** Pause between two checks whether the popup is still open, in ms. */
const closedPollMs = 500;

/**
 * Signs in with a popup. Call it directly in a click handler: browsers block popups that are opened after an `await`.
 * The verifier never leaves this page, and only this origin receives the response.
 *
 * A server that isolates its pages (`Cross-Origin-Opener-Policy: same-origin`) makes the window look closed: use
 * {@link startLogin} there.
 *
 * @example
 * ```ts
 * import { popupLogin } from 'tokenkeep/login';
 * import { discover, TokenManager } from 'tokenkeep';
 *
 * const client = { clientId: 'my-app', authorizationServer: discover('https://auth.example.com') };
 * const manager = new TokenManager({ ...client, protectedResources: ['https://api.example.com/'] });
 * const redirectUri = 'https://app.example.com/popup-callback'; // there: returnFromPopup();
 *
 * async function onClick(): Promise<void> {
 *   const login = await popupLogin({ ...client, redirectUri, scope: ['openid', 'offline_access'] });
 *   await manager.setTokens(login.tokens);
 * }
 * ```
 * @throws LoginFailedError (`cancelled`: the window was closed), ConfigurationError, the signal's reason.
 */
export async function popupLogin(options: PopupLoginOptions): Promise<Login> {
  const { redirectUri, features = 'popup,width=480,height=720', signal } = options;
  requireRedirectUri(redirectUri);
  if (globalThis.location === undefined) {
    throw new ConfigurationError(
      explain('popup-login', 'popupLogin() is for pages. Outside of a page use loopbackLogin().'),
    );
  }
  if (new URL(redirectUri).origin !== globalThis.location.origin) {
    throw new ConfigurationError(
      explain('popup-login', 'popupLogin(): redirectUri must be a page of this origin.'),
    );
  }
  throwIfAborted(signal);
  // Before any `await`, or the browser blocks the popup as not opened by the user.
  const popup: Popup | null = globalThis.open('about:blank', '_blank', features);
  if (popup === null) {
    throw new LoginFailedError(
      'The browser blocked the popup. Call popupLogin() directly in a click handler.',
      {
        reason: 'popup_blocked',
      },
    );
  }
  try {
    const client = await createLoginClient(options);
    const request = await authorizationRequest(client, options, redirectUri);
    return await completeInPlace(client, request, () => responseFromPopup(popup, client, request, options));
  } finally {
    popup.close();
  }
}

async function responseFromPopup(
  popup: Popup,
  { clock }: LoginClient,
  { url, state }: AuthorizationRequest,
  { signal, lifetime = defaultLifetime }: PopupLoginOptions,
): Promise<string> {
  const channel = channelOf(state);
  const late = deadline(clock, lifetime, loginTimedOut);
  const closing = watchClosed(popup, clock);
  try {
    const arrived = new Promise<string>((resolve) => {
      channel.onmessage = ({ data, origin }: MessageEvent<unknown>) => {
        const isOurs = origin === globalThis.location.origin && typeof data === 'string';
        if (!isOurs || parseUrl(data)?.searchParams.get('state') !== state) return;
        channel.postMessage(null); // received
        resolve(data);
      };
    });
    popup.opener = null; // without this, the server's pages could navigate this page
    popup.location.replace(url);
    return await abortable(abortable(Promise.race([arrived, closing.closed]), late.signal), signal);
  } finally {
    late.clear();
    closing.stop();
    channel.close();
  }
}

/** Rejects when the window was closed at two checks: the response may still be on its way at the first. */
function watchClosed(popup: Popup, clock: LoginClient['clock']): { closed: Promise<never>; stop(): void } {
  let timer: unknown;
  const closed = new Promise<never>((_, reject) => {
    const look = (wasClosed: boolean) => {
      timer = startTimer(
        clock,
        () => {
          if (popup.closed && wasClosed) {
            reject(new LoginFailedError('The popup of the login was closed.', { reason: 'cancelled' }));
          } else look(popup.closed);
        },
        closedPollMs,
      );
    };
    look(false);
  });
  return { closed, stop: () => clock.clearTimeout(timer) };
}

/**
 * Sends the response of a login to the page that waits for it in {@link popupLogin}, and closes the window once it
 * was received. For the page at `redirectUri`.
 *
 * @throws LoginFailedError `invalid_response` if the URL contains no response.
 */
export function returnFromPopup(callback: string | URL = globalThis.location.href): void {
  const { state } = readAuthorizationResponse(new URL(callback).searchParams);
  if (state === undefined) throw invalidResponse('This page was opened without the response of a login.');
  const channel = channelOf(state);
  channel.onmessage = () => {
    channel.close();
    globalThis.close();
  };
  channel.postMessage(String(callback));
}
