/**
 * A login of a native app or a command line, in the user's own browser (RFC 8252). Node only.
 *
 * @module
 */

import { abortable, deadline } from '../async/abortable.ts';
import { ConfigurationError } from '../core/errors.ts';
import { parseUrl } from '../core/http/url.ts';
import { authorizationRequest } from './authorization-request.ts';
import { completeInPlace } from './complete-in-place.ts';
import { loginTimedOut } from './complete-login.ts';
import type { Login } from './login.ts';
import {
  checkRequest,
  createLoginClient,
  defaultLifetime,
  type LoginClient,
  type LoginClientOptions,
  type LoginRequest,
} from './login-options.ts';
import { type LoopbackServer, listenOnLoopback } from './loopback-server.ts';
import { openSystemBrowser } from './system-browser.ts';

/** Options of {@link loopbackLogin}. */
export interface LoopbackLoginOptions extends LoginClientOptions, LoginRequest {
  /** Path of the redirect URI as registered at the server. @default '/callback' */
  readonly path?: string | undefined;
  /** Port of the redirect URI, for servers that do not accept every port (RFC 8252 §7.3). @default any free port */
  readonly port?: number | undefined;
  /** Host of the redirect URI. @default '127.0.0.1' */
  readonly host?: '127.0.0.1' | '[::1]' | undefined;
  /** Shows the URL to the user: opens a browser, prints it, or both. @default {@link openSystemBrowser} */
  readonly open?: ((url: string) => void | Promise<void>) | undefined;
}

/**
 * Signs in with the user's browser (RFC 8252) and waits for the response on a loopback port of this machine. Only a request
 * with the expected path and `state` is accepted. The port is closed afterwards, also after a failure.
 *
 * @example
 * ```ts
 * import { loopbackLogin } from 'tokenkeep/login';
 * import { discover, TokenManager } from 'tokenkeep';
 *
 * const client = { clientId: 'my-cli', authorizationServer: discover('https://auth.example.com') };
 * const manager = new TokenManager({ ...client, protectedResources: ['https://api.example.com/'] });
 *
 * async function signIn(): Promise<void> {
 *   const login = await loopbackLogin({ ...client, scope: ['openid', 'offline_access'] });
 *   await manager.setTokens(login.tokens);
 * }
 * ```
 * @throws LoginFailedError (`timed_out`: no response arrived), ConfigurationError, the signal's reason, the errors of `open`
 *   and of listening.
 * @see RFC 8252
 */
export async function loopbackLogin(options: LoopbackLoginOptions): Promise<Login> {
  const { path = '/callback', port = 0, host = '127.0.0.1' } = options;
  if (!(path.startsWith('/') && parseUrl(path, 'http://127.0.0.1')?.pathname === path)) {
    throw new ConfigurationError("The option path must be a path such as '/callback'.");
  }
  if (host !== '127.0.0.1' && host !== '[::1]') {
    throw new ConfigurationError(
      "The option host must be '127.0.0.1' or '[::1]': localhost may be another machine.",
    );
  }
  checkRequest(options);
  const client = await createLoginClient(options);
  const server = await listenOnLoopback(host, path, port);
  try {
    return await logInThrough(server, client, options);
  } finally {
    await server.close();
  }
}

async function logInThrough(
  server: LoopbackServer,
  client: LoginClient,
  options: LoopbackLoginOptions,
): Promise<Login> {
  const { signal, open = openSystemBrowser, lifetime = defaultLifetime } = options;
  const request = await authorizationRequest(client, options, server.redirectUri);
  const late = deadline(client.clock, lifetime, loginTimedOut);
  try {
    return await completeInPlace(client, request, async () => {
      const arrived = server.responseFor(request.state);
      // A callback that waits for the user, or for the browser to exit, must not delay the response.
      const failure = Promise.resolve(open(request.url)).then(() => new Promise<never>(() => undefined));
      return await abortable(abortable(Promise.race([arrived, failure]), late.signal), signal);
    });
  } finally {
    late.clear();
  }
}
