/**
 * A login of a device without a browser: its user enters a code elsewhere (RFC 8628).
 *
 * @module
 */

import { abortable, completeClock, delay, type RequiredClock } from '../async/abortable.ts';
import { LoginFailedError } from '../core/errors.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import { loginTimedOut } from './complete-login.ts';
import { type DeviceAuthorization, type DevicePrompt, deviceAuthorization } from './device-authorization.ts';
import { createLogin, type Login } from './login.ts';
import { createLoginKey, withLoginKey } from './login-key.ts';
import {
  createLoginClient,
  type LoginClient,
  type LoginClientOptions,
  type LoginRequest,
} from './login-options.ts';
import { type ExchangeOutcome, exchangeFailed, prepareExchange } from './token-exchange.ts';

export type { DevicePrompt } from './device-authorization.ts';

/** Options of {@link deviceLogin}. */
export interface DeviceLoginOptions extends LoginClientOptions, Omit<LoginRequest, 'lifetime' | 'par'> {
  /** Shows the user where to go and which code to enter. */
  readonly onPrompt: (prompt: DevicePrompt) => void | Promise<void>;
}

const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
const slowDownMs = 5_000;
/** Upper limit of the wait after a failed connection, in ms. */
const maxWaitMs = 60_000;

/**
 * Logs in on another device: requests a code, shows it to the user, and polls for the tokens no faster than the
 * server allows and at most once a second, until the user has agreed or refused, or the code has expired.
 *
 * @example
 * ```ts
 * import { deviceLogin } from 'tokenkeep/login';
 * import { discover, TokenManager } from 'tokenkeep';
 *
 * const client = { clientId: 'my-tv', authorizationServer: discover('https://auth.example.com') };
 * const manager = new TokenManager({ ...client, protectedResources: ['https://api.example.com/'] });
 *
 * async function signIn(): Promise<void> {
 *   const login = await deviceLogin({
 *     ...client,
 *     scope: ['offline_access'],
 *     onPrompt: ({ verificationUri, userCode }) => console.info(`${verificationUri}: ${userCode}`),
 *   });
 *   await manager.setTokens(login.tokens);
 * }
 * ```
 * @throws LoginFailedError (`timed_out`: the code has expired), ConfigurationError, the signal's reason.
 * @see RFC 8628
 */
export async function deviceLogin(options: DeviceLoginOptions): Promise<Login> {
  const { signal } = options;
  const client = await createLoginClient(options, keepAliveClock(options));
  const dpopKey = await createLoginKey(client); // before the user acts, so that a failure costs no consent
  return await withLoginKey(client, dpopKey, async () => {
    const authorization = await abortable(deviceAuthorization(client, options), signal);
    // A callback that waits for the user must not delay aborting.
    await abortable(Promise.resolve(options.onPrompt(authorization.prompt)), signal);
    const { grant, sentAt } = await poll(client, authorization, dpopKey, signal);
    return createLogin(client, grant, sentAt, { scope: options.scope, thumbprint: dpopKey?.thumbprint });
  });
}

/** @see RFC 8628 §3.5 */
async function poll(
  client: LoginClient,
  { deviceCode, interval: least, prompt }: DeviceAuthorization,
  dpopKey: DpopKey | undefined,
  signal: AbortSignal | undefined,
): Promise<Extract<ExchangeOutcome, { kind: 'granted' }>> {
  let interval = least;
  for (let wait = interval; ; ) {
    const left = prompt.expiresAt - client.clock.Date.now();
    if (left <= 0) throw loginTimedOut();
    await delay(Math.min(wait, left), signal, client.clock);
    if (wait >= left) throw loginTimedOut();
    // Not aborted after it is sent: its tokens would be lost.
    const request = await prepareExchange(client, grantType, { device_code: deviceCode }, dpopKey);
    const exchanged = await request.send();
    if (exchanged.kind === 'granted') return exchanged;
    const refusal = classifyRefusal(exchanged);
    if (refusal === 'slow_down') interval += slowDownMs;
    if (refusal !== 'failed') wait = interval;
    else wait = Math.max(Math.min(wait * 2, maxWaitMs), interval, retryAfterOf(exchanged));
  }
}

/** @throws LoginFailedError for a final refusal. */
function classifyRefusal(
  exchanged: Exclude<ExchangeOutcome, { kind: 'granted' }>,
): 'authorization_pending' | 'slow_down' | 'failed' {
  if (exchanged.kind !== 'refused') return 'failed';
  const { error, failure } = exchanged;
  if (error === 'authorization_pending' || error === 'slow_down') return error;
  if (error === 'expired_token') {
    throw new LoginFailedError('The device code has expired.', { reason: 'timed_out', error });
  }
  if (failure === 'transient') return 'failed';
  throw exchangeFailed(exchanged);
}

const retryAfterOf = (exchanged: ExchangeOutcome) =>
  exchanged.kind === 'refused' ? (exchanged.retryAfter ?? 0) : 0;

/** Wraps timers so that they cannot be unref'd: between two requests only the timer keeps the process alive. */
function keepAliveClock({ clock }: DeviceLoginOptions): RequiredClock {
  const full = completeClock(clock);
  if (clock?.setTimeout !== undefined) return full;
  return {
    Date: full.Date,
    setTimeout: (callback, delay) => ({ timer: globalThis.setTimeout(callback, delay) }),
    clearTimeout: (timer) =>
      globalThis.clearTimeout((timer as { readonly timer: number } | undefined)?.timer),
  };
}
