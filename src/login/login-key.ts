/**
 * The key that the tokens of a login are bound to (RFC 9449), where the login has the option `dpop`.
 *
 * @module
 */
import { isTokenKeepError, LoginFailedError, StorageError } from '../core/errors.ts';
import type { Prover } from '../core/possession.ts';
import { safeCause } from '../core/transport-failure.ts';
import { within } from '../flow/waiting.ts';
import type { Login } from './login.ts';
import type { LoginClient } from './login-options.ts';

/**
 * The key that a login was begun with, by its thumbprint. `undefined`: the login was begun without one.
 *
 * @throws LoginFailedError `no_key` when it is lost, StorageError when it cannot be read for the moment.
 */
export async function keptKey(
  client: LoginClient,
  thumbprint: string | undefined,
): Promise<Prover | undefined> {
  if (thumbprint === undefined) return await newKey(client);
  const prover = await inStorage(client, 'read', async () => await client.dpop?.prover(thumbprint));
  if (prover !== undefined) return prover;
  const message = 'The key of the login is gone. Start the login again.';
  throw new LoginFailedError(message, { reason: 'no_key' });
}

/** A key for a login, durable before tokens are asked for with it. `undefined`: a login without `dpop`. @throws StorageError */
export async function newKey(client: LoginClient): Promise<Prover | undefined> {
  const prover = await client.dpop?.generate();
  if (prover !== undefined) await keepKey(client, prover);
  return prover;
}

/** Makes a key durable. @throws StorageError */
export async function keepKey(client: LoginClient, prover: Prover): Promise<void> {
  await inStorage(client, 'write', async () => await client.dpop?.keep(prover));
}

/** Exchanges what the user agreed to with `prover`, and forgets that key when no tokens came for it. */
export async function withKey(
  client: LoginClient,
  prover: Prover | undefined,
  exchange: () => Promise<Login>,
): Promise<Login> {
  try {
    const login = await exchange();
    if (login.tokens.thumbprint === undefined) await forgetKey(client, prover?.thumbprint);
    return login;
  } catch (error) {
    await forgetKey(client, prover?.thumbprint);
    throw error;
  }
}

/** Best effort: a key that stays behind opens nothing. */
export async function forgetKey(client: LoginClient, thumbprint: string | undefined): Promise<void> {
  if (thumbprint === undefined) return;
  try {
    await within(client, async () => await client.dpop?.forget(thumbprint));
  } catch {}
}

async function inStorage<T>(
  client: LoginClient,
  operation: 'read' | 'write',
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await within(client, run);
  } catch (error) {
    if (isTokenKeepError(error)) throw error;
    const done = operation === 'read' ? 'read' : 'stored';
    throw new StorageError(
      `The key of the login could not be ${done}. Check the option keys of dpop(), then start the login again.`,
      { operation, cause: safeCause(error, []) },
    );
  }
}
