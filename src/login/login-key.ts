/**
 * The key that the tokens of a login are bound to (RFC 9449), where the login has the option `dpop`.
 *
 * @module
 */
import { LoginFailedError } from '../core/errors.ts';
import type { Prover } from '../core/possession.ts';
import type { Login } from './login.ts';
import type { LoginClient } from './login-options.ts';

/**
 * Exchanges what the user agreed to with the key of the login: the one in memory, the one of this thumbprint, or a new one. It
 * is durable before it is used, so that tokens never come for a key that is gone, and forgotten when none came for it.
 *
 * @throws LoginFailedError `no_key`, what keeping the key throws, and what `exchange` throws.
 */
export async function withKey(
  client: LoginClient,
  known: Prover | string | undefined,
  exchange: (prover: Prover | undefined) => Promise<Login>,
): Promise<Login> {
  const { dpop } = client;
  const prover = typeof known === 'string' ? await dpop?.prover(known) : (known ?? (await dpop?.generate()));
  if (prover === undefined) {
    if (known === undefined) return await exchange(undefined);
    const message = 'The key of the login is gone. Start the login again.';
    throw new LoginFailedError(message, { reason: 'no_key' });
  }
  await dpop?.keep(prover);
  try {
    const login = await exchange(prover);
    if (login.tokens.thumbprint === undefined) await forgetKey(client, prover.thumbprint);
    return login;
  } catch (error) {
    await forgetKey(client, prover.thumbprint);
    throw error;
  }
}

/** Best effort: a key that stays behind opens nothing. */
export async function forgetKey({ dpop }: LoginClient, thumbprint: string | undefined): Promise<void> {
  if (thumbprint === undefined) return;
  try {
    await dpop?.forget(thumbprint);
  } catch {}
}
