/**
 * Logins and sign-outs that pages request from the main process.
 *
 * @module
 */
import { refusal, toBridgeError } from '../bridge/bridge-error.ts';
import {
  type BridgeReply,
  type BridgeSignOutOptions,
  type SessionMessage,
  signOutOptions,
  toBridgeResult,
} from '../bridge/bridge-messages.ts';
import { isTokenKeepError, LoginFailedError } from '../core/errors.ts';
import type { RevocationResult } from '../core/oauth/revocation-result.ts';
import type { TokenResponse, TokenSet } from '../core/oauth/token-set.ts';

type Login = (request: unknown, signal: AbortSignal) => Promise<TokenSet | TokenResponse>;

/** The part of a `TokenManager` that is used. */
interface SessionManager {
  setTokens(tokens: TokenSet | TokenResponse): Promise<void>;
  signOut(options?: BridgeSignOutOptions): Promise<RevocationResult>;
}

export class SessionHandler {
  readonly #manager: SessionManager;
  readonly #login: Login | undefined;
  /** Aborts the login that waits for the user. */
  #latest: AbortController | undefined;

  constructor(manager: SessionManager, login: Login | undefined) {
    this.#manager = manager;
    this.#login = login;
  }

  async handle(message: SessionMessage): Promise<BridgeReply<unknown>> {
    try {
      if (message.type === 'login') return await this.#logIn(message.request);
      return { kind: 'value', value: toBridgeResult(await this.#manager.signOut(signOutOptions(message))) };
    } catch (error) {
      const bridgeError = toBridgeError(error);
      // A page receives no details of foreign errors. The author of the login can log them.
      return {
        kind: 'error',
        error: isTokenKeepError(error)
          ? bridgeError
          : { ...bridgeError, message: `The ${message.type} failed.` },
      };
    }
  }

  /** Aborts the login that waits for the user, because no page waits for it any more. */
  close(): void {
    this.#latest?.abort(superseded());
  }

  /** Runs a login. The latest one counts: a user who has closed the browser's tab presses the button again. */
  async #logIn(request: unknown): Promise<BridgeReply<undefined>> {
    if (this.#login === undefined) return { kind: 'error', error: refusal(noLogin) };
    this.close();
    this.#latest = new AbortController();
    // Once there are tokens they belong to the user, even if the login was aborted meanwhile.
    await this.#manager.setTokens(await this.#login(request, this.#latest.signal));
    return { kind: 'value', value: undefined };
  }
}

function superseded(): LoginFailedError {
  return new LoginFailedError('Another login was started, or the application is closing.', {
    reason: 'cancelled',
  });
}

const noLogin =
  'The main process has no login for pages. Pass the option login to serveTokenManager(), or sign in there.';
