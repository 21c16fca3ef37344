/**
 * A login of a device without a browser: its user enters a code elsewhere (RFC 8628).
 *
 * @module
 */
import { LoginFailedError } from '../core/errors.ts';
import type { Prover } from '../core/possession.ts';
import { completeClock, type FullClock, leavingOn } from '../flow/waiting.ts';
import { tookTooLong } from './complete-login.ts';
import { type DeviceAuthorization, type DevicePrompt, deviceAuthorization } from './device-authorization.ts';
import { type Login, loginOf } from './login.ts';
import { newKey, withKey } from './login-key.ts';
import {
  type LoginClient,
  type LoginClientOptions,
  type LoginRequest,
  loginClient,
} from './login-options.ts';
import { type Exchanged, failed, prepareExchange } from './token-exchange.ts';

export type { DevicePrompt } from './device-authorization.ts';

/** What {@link deviceLogin} takes. */
export interface DeviceLoginOptions extends LoginClientOptions, Omit<LoginRequest, 'lifetime'> {
  /** Tells the user where to go and what to enter there. */
  readonly onPrompt: (prompt: DevicePrompt) => void | Promise<void>;
}

const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
const slower = 5_000;
/** What a connection that fails makes the next wait at most, in ms. */
const longestWait = 60_000;

/**
 * Logs in on another device: asks for a code, has the user told, and asks for the tokens no faster than the server
 * allows and at most once a second, until the user has agreed or refused, or the code has expired.
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
  const client = await loginClient(options, waitingClock(options));
  const prover = await newKey(client); // first what can fail without a user
  return await withKey(client, prover, async () => {
    const authorization = await leavingOn(deviceAuthorization(client, options), signal);
    // A callback that waits for the user must not delay aborting.
    await leavingOn(Promise.resolve(options.onPrompt(authorization.prompt)), signal);
    const { grant, sentAt } = await poll(client, authorization, prover, signal);
    return loginOf(client, grant, sentAt, { scope: options.scope, thumbprint: prover?.thumbprint });
  });
}

/** @see RFC 8628 §3.5 */
async function poll(
  client: LoginClient,
  { deviceCode, interval: least, prompt }: DeviceAuthorization,
  prover: Prover | undefined,
  signal: AbortSignal | undefined,
): Promise<Extract<Exchanged, { kind: 'granted' }>> {
  let interval = least;
  for (let wait = interval; ; ) {
    const left = prompt.expiresAt - client.clock.now();
    if (left <= 0) throw tookTooLong();
    await pause(client.clock, Math.min(wait, left), signal);
    if (wait >= left) throw tookTooLong();
    // Not given up in the middle: what it brings would be lost.
    const request = await prepareExchange(client, grantType, { device_code: deviceCode }, prover);
    const exchanged = await request.send();
    if (exchanged.kind === 'granted') return exchanged;
    const answer = meaningOf(exchanged);
    if (answer === 'slow_down') interval += slower;
    if (answer !== 'failed') wait = interval;
    else wait = Math.max(Math.min(wait * 2, longestWait), interval, retryAfterOf(exchanged));
  }
}

/** @throws LoginFailedError for what is final. */
function meaningOf(
  exchanged: Exclude<Exchanged, { kind: 'granted' }>,
): 'authorization_pending' | 'slow_down' | 'failed' {
  if (exchanged.kind !== 'refused') return 'failed';
  const { error, failure } = exchanged;
  if (error === 'authorization_pending' || error === 'slow_down') return error;
  if (error === 'expired_token') {
    throw new LoginFailedError('The device code has expired.', { reason: 'timed_out', error });
  }
  if (failure === 'transient') return 'failed';
  throw failed(exchanged);
}

const retryAfterOf = (exchanged: Exchanged) =>
  exchanged.kind === 'refused' ? (exchanged.retryAfter ?? 0) : 0;

/** @throws the signal's reason */
async function pause(clock: FullClock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: unknown;
  const over = new Promise<void>((resolve) => {
    timer = clock.setTimeout(resolve, ms);
  });
  await leavingOn(over, signal).finally(() => clock.clearTimeout(timer));
}

/** Between two requests nothing but a timer keeps the process alive, so these do, unlike those of sessions. */
function waitingClock({ clock }: DeviceLoginOptions): FullClock {
  const full = completeClock(clock);
  if (clock?.setTimeout !== undefined) return full;
  return { ...full, setTimeout: (callback, delay) => globalThis.setTimeout(callback, delay) };
}
